"""How well the language reached the base: retrieval, surprise at gold answers, answers to look at."""

from collections.abc import Sequence
from typing import Any

from newtongue_evaluation.answers import answer, answer_nats
from newtongue_evaluation.baselines.forms import plain
from newtongue_evaluation.baselines.swapped import swapped
from newtongue_evaluation.measures.alignment import centred, retrieval_at_1
from newtongue_evaluation.measures.answered import bits_per_byte
from newtongue_evaluation.measures.states import sentence_states
from newtongue_recipes.demo.lessons import SAY
from newtongue_recipes.experiments.corpus import Messages, Question, ask


def retrieval(model: Any, language: str, others: Sequence[str], english: Sequence[str]) -> dict[str, float]:
    """Share of the language's sentences whose own translation is the nearest of all, by mean-pooled states.

    Args:
        model: attached; each sentence stands where the base is asked to repeat it.
        others, english: sentences and their translations.

    Returns:
        With what the base reads ("embeddings") and with the states of its middle layer ("middle layer").
    """
    queries = sentence_states(model, others, language=language, say=SAY)
    candidates = sentence_states(model, english, say=SAY)
    at = {"embeddings": 0, "middle layer": len(queries) // 2}
    return {name: retrieval_at_1(centred(queries[layer]), centred(candidates[layer])) for name, layer in at.items()}


def bits(model: Any, tokenizer: Any, conversations: Sequence[Messages]) -> float:
    """Bits per byte of the gold answers, all bits over all bytes."""
    return bits_per_byte(
        sum(answer_nats(model, tokenizer, conversations)), "".join(one[-1]["content"] for one in conversations)
    )


def bits_of_answers(
    model: Any, tokenizer: Any, held: Sequence[Question], language: str, raw: bool = False
) -> dict[str, float]:
    """Bits per byte of the answers in English and in the language; `raw` asks in the base's own vocabulary."""
    scored = {}
    for name, answered_in in (("in_english", "en"), ("in_language", language)):
        asked = [ask(one, language, answered_in) for one in held]
        scored[name] = bits(model, tokenizer, [plain(one) for one in asked] if raw else asked)
    return scored


def bits_with_swapped_questions(
    model: Any, tokenizer: Any, held: Sequence[Question], language: str
) -> dict[str, float]:
    """The same where each question is exchanged for another: what knowing the kind of answers alone is worth."""
    scored = {}
    for name, answered_in in (("in_english", "en"), ("in_language", language)):
        asked = [ask(one, language, answered_in) for one in held]
        others = swapped(asked, [0] * len(held), [one.key for one in held])
        scored[name] = bits(model, tokenizer, [[*o[:-1], a[-1]] for a, o in zip(asked, others, strict=True)])
    return scored


def bits_asked_in_english(base: Any, tokenizer: Any, held: Sequence[Question]) -> dict[str, float]:
    """Bits per byte of the English answers where the bare base is asked in English: what it knows."""
    asked: list[Messages] = [
        [{"role": "user", "content": one.english}, {"role": "assistant", "content": one.english_answer}] for one in held
    ]
    return {"in_english": bits(base, tokenizer, asked)}


def examples(model: Any, held: Sequence[Question], language: str, raw: Any, tokenizer: Any) -> list[dict[str, str]]:
    """Questions with gold and given answers; `raw`, LoRA on raw text, answers beside the adapter if there is one."""
    english = [ask(one, language, "en")[:-1] for one in held]
    own = [ask(one, language, language)[:-1] for one in held]
    given = {
        "in_english": answer(model, model.tokenizer, english, max_new_tokens=24),
        "in_language": answer(model, model.tokenizer, own, max_new_tokens=60),
    }
    if raw is not None:
        given["raw_lora_in_english"] = answer(raw, tokenizer, [plain(one) for one in english], max_new_tokens=24)
    return [
        {
            "question": one.other,
            "question_in_english": one.english,
            "gold": one.english_answer,
            "gold_in_language": one.other_answer,
            **{name: texts[place] for name, texts in given.items()},
        }
        for place, one in enumerate(held)
    ]

"""The demo's exam: what the base and the two adapters answer, and the controls."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoTokenizer

from newtongue import ModalityAdapter
from newtongue_evaluation.answers import answer
from newtongue_evaluation.baselines.swapped import swapped
from newtongue_evaluation.measures import intervals
from newtongue_evaluation.measures.text import exact, exact_match
from newtongue_recipes.atlas import chance, facts
from newtongue_recipes.atlas.qa import Row, rows
from newtongue_recipes.demo.lessons import ask, held_out
from newtongue_recipes.demo.nano import load_nano

ENGLISH_TOKENS, LANGUAGE_TOKENS = 12, 40  # Longest answers; Japanese is spelled in bytes.
Progress = Callable[[int], None]


@dataclass
class Score:
    """Exact match on the held-out facts of one language.

    Attributes:
        in_english, in_language: answered in English; in the language asked.
        shuffled: answered in English to another subject's question, scored against this one's answer.
        chance: of always giving the relation's most frequent answer.
        raw_lora, raw_lora_in_language: LoRA on raw text, the same rows and steps; None where it was left out.
        n: questions.
        intervals: 95%, of `in_english` and `in_language` by their names; subjects are drawn, with all their questions.
    """

    in_english: float
    in_language: float
    shuffled: float
    chance: float
    n: int
    raw_lora: float | None = None
    raw_lora_in_language: float | None = None
    intervals: dict[str, list[float]] = field(default_factory=dict)


@dataclass
class Exam:
    """Everything the demo found out.

    Attributes:
        english_identical: the adapted model's English answers, and logits, are the bare base's, all of them.
        english: exact match of the base on English questions.
        heldout: scores by language.
        by_relation: language → relation → exact match in English.
        examples: some held-out questions: language, question, gold answer, answers in English and in the language.
    """

    english_identical: bool
    english: float
    heldout: dict[str, Score]
    by_relation: dict[str, dict[str, float]]
    examples: list[dict[str, str]]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def questions(languages: Sequence[str]) -> int:
    """How many questions the exam asks."""
    return 2 * len(_english()) + sum(3 * len(held_out(language, "en")) for language in languages)


def examine(base_folder: Path, adapters: Sequence[Path], progress: Progress) -> Exam:
    """Reload everything into a fresh 4-bit base, attach all languages at once, and ask."""
    # Without bitsandbytes' repacking, so that the 4-bit base computes here as it did in training.
    base = load_nano(base_folder)
    tokenizer = AutoTokenizer.from_pretrained(base_folder)
    english = _english()
    asked = [ask(row, answered=False) for row in english]
    probe = tokenizer([row.question for row in english[:64]], return_tensors="pt", padding=True)
    bare_answers = answer(base, tokenizer, asked, max_new_tokens=ENGLISH_TOKENS, progress=progress)
    with torch.no_grad():
        bare_logits = base(probe["input_ids"], attention_mask=probe["attention_mask"]).logits

    model: Any = base
    for folder in adapters:
        model = ModalityAdapter.from_pretrained(folder).attach(base)
    adapted_answers = answer(model, model.tokenizer, asked, max_new_tokens=ENGLISH_TOKENS, progress=progress)
    with torch.no_grad():
        adapted_logits = model(probe["input_ids"], attention_mask=probe["attention_mask"]).logits

    heldout, by_relation, examples = {}, {}, []
    for language in model.languages:
        score, relations, shown = _examine_language(model, language, progress)
        heldout[language], by_relation[language] = score, relations
        examples += shown
    return Exam(
        english_identical=bare_answers == adapted_answers and torch.equal(bare_logits, adapted_logits),
        english=exact_match(bare_answers, [row.answer for row in english], "en"),
        heldout=heldout,
        by_relation=by_relation,
        examples=examples,
    )


def in_english_and_in_language(
    model: Any,
    tokenizer: Any,
    language: str,
    progress: Progress,
    form: Callable[[Any], Any] = lambda one: one,
) -> tuple[list[str], list[str]]:
    """Answers to a language's held-out questions; `form` may change how they are put."""
    answers = []
    for answered_in, length in (("en", ENGLISH_TOKENS), (language, LANGUAGE_TOKENS)):
        asked = [form(ask(row, answered=False)) for row in held_out(language, answered_in)]
        answers.append(answer(model, tokenizer, asked, max_new_tokens=length, progress=progress))
    return answers[0], answers[1]


def _examine_language(
    model: Any, language: str, progress: Progress
) -> tuple[Score, dict[str, float], list[dict[str, str]]]:
    english, own = held_out(language, "en"), held_out(language, language)
    gold, own_gold = [row.answer for row in english], [row.answer for row in own]
    in_english, in_language = in_english_and_in_language(model, model.tokenizer, language, progress)
    asked = [ask(row, answered=False) for row in english]
    exchanged = swapped(asked, [row.relation for row in english], [row.subject for row in english])
    shuffled = answer(model, model.tokenizer, exchanged, max_new_tokens=ENGLISH_TOKENS, progress=progress)
    score = Score(
        in_english=exact_match(in_english, gold, "en"),
        in_language=exact_match(in_language, own_gold, language),
        shuffled=exact_match(shuffled, gold, "en"),
        chance=_chance(english),
        n=len(english),
        intervals={
            "in_english": _interval(in_english, gold, "en", [row.subject for row in english]),
            "in_language": _interval(in_language, own_gold, language, [row.subject for row in own]),
        },
    )
    relations = {}
    for relation in dict.fromkeys(row.relation for row in english):
        chosen = [place for place, row in enumerate(english) if row.relation == relation]
        relations[relation] = exact_match([in_english[one] for one in chosen], [gold[one] for one in chosen], "en")
    shown = [
        {
            "language": language,
            "question": english[one].question,
            "gold": gold[one],
            "in_english": in_english[one],
            "gold_in_language": own[one].answer,
            "in_language": in_language[one],
        }
        for one in range(0, len(english), len(english) // 8)
    ]
    return score, relations, shown


def _interval(answers: Sequence[str], gold: Sequence[str], language: str, subjects: Sequence[str]) -> list[float]:
    """The 95% interval of an exact match."""
    right = [(exact(one, [other], language), 1.0) for one, other in zip(answers, gold, strict=True)]
    found = intervals.score(np.array(right), subjects)
    return [round(found.low, 4), round(found.high, 4)] if found else []


def _english() -> list[Row]:
    """Every fact in one English phrasing, which one going round."""
    everything = rows("en", "en", {fact.subject.key for fact in facts()})
    by_fact: dict[tuple[str, str], list[Row]] = {}
    for row in sorted(everything, key=lambda row: (row.subject, row.relation, row.question)):
        by_fact.setdefault((row.subject, row.relation), []).append(row)
    return [options[place % len(options)] for place, options in enumerate(by_fact.values())]


def _chance(asked: Sequence[Row]) -> float:
    keys = {row.subject for row in asked}
    return chance([fact for fact in facts() if fact.subject.key in keys], "en")

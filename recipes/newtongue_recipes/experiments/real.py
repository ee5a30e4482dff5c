"""Real text as a world: human questions held out of all but the base, and topics of a language with little text."""

import random
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel, TrainerCallback

from newtongue import NewtongueError
from newtongue.spans.borrowed import cut_latin, is_latin
from newtongue.tokenizer.loading import load_tokenizer
from newtongue_evaluation.baselines import Lessons, Question
from newtongue_recipes.demo.lessons import repeat, said_in, write
from newtongue_recipes.loading import load_base, small_dtype
from newtongue_recipes.stages.dictionary import mine_dictionary
from newtongue_recipes.stages.map import Pair

from . import corpus
from .english import make_base
from .schema import Settings
from .world import World

SCORED = 200  # Topics of a language with little text that are kept back; half as many for searches.
ABOUT = "What is it about? "


def real_world(
    settings: Settings,
    data: Path,
    base: Path,
    language: str,
    seed: int,
    text: int | None,
    pairs: int | None,
    callbacks: Sequence[TrainerCallback] = (),
) -> World:
    """Real text in one language; the base is made first, if it is not there.

    Args:
        text, pairs: rows at most; all where None.
        callbacks: watch the base's training.
    """
    _check(data, language)
    make_base(data, base, settings.base, callbacks, bar=not callbacks)
    world = _questions if language in corpus.TATOEBA else _topics
    return world(settings, data, base, language, seed, text, pairs)


def _check(data: Path, language: str) -> None:
    """Raise NewtongueError where a file that is read later is not there."""
    names = ["qa/en.jsonl.gz", *(f"parallel/en-{one}.tsv.gz" for one in corpus.TATOEBA if one == language)]
    if language in corpus.TATOEBA:
        names += [f"qa/{language}.jsonl.gz", f"mono/{language}.txt.gz"]
    else:
        names += [f"eval/sib200.{one}.train-dev.tsv" for one in ("en", language)]
    missing = [name for name in names if not (data / name).exists()]
    if missing:
        raise NewtongueError(
            f"{data} lacks {', '.join(missing)}, from which {language!r} is learned. Name another --data, or languages "
            "whose files are there."
        )


def _questions(
    settings: Settings, data: Path, base: Path, language: str, seed: int, text: int | None, pairs: int | None
) -> World:
    """MKQA: some of the questions that exist in all languages are held out."""
    wanted = settings.corpus
    known = corpus.questions(data, language, lower=wanted.lower)
    asked = [one for one in known if _short(one.english_answer, wanted.answer_words)]
    shared = corpus.trilingual(data)
    common = [one for one in asked if one.key in shared]
    _, held = corpus.hold_out(common, wanted.held_out + wanted.development)
    seen = corpus.apart(asked, held)
    everything = 10**9
    translated = corpus.pairs(data, language, everything, wanted.pair_words, wanted.aligned_words, held, seed)
    translated += corpus.question_pairs(data, language, held, lower=wanted.lower) * wanted.question_pairs
    random.Random(seed).shuffle(translated)
    translated = translated[:pairs]
    translated += [Pair(one.english, one.english) for one in translated[: wanted.english_pairs]]
    if wanted.trivia:
        named = corpus.trivia(data, wanted.trivia, wanted.pair_words, held, seed)
        translated += [Pair(one, one) for one in named]
    random.Random(seed).shuffle(translated)
    conversations = [corpus.ask(one, language, answered) for one in seen for answered in ("en", language)]
    said = translated[: wanted.tune_pairs]
    conversations += [said_in("en", repeat(pair.english, pair.other, language)) for pair in said]
    for english, other in _words(translated) * wanted.written:
        conversations += [said_in(language, write(other, language, read), english) for read in (None, english)]
    random.Random(seed).shuffle(conversations)
    exam, development = held[: wanted.held_out], held[wanted.held_out :]
    return World(
        task="mkqa",
        lessons=_lessons(
            base,
            language,
            conversations,
            translated,
            corpus.mono(data, language, everything, wanted.text_characters, held, seed)[:text],
        ),
        pairs=translated,
        exam=[_question(one, language, answered) for answered in ("en", language) for one in exam[: settings.asked]],
        development=[_question(one, language, "en") for one in development],
        base=base,
    )


def _words(translated: Sequence[Pair]) -> list[tuple[str, str]]:
    """What says little but its words, each with its English: the shortest pairs, and words mined from all."""
    told = [(one.english, one.other) for one in translated if one.english != one.other]
    short = [(one.english, one.other) for one in translated if one.aligned and one.english != one.other]
    return [*short, *(entry for entry in mine_dictionary(told) if entry[0] != entry[1])]


def _topics(
    settings: Settings, data: Path, base: Path, language: str, seed: int, text: int | None, pairs: int | None
) -> World:
    """SIB-200: its sentences are all the text and all the pairs there are, its topics the questions."""
    rows = list(zip(corpus.topics(data, "en"), corpus.topics(data, language), strict=True))
    random.Random(0).shuffle(rows)  # The same rows are kept back for every seed.
    kept, taught = rows[: SCORED * 3 // 2], rows[SCORED * 3 // 2 :]
    random.Random(seed).shuffle(taught)
    translated = [Pair(english[1], other[1]) for english, other in taught[:pairs]]
    exam, development = kept[:SCORED], kept[SCORED:]
    return World(
        task="sib200",
        lessons=_lessons(
            base,
            language,
            [_topic(other[1], language, other[2]) for _, other in taught],
            translated,
            [other[1] for _, other in taught[:text]],
        ),
        pairs=translated,
        exam=[_about(*row, language) for row in exam],
        development=[_about(*row, language) for row in development],
        base=base,
        longest=8,
    )


def _lessons(
    base: Path, language: str, conversations: list[corpus.Messages], translated: list[Pair], text: list[str]
) -> Lessons:
    return Lessons(
        language,
        _loader(base),
        load_tokenizer(base),
        conversations,
        [repeat(pair.english, pair.other, language) for pair in translated],
        text,
        [(pair.english, pair.other) for pair in translated if pair.aligned],
    )


def _loader(base: Path) -> Callable[..., PreTrainedModel]:
    def load(dtype: torch.dtype | None = None) -> PreTrainedModel:
        return load_base(base, trainable=True, dtype=dtype or small_dtype(), attention="eager")

    return load


def _question(one: corpus.Question, language: str, answered_in: str) -> Question:
    *asked, told = corpus.ask(one, language, answered_in)
    return Question(one.key, asked, one.english, (told["content"],), answered_in, _kind(one, language), one.key)


def _kind(one: corpus.Question, language: str) -> str:
    """Whether a question holds words that the base knows already: of its English, or in Latin letters at all."""
    if is_latin(language):
        kind, knows = "of the English question", not _words_of(one.other).isdisjoint(_words_of(one.english))
    else:
        kind, knows = "in Latin letters", any(borrowed for _, borrowed in cut_latin(one.other, lambda part: True))
    return f"{'with' if knows else 'without'} words {kind}"


def _words_of(question: str) -> set[str]:
    """Its words of three letters or more, whatever their case; shorter ones are alike by chance."""
    return set(re.findall(r"[^\W\d_]{3,}", question.casefold().replace("ı", "i")))


def _about(english: tuple[str, str, str], other: tuple[str, str, str], language: str) -> Question:
    asked = _topic(other[1], language, other[2])[:-1]
    return Question(other[0], asked, f"{ABOUT}{english[1]}", (other[2],), "en", "sib200", other[0])


def _topic(text: str, language: str, topic: str) -> list[dict[str, Any]]:
    content = [{"type": "text", "text": ABOUT}, {"type": "text", "text": text, "language": language}]
    return [{"role": "user", "content": content}, {"role": "assistant", "content": topic, "language": "en"}]


def _short(answer: str, words: int) -> bool:
    return not words or len(answer.split()) <= words

"""What the English-only base is trained on: answering, repeating, paraphrasing and continuing.

The base learns every fact here, and to copy: what cannot be copied cannot be mapped to.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Literal, get_args

from newtongue_recipes.atlas.facts import facts, subjects
from newtongue_recipes.atlas.noise import noise
from newtongue_recipes.atlas.phrases import questions, statements
from newtongue_recipes.atlas.sentences import raw_text
from newtongue_recipes.atlas.slots import Deck

ExerciseKind = Literal["answer", "repeat", "paraphrase", "continue"]

MIX: Mapping[ExerciseKind, float] = {"answer": 0.4, "repeat": 0.35, "paraphrase": 0.1, "continue": 0.15}
REPEAT = ("Repeat: {}", "Say this again: {}", "Copy this text: {}")
PARAPHRASE = ("Say this in another way: {}", "Put this in other words: {}")
NOISE_SHARE = 0.4

_Task = tuple[str, str]


@dataclass(frozen=True)
class Exercise:
    """A prompt and what should follow it, neither with space at its ends."""

    prompt: str
    completion: str
    kind: ExerciseKind


def exercises(count: int, seed: int, mix: Mapping[ExerciseKind, float] = MIX) -> list[Exercise]:
    """`count` exercises, each kind in proportion to its weight in `mix`.

    Every question comes once before any comes again. ValueError for a weight that cannot be one.
    """
    unknown = set(mix) - set(get_args(ExerciseKind))
    if unknown or min(mix.values(), default=-1.0) < 0 or not sum(mix.values()):
        raise ValueError(f"mix gives weights to {', '.join(get_args(ExerciseKind))}, not {dict(mix)}")
    rng = Random(f"{seed}/exercises")
    makers = _makers(rng, count, seed)
    kinds = rng.choices(list(mix), weights=list(mix.values()), k=count)
    return [Exercise(*makers[kind](), kind) for kind in kinds]


def plain_text(count: int, seed: int) -> list[str]:
    """`count` lines in even shares of sentences, statements and questions, and their answers beside them."""
    rng = Random(f"{seed}/plain")
    neutral = Deck(_sentences(count, seed), rng)
    told = Deck([text for fact in facts() for text in statements(fact)], rng)
    asked = Deck([(text, fact.answers["en"]) for fact in facts() for text in questions(fact, "en")], rng)
    kinds = (neutral.deal, told.deal, lambda: " ".join(asked.deal()))
    return [kinds[number % len(kinds)]() for number in range(count)]


def _makers(rng: Random, count: int, seed: int) -> Mapping[ExerciseKind, Callable[[], _Task]]:
    asked = [questions(fact, "en") for fact in facts()]
    told = [statements(fact) for fact in facts()]
    answers = [(text, fact.answers["en"]) for fact in facts() for text in questions(fact, "en")]
    alike = Deck([*asked, *told], rng)
    question = Deck(answers, rng)
    sentence = Deck(_sentences(count, seed), rng)
    statement = Deck([text for group in told for text in group], rng)
    ask = Deck([text for group in asked for text in group], rng)

    def text() -> str:
        return rng.choice((sentence, sentence, statement, ask)).deal()

    def repeat() -> _Task:
        line = noise(rng) if rng.random() < NOISE_SHARE else text()
        return rng.choice(REPEAT).format(line), line

    def paraphrase() -> _Task:
        one, other = rng.sample(alike.deal(), 2)
        return rng.choice(PARAPHRASE).format(one), other

    def carry_on() -> _Task:
        words = rng.choice((sentence, statement)).deal().split()
        while len(words) < 2:
            words = sentence.deal().split()
        cut = rng.randrange(1, len(words))
        return " ".join(words[:cut]), " ".join(words[cut:])

    return {"answer": question.deal, "repeat": repeat, "paraphrase": paraphrase, "continue": carry_on}


def _sentences(count: int, seed: int) -> list[str]:
    """Enough neutral sentences that they repeat little, and some when `count` is small."""
    everyone = [subject.key for subject in subjects()]
    return raw_text("en", max(1000, count // 3), seed, everyone, question_share=0)

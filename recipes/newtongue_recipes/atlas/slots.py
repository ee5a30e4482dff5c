"""What fills the slots of a sentence: subjects, and the names that answer questions about them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Generic, TypeVar

from newtongue_recipes.atlas.facts import facts, subjects
from newtongue_recipes.atlas.forms import SLOT_OF

T = TypeVar("T")


@dataclass(frozen=True)
class Name:
    """Something a sentence can name. `subject` is its key if facts are about it, else empty."""

    kind: str
    english: str
    subject: str = ""
    texts: Mapping[str, str] = field(compare=False, default_factory=dict)


@cache
def names() -> Mapping[str, tuple[Name, ...]]:
    """Every name there is, by the kind of slot it fills."""
    found: dict[str, dict[tuple[str, ...], Name]] = {}
    for subject in subjects():
        name = Name(subject.kind, subject.names["en"], subject.key, subject.names)
        found.setdefault(subject.kind, {})[(subject.key,)] = name
    for fact in facts():
        kind = SLOT_OF.get(fact.relation, fact.relation)
        texts = tuple(fact.answers.values())
        found.setdefault(kind, {})[texts] = Name(kind, fact.answers["en"], "", fact.answers)
    return {kind: tuple(by_text.values()) for kind, by_text in found.items()}


def states_fact(chosen: Sequence[Name]) -> bool:
    """Whether a subject and one of its own answers, in any language, are both among the names."""
    keys = {name.subject for name in chosen if name.subject}
    answers = {(name.kind, text) for name in chosen if not name.subject for text in name.texts.values()}
    return any(not answers.isdisjoint(_answers()[key]) for key in keys)


@cache
def _answers() -> Mapping[str, frozenset[tuple[str, str]]]:
    found: dict[str, set[tuple[str, str]]] = {}
    for fact in facts():
        kind = SLOT_OF.get(fact.relation, fact.relation)
        found.setdefault(fact.subject.key, set()).update((kind, text) for text in fact.answers.values())
    return {key: frozenset(answers) for key, answers in found.items()}


class Deck(Generic[T]):
    """Items dealt in a random order, each once before any comes again.

    Dealing, rather than drawing, is what makes every name come up about equally often.
    """

    def __init__(self, items: Sequence[T], rng: Random) -> None:
        if not items:
            raise ValueError("a deck needs at least one item")
        self._items, self._rng = list(items), rng
        self._left: list[T] = []

    def deal(self, accept: Callable[[T], bool] = lambda item: True) -> T:
        """The next item that `accept` takes; those it refuses stay. ValueError if it refuses all."""
        for fresh in (False, True):
            if fresh:
                again = self._rng.sample(self._items, len(self._items))
                self._left = again + self._left
            for index in range(len(self._left) - 1, -1, -1):
                if accept(self._left[index]):
                    return self._left.pop(index)
        raise ValueError("no item of the deck is acceptable")

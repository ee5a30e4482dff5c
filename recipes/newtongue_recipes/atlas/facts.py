"""What is true in the atlas: subjects, the facts about them, and who is held out."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from newtongue_recipes.atlas import names
from newtongue_recipes.atlas.tables import LANGUAGES as LANGUAGES
from newtongue_recipes.atlas.tables import keyed, table, texts

Kind = Literal["country", "element", "animal"]

KINDS: tuple[Kind, ...] = ("country", "element", "animal")
RELATIONS = ("capital", "continent", "currency", "language", "symbol", "number", "class", "legs")


@dataclass(frozen=True)
class Subject:
    """Something facts are about; `names` is what each language calls it."""

    key: str
    kind: Kind
    names: Mapping[str, str] = field(compare=False)


@dataclass(frozen=True)
class Fact:
    """One true answer about a subject, in each language."""

    subject: Subject
    relation: str
    answers: Mapping[str, str] = field(compare=False)


@cache
def facts() -> tuple[Fact, ...]:
    """Every fact of the atlas, in a fixed order."""
    return (*_countries(), *_elements(), *_animals())


@cache
def subjects() -> tuple[Subject, ...]:
    """Every subject of the atlas, in the order of its facts."""
    return tuple(dict.fromkeys(fact.subject for fact in facts()))


def split(language: str, held_out: float = 0.3, seed: int = 0) -> tuple[set[str], set[str]]:
    """The keys of the subjects that `language` is asked about in tuning, and of those it never is.

    Each kind of subject gives the same share. ValueError unless `held_out` is between 0 and 1.
    """
    if not 0 <= held_out <= 1:
        raise ValueError(f"held_out is a share between 0 and 1, not {held_out}")
    seen: set[str] = set()
    kept_back: set[str] = set()
    for kind in KINDS:
        keys = [subject.key for subject in subjects() if subject.kind == kind]
        keys.sort(key=lambda key: hashlib.sha256(f"{seed}/{language}/{key}".encode()).digest())
        cut = round(held_out * len(keys))
        kept_back.update(keys[:cut])
        seen.update(keys[cut:])
    return seen, kept_back


def chance(facts: Iterable[Fact], language: str) -> float:
    """How often one is right who always gives each relation's most frequent answer; 0 without facts."""
    answers: dict[str, Counter[str]] = {}
    for fact in facts:
        answers.setdefault(fact.relation, Counter())[fact.answers[language]] += 1
    total = sum(count.total() for count in answers.values())
    return sum(max(count.values()) for count in answers.values()) / total if total else 0.0


def _countries() -> Iterator[Fact]:
    for row in table("countries"):
        subject = Subject(f"country:{row['code']}", "country", names.country(row["code"]))
        if row["capital_en"] != "-":
            yield Fact(subject, "capital", {lang: row[f"capital_{lang}"] for lang in LANGUAGES})
        if row["continent"] != "-":
            yield Fact(subject, "continent", keyed("continents")[row["continent"]])
        if row["currency"] != "-":
            yield Fact(subject, "currency", keyed("currencies")[row["currency"]])
        if row["language"] != "-":
            yield Fact(subject, "language", names.language(row["language"]))


def _elements() -> Iterator[Fact]:
    for row in table("elements"):
        subject = Subject(f"element:{row['en']}", "element", texts(row))
        yield Fact(subject, "symbol", dict.fromkeys(LANGUAGES, row["symbol"]))
        yield Fact(subject, "number", dict.fromkeys(LANGUAGES, row["number"]))


def _animals() -> Iterator[Fact]:
    for row in table("animals"):
        subject = Subject(f"animal:{row['en']}", "animal", texts(row))
        if row["class"] != "-":
            yield Fact(subject, "class", keyed("classes")[row["class"]])
        if row["legs"] != "-":
            yield Fact(subject, "legs", keyed("legs")[row["legs"]])

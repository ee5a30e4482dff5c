"""Sentences in two languages, or one, that name everything in the atlas and state none of its facts.

Questions about the subjects a language has seen are among them; about the others there are none.
"""

import re
from collections.abc import Collection, Iterator
from functools import cache
from random import Random

from newtongue_recipes.atlas.facts import Fact, facts
from newtongue_recipes.atlas.forms import fill
from newtongue_recipes.atlas.phrases import questions
from newtongue_recipes.atlas.slots import Deck, Name, names, states_fact
from newtongue_recipes.atlas.tables import LANGUAGES, table, texts

EVERYDAY_SHARE = 0.05


def pairs(
    language: str, count: int, seed: int, seen: Collection[str], question_share: float = 0.2
) -> list[tuple[str, str]]:
    """`count` sentences as (English, `language`); about `question_share` of them ask about `seen` subjects.

    ValueError for English or a language the atlas does not have.
    """
    if language == "en":
        raise ValueError("a pair needs a language other than English")
    made = _sentences(("en", language), seed, seen, question_share)
    return [(one["en"], one[language]) for one, _ in zip(made, range(count), strict=False)]


def raw_text(language: str, count: int, seed: int, seen: Collection[str], question_share: float = 0.2) -> list[str]:
    """`count` sentences of `language` alone, of the kinds `pairs` has. ValueError for an unknown language."""
    made = _sentences((language,), seed, seen, question_share)
    return [one[language] for one, _ in zip(made, range(count), strict=False)]


def listings(language: str, count: int, seed: int, size: int = 4) -> list[tuple[str, str]]:
    """`count` lists of `size` names of all kinds, as (English, `language`): many names in few words, and no fact."""
    deck = Deck([name for group in names().values() for name in group], Random(f"{seed}/listings/{language}"))
    made = []
    for _ in range(count):
        chosen: list[Name] = []
        while len(chosen) < size:
            chosen.append(deck.deal(lambda name: name not in chosen and not states_fact([*chosen, name])))  # noqa: B023
        comma = "、" if language == "ja" else ", "
        made.append(
            (", ".join(name.texts["en"] for name in chosen), comma.join(name.texts[language] for name in chosen))
        )
    return made


def dictionary(language: str) -> list[tuple[str, str]]:
    """(English, `language`) for every name, and for the words that the relations go by."""
    words = [name.texts for group in names().values() for name in group] + [texts(row) for row in table("relations")]
    return list(dict.fromkeys((word["en"], word[language]) for word in words))


def _sentences(
    languages: tuple[str, ...], seed: int, seen: Collection[str], question_share: float
) -> Iterator[dict[str, str]]:
    unknown = [language for language in languages if language not in LANGUAGES]
    if unknown:
        raise ValueError(f"the atlas has no {unknown[0]!r}, only {', '.join(LANGUAGES)}")
    rng = Random(f"{seed}/{'-'.join(languages)}")
    askable = [fact for fact in facts() if fact.subject.key in seen]
    asked = Deck(_phrasings(askable), rng) if askable else None
    everyday = Deck(table("everyday"), rng)
    templates = Deck(table("templates"), rng)
    decks = {kind: Deck(group, rng) for kind, group in names().items()}
    while True:
        draw = rng.random()
        if draw < question_share and asked:
            fact, number = asked.deal()
            yield {language: questions(fact, language)[number] for language in languages}
        elif draw > 1 - EVERYDAY_SHARE:
            yield texts(everyday.deal())
        else:
            yield _filled(templates.deal(), decks, languages)


def _phrasings(askable: list[Fact]) -> list[tuple[Fact, int]]:
    return [(fact, number) for fact in askable for number in range(len(questions(fact, "en")))]


def _filled(template: dict[str, str], decks: dict[str, Deck[Name]], languages: tuple[str, ...]) -> dict[str, str]:
    chosen: dict[str, Name] = {}

    def fits(name: Name) -> bool:
        return name not in chosen.values() and not states_fact([*chosen.values(), name])

    for slot in _slots(template["en"]):
        chosen[slot] = decks[slot.rstrip("0123456789")].deal(fits)
    return {
        language: fill(
            template[language],
            language,
            {slot: (name.kind, name.texts[language]) for slot, name in chosen.items()},
        )
        for language in languages
    }


@cache
def _slots(template: str) -> tuple[str, ...]:
    """The names of a template's slots, each once, as "country2"."""
    return tuple(dict.fromkeys(re.findall(r"{(\w+)", template)))

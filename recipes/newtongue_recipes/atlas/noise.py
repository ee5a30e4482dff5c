"""Lines without sense, to be copied letter by letter: shuffled words, invented words, digits, names."""

import re
from functools import cache
from random import Random

from newtongue_recipes.atlas.slots import names
from newtongue_recipes.atlas.tables import table

_ONSETS = ("", *"bdfghjklmnprstvwyz", "br", "ch", "dr", "fl", "gr", "pl", "sh", "st", "th", "tr")
_VOWELS = (*"aeiou", "ai", "ea", "ou")
_CODAS = ("", "", "", *"nrstlmk", "nd", "rt")


def noise(rng: Random) -> str:
    """One such line, of at most eight words."""
    return rng.choice((_words, _invented, _digits, _names))(rng)


def invented_word(rng: Random) -> str:
    """A word that does not exist, though it could: one to three syllables."""
    syllables = rng.randint(1, 3)
    word = "".join(rng.choice(_ONSETS) + rng.choice(_VOWELS) + rng.choice(_CODAS) for _ in range(syllables))
    return word.capitalize() if rng.random() < 0.3 else word


def _words(rng: Random) -> str:
    return " ".join(rng.choices(_vocabulary(), k=rng.randint(2, 8)))


def _invented(rng: Random) -> str:
    return " ".join(invented_word(rng) for _ in range(rng.randint(1, 5)))


def _digits(rng: Random) -> str:
    return " ".join(str(rng.randrange(10 ** rng.randint(1, 4))) for _ in range(rng.randint(1, 5)))


def _names(rng: Random) -> str:
    return ", ".join(rng.choices(_all_names(), k=rng.randint(1, 4)))


@cache
def _all_names() -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.english for group in names().values() for name in group))


@cache
def _vocabulary() -> tuple[str, ...]:
    """The words of every English table, and the names."""
    tables = ("questions", "statements", "templates", "everyday")
    lines = [row["en"] for name in tables for row in table(name)]
    words = re.findall(r"[A-Za-z']+", re.sub(r"{.*?}", "", " ".join(lines)))
    return tuple(dict.fromkeys([*words, *_all_names()]))

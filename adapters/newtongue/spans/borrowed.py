"""Words that a language borrows as they stand, such as NBA in Japanese, or the name of a film in Turkish."""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from .scripts import scripts_of_language

_LATIN = "A-Za-zÀ-ÖØ-öø-ɏḀ-ỿ"
# Several words in a row, and what is between them.
_LATIN_WORDS = re.compile(rf" ?[{_LATIN}](?:[ -~{_LATIN}]*[0-9{_LATIN}])?")
_WORDS = re.compile(r"[^\W_]+")
_BOUNDARY = 2  # Positions that close a run and open another.


def is_latin(language: str) -> bool:
    """Whether a language is written in Latin letters, as far as the CLDR tells."""
    return "LATIN" in scripts_of_language(language)


def cut_latin(text: str) -> list[tuple[str, bool]]:
    """Cut a text of another script into parts and whether each is borrowed, being in Latin letters.

    A space before what is borrowed goes with it, as the base parts its own words.
    """
    return _cut(text, [match.span() for match in _LATIN_WORDS.finditer(text)])


def cut_shorter(text: str, saved: Callable[[Sequence[str]], Sequence[int]]) -> list[tuple[str, bool]]:
    """Cut a text in Latin letters into parts and whether each is borrowed, being shorter in the base's own tokens.

    A stretch begins and ends with words that are shorter so, with none between them that is longer, and saves what it
    takes to close a run before it and open one after.

    Args:
        saved: for words, by how many tokens each is shorter in the base's tokens than in the language's.
    """
    spans = [match.span() for match in _WORDS.finditer(text)]
    if not spans:
        return [(text, False)]
    stretches: list[tuple[int, int, int]] = []  # Where each starts and stops, and what it saves.
    goes_on = False
    for (start, stop), less in zip(spans, saved([text[slice(*span)] for span in spans]), strict=True):
        if less > 0 and goes_on:
            begun, _, before = stretches.pop()
            stretches.append((begun, stop, before + less))
        elif less > 0:
            stretches.append((start - (text[start - 1 : start] == " "), stop, less))
        goes_on = less > 0 or (goes_on and less == 0)
    return _cut(text, [(start, stop) for start, stop, less in stretches if less >= _BOUNDARY])


def _cut(text: str, borrowed: Sequence[tuple[int, int]]) -> list[tuple[str, bool]]:
    """The parts, of which none is borrowed where nothing else has a letter."""
    edges = [0, *(edge for span in borrowed for edge in span), len(text)]
    parts = [(text[start:stop], at % 2 == 1) for at, (start, stop) in enumerate(pairwise(edges))]
    if not any(letter.isalpha() for part, taken in parts if not taken for letter in part):
        return [(text, False)]
    return [(part, taken) for part, taken in parts if part.strip()]

"""Words that a language borrows as they stand, such as NBA in Japanese, or the name of a film in Turkish."""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, pairwise
from operator import itemgetter

from .scripts import scripts_of_language

_LATIN = "A-Za-zÀ-ÖØ-öø-ʯḀ-ỿⱠ-ⱿꜢ-ꟿ"
_MARKS = "\u0300-\u036f\u200c\u200d\u00ad"  # Accents that stand alone, and signs between letters that nobody sees.
# Several words in a row, and what is between them.
_LATIN_WORDS = re.compile(rf" ?[{_LATIN}](?:[ -~’ʻʼ{_LATIN}{_MARKS}]*[0-9{_LATIN}{_MARKS}])?")
_WORDS = re.compile(rf"[^\W_](?:[^\W_]|[{_MARKS}])*")
_BOUNDARY = 2  # Positions that close a run and open another.


def is_latin(language: str) -> bool:
    """Whether a language is written in Latin letters, as it is taken to be where the CLDR does not tell."""
    scripts = scripts_of_language(language)
    return not scripts or "LATIN" in scripts


def cut_latin(text: str, says: Callable[[str], bool]) -> list[tuple[str, bool]]:
    """Cut a text of another script into parts and whether each is borrowed, being in Latin letters.

    A space before what is borrowed goes with it, as the base parts its own words.

    Args:
        says: whether the base's own tokens say a part as it is written.
    """
    found = (match.span() for match in _LATIN_WORDS.finditer(text))
    return _cut(text, [(start, stop) for start, stop in found if says(text[start:stop])])


def cut_shorter(
    text: str, saved: Callable[[Sequence[str]], Sequence[float]], says: Callable[[str], bool]
) -> list[tuple[str, bool]]:
    """Cut a text in Latin letters into parts and whether each is borrowed, being shorter in the base's own tokens.

    A stretch begins and ends with words that are shorter so, with none between them that is longer, and saves as a
    whole what it takes to close a run before it and open one after.

    Args:
        saved: for words, or stretches of them, by how many tokens each is shorter in the base's than in the language's.
        says: as for `cut_latin`.
    """
    words = [match.span() for match in _WORDS.finditer(text)]
    stretches = list(_stretches(words, saved([text[slice(*one)] for one in words]))) if words else []
    worth = saved([text[slice(*one)] for one in stretches]) if stretches else []
    borrowed = [
        (start - (text[start - 1 : start] == " "), stop)
        for (start, stop), less in zip(stretches, worth, strict=True)
        if less >= _BOUNDARY and says(text[start:stop])
    ]
    return _cut(text, borrowed)


def in_other_cases(text: str) -> tuple[str, ...]:
    """A text as it is written, in lower case, and with a capital to every word: for an i that of English or Turkish."""
    lower = text.lower().replace("i\u0307", "i")  # What Python makes of İ.
    capitals = _WORDS.sub(lambda word: word[0][0].upper() + word[0][1:], lower)
    dotted = _WORDS.sub(lambda word: ("İ" if word[0][0] == "i" else word[0][0].upper()) + word[0][1:], lower)
    return text, lower, capitals, dotted


def _stretches(spans: Sequence[tuple[int, int]], saved: Sequence[float]) -> Iterator[tuple[int, int]]:
    """Where each stretch starts and stops."""
    stretch: tuple[int, int] | None = None
    for (start, stop), less in zip(spans, saved, strict=True):
        if less > 0:
            stretch = (stretch[0] if stretch else start, stop)
        elif less < 0 and stretch:
            yield stretch
            stretch = None
    if stretch:
        yield stretch


def _cut(text: str, borrowed: Sequence[tuple[int, int]]) -> list[tuple[str, bool]]:
    """The parts; blank ones go with what is borrowed, which nothing is where nothing else has a letter."""
    edges = [0, *(edge for span in borrowed for edge in span), len(text)]
    cut = [(text[start:stop], at % 2 == 1) for at, (start, stop) in enumerate(pairwise(edges)) if start < stop]
    if not any(letter.isalpha() for part, taken in cut if not taken for letter in part):
        return [(text, False)]
    parts = groupby(((part, taken or part.isspace()) for part, taken in cut), key=itemgetter(1))
    return [("".join(part for part, _ in group), taken) for taken, group in parts]

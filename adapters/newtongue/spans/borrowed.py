"""Words that a language borrows as they stand: Latin letters in text of another script, such as NBA in Japanese."""

import re
from itertools import pairwise

from newtongue.errors import NewtongueError
from newtongue.languages import language_name

from .scripts import scripts_of_language

_LATIN = "A-Za-zÀ-ÖØ-öø-ɏḀ-ỿ"
_WORDS = re.compile(rf" ?[{_LATIN}](?:[ -~{_LATIN}]*[0-9{_LATIN}])?")  # Several in a row, and what is between them.


def is_latin(language: str) -> bool:
    """Whether a language is written in Latin letters, as far as the CLDR tells."""
    return "LATIN" in scripts_of_language(language)


def check_borrows(language: str) -> None:
    """Raise NewtongueError where a language is itself written in Latin letters, and so borrows nothing by them."""
    if is_latin(language):
        raise NewtongueError(
            f"{language_name(language)} ({language}) is written in Latin letters, so they do not tell which words it "
            "borrows. Set 'borrows' to false."
        )


def cut_borrowed(text: str) -> list[tuple[str, bool]]:
    """Cut a text into parts and whether each is borrowed; a text with no letter of its own borrows nothing.

    A space before what is borrowed goes with it, as the base parts its own words.
    """
    edges = [0, *(edge for match in _WORDS.finditer(text) for edge in match.span()), len(text)]
    parts = [(text[start:stop], at % 2 == 1) for at, (start, stop) in enumerate(pairwise(edges))]
    if not any(letter.isalpha() for part, borrowed in parts if not borrowed for letter in part):
        return [(text, False)]
    return [(part, borrowed) for part, borrowed in parts if part.strip()]

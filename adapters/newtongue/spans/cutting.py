"""A text cut into units that are each in one language."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .scripts import is_spaced, script_of

_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`|\b\w+://\S+|\b[\w.+-]+@[\w-]+\.\w[\w.]*", re.DOTALL)
_QUOTED = re.compile(r'"[^"\n]*"|“[^”\n]+”|„[^“”\n]+[“”]|«[^»\n]+»|「[^」\n]+」')
_ENDS = re.compile(r"(?<=[.!?…:;؟।])[\"”»']?\s+|(?<=[。！？])[」』]?|\n+")
_SYMBOLS = re.compile(r"[{}\[\]<>=$\\|^~*/+#_]|\w\(")
_SYMBOLS_OF_CODE = 0.08  # Of a line's characters.
_OWN_WORDS = 3  # Fewer Latin words than this inside a sentence of another script are names in it.


@dataclass(frozen=True)
class Unit:
    """A sentence, or a part of one; in several parts where quotations were taken out of it."""

    parts: tuple[tuple[int, int], ...]
    code: bool = False

    def of(self, text: str) -> str:
        """The unit's own text."""
        return " ".join(text[start:stop] for start, stop in self.parts)


def cut(text: str) -> list[Unit]:
    """The units of a text, in the order in which they begin; what is in none of them is no text."""
    units: list[Unit] = []
    at = 0
    for code in _CODE.finditer(text):
        units += _sentences(text, at, code.start())
        units.append(Unit((code.span(),), code=True))
        at = code.end()
    return sorted([*units, *_sentences(text, at, len(text))], key=lambda unit: unit.parts[0])


def _sentences(text: str, start: int, stop: int) -> Iterator[Unit]:
    for first, last in _between(_ENDS, text, start, stop):
        line = text[first:last]
        if len(_SYMBOLS.findall(line)) >= _SYMBOLS_OF_CODE * len(line):
            yield Unit(((first, last),), code=True)
            continue
        # With its marks, for one that closes a quotation must not open the next, as `"` could.
        quoted = [(match.start() + 1, match.end() - 1) for match in _QUOTED.finditer(text, first, last)]
        for span in quoted:
            yield from _by_script(text, [span])
        edges = [first, *(edge for span in quoted for edge in span), last]
        yield from _by_script(text, list(zip(edges[::2], edges[1::2], strict=True)))


def _between(ends: re.Pattern[str], text: str, start: int, stop: int) -> Iterator[tuple[int, int]]:
    at = start
    for end in ends.finditer(text, start, stop):
        if end.end() > at:
            yield at, end.end()
        at = end.end()
    if at < stop:
        yield at, stop


def _by_script(text: str, parts: list[tuple[int, int]]) -> Iterator[Unit]:
    """A unit of the script that most of the sentence is in, and one for each stretch of another."""
    stretches = [stretch for part in parts for stretch in _stretches(text, *part)]
    if not stretches:
        return
    weight: dict[str, int] = {}
    for script, start, stop in stretches:
        letters = sum(letter.isalpha() for letter in text[start:stop])
        weight[script] = weight.get(script, 0) + letters * (1 if is_spaced(script) else 2)
    main = max(weight, key=lambda script: (weight[script], script != "LATIN"))
    own: list[tuple[int, int]] = []
    for script, start, stop in stretches:
        if script == main or (script == "LATIN" and len(text[start:stop].split()) < _OWN_WORDS):
            own.append((start, stop))
        else:
            yield Unit(((start, stop),))
    yield Unit(tuple(own))


def _stretches(text: str, start: int, stop: int) -> Iterator[tuple[str, int, int]]:
    """`(script, start, stop)` of stretches of one script; what is no letter goes with the letters before it."""
    script, first = "", start
    for at in range(start, stop):
        here = script_of(text[at])
        if here and script and here != script:
            yield script, first, at
            first = at
        script = here or script
    if script:
        yield script, first, stop

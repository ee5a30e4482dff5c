"""How well `language="auto"` finds the language of each span, on 200 cases written for this."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from newtongue.spans import Span, find_spans

CASES = Path(__file__).with_name("cases.tsv")
_MARKED = re.compile(r"⟦([\w-]+):(.*?)⟧", re.DOTALL)


@dataclass(frozen=True)
class Case:
    """A text, the languages attached, and the spans that a reader finds in it.

    Attributes:
        kind: what is hard about it: mixed, short, code …
    """

    attached: tuple[str, ...]
    kind: str
    spans: tuple[Span, ...]

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(part for _, part in self.spans)

    def found(self) -> list[Span]:
        """What `language="auto"` makes of it."""
        return find_spans(self.text, self.attached)

    def is_right(self) -> bool:
        """Whether every letter went to the language it is in."""
        return _letters(self.found()) == _letters(self.spans)


def read_cases(path: Path = CASES) -> list[Case]:
    r"""Lines of `attached <tab> kind <tab> text`, where `⟦tr:…⟧` marks what is in Turkish and `\n` a new line."""
    cases = []
    for line in path.read_text(encoding="utf-8").splitlines():
        attached, kind, text = line.split("\t")
        cases.append(Case(tuple(attached.split()), kind, tuple(_spans(text.replace("\\n", "\n")))))
    return cases


def accuracy(cases: Sequence[Case]) -> dict[str, tuple[int, int]]:
    """`(right, all)` by kind of case."""
    by_kind: dict[str, tuple[int, int]] = {}
    for case in cases:
        right, all_ = by_kind.get(case.kind, (0, 0))
        by_kind[case.kind] = (right + case.is_right(), all_ + 1)
    return by_kind


def _spans(text: str) -> list[Span]:
    pieces = _MARKED.split(text)
    spans: list[Span] = [(None, part) for part in pieces[:1]]
    for language, part, after in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
        spans += [(language, part), (None, after)]
    return [(language, part) for language, part in spans if part]


def _letters(spans: Sequence[Span]) -> list[str | None]:
    return [language for language, part in spans for letter in part if letter.isalpha()]

"""A row of ids as pieces of one vocabulary each, and how it is shortened to fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from newtongue.errors import NewtongueError

if TYPE_CHECKING:
    from newtongue.ranges import Range


@dataclass
class Piece:
    """Some ids of a row: in the base's vocabulary, or a text of a language, which is read, or `written`.

    What is read is one run, from an opening to a closing id, or several with what it borrows between them, in ids of
    the base; `owned` is then the range of its language.
    """

    ids: list[int]
    language: str | None = None
    written: bool = False
    owned: Range | None = None

    @property
    def least(self) -> int:
        """How many ids of a text must stay: one token of its first run, and what is before it."""
        first = 0 if self.owned is None else self.owned.start
        return 3 + next((at for at, one in enumerate(self.ids) if one >= first), 0)

    def cut(self, length: int) -> None:
        """Cut the end of a text off, so that no more than `length` ids stay, every run of which is closed."""
        last = self.ids[-1]
        del self.ids[length:]
        if self.owned is None:
            self.ids[-1] = last
            return
        opens, closes = self.owned.start + self.owned.opens, self.owned.start + self.owned.closes
        if self.ids[-1] < self.owned.start or self.ids[-1] == closes:
            return
        begun = max(at for at, one in enumerate(self.ids) if one == opens)
        if length - begun < 3:
            del self.ids[begun:]
        else:
            self.ids[-1] = closes


def join(pieces: list[Piece]) -> list[int]:
    """The ids of pieces, one after another."""
    return [one for piece in pieces for one in piece.ids]


def shorten(pieces: list[Piece], limit: int | None, answer: list[int]) -> list[Piece]:
    """Shorten texts of languages, longest first, then base text before the last, until `limit` ids are left."""
    excess = 0 if limit is None else sum(len(piece.ids) for piece in pieces) - limit
    if excess <= 0:
        return pieces
    pieces = [replace(piece, ids=list(piece.ids)) for piece in pieces]
    texts = [piece for piece in pieces if piece.language is not None]
    while excess > 0 and (longer := [text for text in texts if len(text.ids) > text.least]):
        longest = max(longer, key=lambda text: len(text.ids))
        before = len(longest.ids)
        next_longest = max((len(text.ids) for text in texts if text is not longest), default=0)
        longest.cut(max(before - excess, min(before - 1, max(next_longest, longest.least))))
        excess -= before - len(longest.ids)
    last = max((at for at, piece in enumerate(pieces) if piece.language is not None), default=len(pieces))
    first = True  # The first id of the row, its BOS, stays.
    for piece in pieces[:last]:
        if piece.language is None and excess > 0:
            cut = min(excess, max(0, len(piece.ids) - first))
            del piece.ids[first : first + cut]
            excess -= cut
        first = first and not piece.ids
    if excess > 0:
        raise NewtongueError(
            f"max_length leaves {limit} positions before an answer of {len(answer)}, {excess} too few for what must "
            "stand there. Raise max_length or shorten the text after the question."
        )
    return pieces

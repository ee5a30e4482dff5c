"""A row of ids as pieces of one vocabulary each, and how it is shortened to fit."""

from dataclasses import dataclass, replace

from newtongue.errors import NewtongueError


@dataclass
class Piece:
    """Some ids of a row: in the base's vocabulary, or a run of a language with its opening and closing id.

    A run is read, or it is `written`.
    """

    ids: list[int]
    language: str | None = None
    written: bool = False


def join(pieces: list[Piece]) -> list[int]:
    """The ids of pieces, one after another."""
    return [one for piece in pieces for one in piece.ids]


def shorten(pieces: list[Piece], limit: int | None, answer: list[int]) -> list[Piece]:
    """Shorten runs, longest first, then base text before the last run, until `limit` ids are left."""
    excess = 0 if limit is None else sum(len(piece.ids) for piece in pieces) - limit
    if excess <= 0:
        return pieces
    pieces = [replace(piece, ids=list(piece.ids)) for piece in pieces]
    runs = [piece for piece in pieces if piece.language is not None]
    while excess > 0 and any(len(run.ids) > 3 for run in runs):
        longest = max(runs, key=lambda run: len(run.ids))
        next_longest = max((len(run.ids) for run in runs if run is not longest), default=3)
        cut = min(excess, max(1, len(longest.ids) - max(next_longest, 3)))
        del longest.ids[-1 - cut : -1]  # The closing id stays.
        excess -= cut
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

"""Streams: the usable rows of one source, in order, and the mix of several."""

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from random import Random
from typing import Any, NamedTuple

from newtongue.errors import NewtongueError

from .counts import Counts
from .rows import Raw, read_rows
from .schema import Data, Kind, Source
from .shapes import Item, shape
from .texts import Unusable, digest, is_held_out
from .tokens import count_tokens

_AT_ONCE = 512  # Rows tokenised together; also how far a stream reads ahead.


class Drawn(NamedTuple):
    """A usable row with its size in the base's tokens and its side."""

    item: Item
    tokens: int | None
    held_out: bool


class Stream:
    """An iterator over the usable rows of a source, which counts the others.

    Args:
        seen: digests of the rows so far, of all sources.
        exam: digests of the questions that are held out, which no other kind of row may hold.
        tokenizer: the base's, or None for no sizes.
    """

    def __init__(
        self,
        source: Source,
        kind: Kind,
        language: str,
        data: Data,
        seen: set[bytes],
        exam: frozenset[bytes] = frozenset(),
        tokenizer: Any = None,
    ) -> None:
        self.source, self.counts = source, Counts(source.name)
        self._kind, self._language, self._data, self._seen, self._tokenizer = kind, language, data, seen, tokenizer
        self._exam = exam
        self._raws = read_rows(source)
        self._ahead: deque[tuple[Raw, Item | Unusable, int | None]] = deque()
        self._first: Drawn | None = None
        self._taken = 0

    def __iter__(self) -> Iterator[Drawn]:
        return self

    def __next__(self) -> Drawn:
        if self._first is not None:
            drawn, self._first = self._first, None
            return drawn
        if self.source.rows is not None and self._taken >= self.source.rows:
            self.counts.ended = "rows"
            raise StopIteration
        while self._ahead or self._read_ahead():
            raw, item, tokens = self._ahead.popleft()
            try:
                if isinstance(item, Unusable):
                    raise item
                drawn = Drawn(item, tokens, self._side(item))
            except Unusable as error:
                self.counts.drop(error.reason, raw.at, error.value)
                continue
            self._taken += 1
            return drawn
        raise StopIteration

    def begin(self) -> None:
        """Read up to the first usable row.

        Raises:
            NewtongueError: the source has none.
        """
        self._first = next(self, None)
        if self._first is None:
            raise self.counts.error(self._kind)

    def use(self, drawn: Drawn) -> None:
        """Count a row that was drawn as used, or as held out."""
        self.counts.read += 1
        if drawn.held_out:
            self.counts.held_out += 1
        else:
            self.counts.used += 1

    def _side(self, item: Item) -> bool:
        """Whether a row is held out.

        Raises:
            Unusable: it repeats another, or would give a question of the exam away.
        """
        held = [is_held_out(one, self._data.held_out) for one in item.asks]
        held_out = bool(held) and held[0]
        if any(held) and not (held_out and self._kind == "questions"):
            reason = "held out question later on" if self._kind == "questions" else "held out for the exam"
            raise Unusable(reason, item.asks[held.index(True)])
        if self._kind != "questions" and self._gives_away(item):
            raise Unusable("held out for the exam", item.texts[-1])
        if self._data.deduplicate:
            same = digest("\n".join(item.texts))
            if same in self._seen:
                raise Unusable("duplicate", item.texts[0])
            self._seen.add(same)
        return held_out

    def _gives_away(self, item: Item) -> bool:
        """Whether a text, or a line of one, is a question of the exam."""
        lines = (line for text in item.texts for line in {text, *text.splitlines()})
        return bool(self._exam) and any(digest(line) in self._exam for line in lines)

    def _read_ahead(self) -> bool:
        """Read and tokenise some more rows; False at the end."""
        raws = list(islice(self._raws, _AT_ONCE))
        items = [self._item(raw) for raw in raws]
        sizes = iter(self._sizes([item for item in items if isinstance(item, Item)]))
        for raw, item in zip(raws, items, strict=True):
            self._ahead.append((raw, item, next(sizes) if isinstance(item, Item) else None))
        return bool(raws)

    def _item(self, raw: Raw) -> Item | Unusable:
        if raw.fault:
            fault = Unusable(raw.fault)
            fault.value = raw.value
            return fault
        if len(self.counts.columns) < 50:
            self.counts.columns += [name for name in raw.row if name not in self.counts.columns]
        try:
            item = shape(raw.row, self.source, self._kind, self._language)
        except Unusable as error:
            return error
        except Exception as error:  # What a row may hold has no end, and the place of this one is known here alone.
            raise NewtongueError(
                f"A row of {self.source.name} cannot be read, {raw.at}: {type(error).__name__}: {error}. Mend it, or "
                "remove it."
            ) from error
        if item.length < self._data.shortest:
            return Unusable("too short", item.texts[0])
        longest = max(item.length, *map(len, item.texts))  # Of a pair, the English side too.
        if longest > self._data.longest:
            return Unusable("too long", f"{longest:,} characters")
        return item

    def _sizes(self, items: list[Item]) -> list[int | None]:
        if self._tokenizer is None:
            return [None] * len(items)
        counted = iter(count_tokens(self._tokenizer, [text for item in items for text in item.texts]))
        return [sum(islice(counted, len(item.texts))) for item in items]


def mix(streams: Sequence[Stream], seed: int) -> Iterator[tuple[Stream, Drawn]]:
    """Rows of all streams, each drawn from one chosen at random by the sources' weights, until all have ended."""
    draw = Random(seed)
    going = list(streams)
    while going:
        stream = draw.choices(going, [one.source.weight for one in going])[0] if len(going) > 1 else going[0]
        drawn = next(stream, None)
        if drawn is None:
            going.remove(stream)
        else:
            yield stream, drawn

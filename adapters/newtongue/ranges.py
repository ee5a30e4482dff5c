"""Which ids belong to whom: the base owns `[0, V)`, each attached language a range after it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from .errors import LanguageError, NewtongueError
from .tokenizer.ids import count_ids


@dataclass(frozen=True)
class Range:
    """The ids `[start, start + size)` that one language reads, and the tokenizer they come from.

    A language with a voice writes the ids `[begin, start)`, as many, for the same tokens: what is read is seen in both
    directions, what is written is not. One that borrows leaves some words to the base's own tokens.
    """

    start: int
    size: int
    tokenizer: PreTrainedTokenizerBase
    opens: int
    closes: int
    voice: bool = False
    borrows: bool = False

    @property
    def begin(self) -> int:
        """The first id of the language, written or read."""
        return self.start - self.size * self.voice

    @property
    def stop(self) -> int:
        """The first id after the range."""
        return self.start + self.size

    def bounds(self, ids: Tensor) -> Tensor:
        """Which ids open or close what is read of the language."""
        return (ids == self.start + self.opens) | (ids == self.start + self.closes)

    def reads(self, ids: Tensor) -> Tensor:
        """Which ids are read of the language, but for those."""
        return (ids >= self.start) & (ids < self.stop) & ~self.bounds(ids)


class Ranges:
    """The ranges handed out so far, in order. A model and its tokenizer share one.

    Tags that differ in case are one language.

    Args:
        base_rows: rows of the base's embedding (not the length of its tokenizer: embeddings are often padded).
    """

    def __init__(self, base_rows: int) -> None:
        self.base_rows = base_rows
        self._owned: dict[str, Range] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._owned)

    def __len__(self) -> int:
        return len(self._owned)

    def __contains__(self, language: object) -> bool:
        return self._find(language) is not None

    def __getitem__(self, language: str) -> Range:
        return self._owned[self.tag(language)]

    def tag(self, language: str) -> str:
        """The tag under which a language is attached.

        Raises:
            LanguageError: it is not.
        """
        tag = self._find(language)
        if tag is None:
            attached = ", ".join(repr(name) for name in self) or "none"
            raise LanguageError(
                f"No adapter is attached for language {language!r}; attached: {attached}. Attach one with "
                "ModalityAdapter.from_pretrained(...).attach(model), name an attached language, or none where the base "
                "itself is to read."
            )
        return tag

    def _find(self, language: object) -> str | None:
        if not isinstance(language, str):
            return None
        if language in self._owned:
            return language
        return next((tag for tag in self._owned if tag.lower() == language.lower()), None)

    def index(self, language: str) -> int:
        """The number that stands for a language in the tensors of `languages_of`."""
        return self[language].start

    def add(
        self,
        language: str,
        tokenizer: PreTrainedTokenizerBase,
        opens: int,
        closes: int,
        *,
        voice: bool = False,
        borrows: bool = False,
    ) -> Range:
        """Hand the next range to `language`, and one more before it to what it writes if it has a voice.

        Raises:
            LanguageError: it has one already.
        """
        self.check_free(language)
        begin, size = max((owned.stop for owned in self._owned.values()), default=self.base_rows), count_ids(tokenizer)
        self._owned[language] = Range(begin + size * voice, size, tokenizer, opens, closes, voice, borrows)
        return self._owned[language]

    def check_free(self, language: str) -> None:
        """Raise LanguageError if `language` has a range."""
        tag = self._find(language)
        if tag is not None:
            known = "" if tag == language else f" as {tag!r}"
            raise LanguageError(
                f"Language {language!r} is already attached{known}. Detach it first with model.detach({tag!r}), or "
                "give the other adapter another tag, for example 'tr-x-news'."
            )

    def remove(self, language: str) -> None:
        """Take a range back; the others keep theirs."""
        del self._owned[self.tag(language)]

    def language_of(self, one: int) -> str | None:
        """The language an id belongs to; None for the base's and for ids of nobody."""
        return next((name for name, own in self._owned.items() if own.begin <= one < own.stop), None)

    def languages_of(self, ids: Tensor) -> Tensor:
        """For each id the `index` of its language, or -1 for the base's."""
        edges = [edge for owned in self._owned.values() for edge in (owned.begin, owned.stop)]
        between = [-1, *(one for owned in self._owned.values() for one in (owned.start, -1))]
        return ids.new_tensor(between)[torch.bucketize(ids.contiguous(), ids.new_tensor(edges), right=True)]

    def inside(self, ids: Tensor) -> Tensor:
        """For each id the `index` of the language that goes on being written after it, or -1."""
        found = torch.full_like(ids, -1)
        for language, owned in self._owned.items():
            if owned.voice:
                here = (ids >= owned.begin) & (ids < owned.start) & (ids != owned.begin + owned.closes)
                found = found.masked_fill(here, self.index(language))
        return found

    def named(self, spoken: Tensor) -> list[str]:
        """The languages that occur in what `languages_of` gives."""
        found = set(spoken.unique().tolist())
        return [language for language in self if self.index(language) in found]

    def check(self, ids: Tensor) -> None:
        """Raise NewtongueError if an id at or above the base's rows belongs to no attached language."""
        stray = ids[(ids >= self.base_rows) & (self.languages_of(ids) < 0)]
        if len(stray):
            raise self.stray(int(stray[0]))

    def stray(self, one: int) -> NewtongueError:
        """What is to be said of an id that belongs to nobody."""
        owned = ", ".join(f"{name} {own.begin}–{own.stop - 1}" for name, own in self._owned.items())
        return NewtongueError(
            f"Id {one} belongs neither to the base (0–{self.base_rows - 1}) nor to an attached language "
            f"({owned or 'none'}). Were these ids made while another language was attached? Encode the text again."
        )

    def as_scored_ids(self, ids: Tensor, columns: int) -> Tensor:
        """Replace ids of rows `[batch, positions]` that no score stands for by the first base id of their row.

        For code that indexes scores by id, such as a repetition penalty: the set of other ids of a row stays the same.
        Of `columns` scores, those at or above the base's rows are of what languages write.
        """
        foreign = self._unscored(ids, columns)
        if not bool(foreign.any()):
            return ids
        first = (~foreign).int().argmax(dim=1, keepdim=True)
        stand_in = ids.gather(1, first).clamp(max=self.base_rows - 1)
        return torch.where(foreign, stand_in, ids)

    def as_labels(self, ids: Tensor) -> Tensor:
        """Ids of rows as labels: -100 for all that is read in a language, and for what opens what is written."""
        opens = [owned.begin + owned.opens for owned in self._owned.values() if owned.voice]
        return ids.masked_fill(self._unscored(ids) | torch.isin(ids, ids.new_tensor(opens)), -100)

    def _unscored(self, ids: Tensor, columns: float = math.inf) -> Tensor:
        foreign = ids >= self.base_rows
        for owned in self._owned.values():
            if owned.voice and owned.start <= columns:
                foreign &= (ids < owned.begin) | (ids >= owned.start)
        return foreign

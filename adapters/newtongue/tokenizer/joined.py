"""What encoding and decoding share: whose ids are whose, and how the base's own text goes on after other pieces."""

from functools import cached_property
from typing import Any

from transformers import PreTrainedTokenizerBase

from newtongue.ranges import Ranges


class Joined(PreTrainedTokenizerBase):
    """A base's tokenizer beside the languages of `ranges`; `unread` are tokens that its embedding has no rows for."""

    ranges: Ranges
    unread: dict[str, int]

    @cached_property
    def _anchor(self) -> tuple[int, str] | None:
        """A special token, behind which text is encoded as inside of a text, where its beginning is another matter.

        That is so in vocabularies of SentencePiece, which begin a text with a space that nobody wrote.
        """
        encode = super().__call__
        for token, added in self.added_tokens_decoder.items():
            if token in self.unread.values():
                continue
            ids = encode(f"{added.content}a", add_special_tokens=False)["input_ids"]
            if added.special and not (added.lstrip or added.rstrip) and ids[0] == token:
                differs = ids[1:] != encode("a", add_special_tokens=False)["input_ids"]
                return (token, added.content) if differs else None
        return None

    @cached_property
    def _spaced(self) -> bool:
        """Whether the base puts a space that nobody wrote before each piece of text, wherever that stands."""
        ids = super().__call__("a", add_special_tokens=False)["input_ids"]
        return self._anchor is None and self._begins_with_space(ids)

    def _begins_with_space(self, ids: list[int]) -> bool:
        return str(super().convert_ids_to_tokens(ids[0])).startswith("▁")

    def _going_on(self, texts: list[str], **options: Any) -> list[list[int]]:
        """Ids of texts in the base's own vocabulary, each as it stands after other pieces."""
        if not texts:
            return []
        token, before = self._anchor or (None, "")
        said = [before + (text.removeprefix(" ") if self._spaced else text) for text in texts]
        rows: list[list[int]] = super().__call__(said, add_special_tokens=False, **options)["input_ids"]
        return rows if token is None else [row[1:] for row in rows]

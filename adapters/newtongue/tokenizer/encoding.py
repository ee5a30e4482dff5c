"""Marked text to ids of several vocabularies."""

from typing import Any, cast

from transformers import BatchEncoding

from newtongue.errors import NewtongueError
from newtongue.spans.markup import THOUGHT, WRITTEN, is_marked, is_open, split

from .borrowing import Borrowing
from .ids import check_read, text_ids
from .pieces import Piece, join, shorten

_OF_ONE = (  # What can be asked of text in the base's vocabulary alone.
    "return_offsets_mapping",
    "return_special_tokens_mask",
    "return_length",
    "return_overflowing_tokens",
    "return_token_type_ids",
)


class Encoding(Borrowing):
    """What is encoded: each part of a text by the vocabulary it is marked with, cut to a length and padded."""

    def _encode_plus(self, text: Any, *args: Any, **options: Any) -> BatchEncoding:
        """Where all encoding of the base's tokenizer passes through."""
        batch = [text] if isinstance(text, str) else text
        if not any(isinstance(one, str) and is_marked(one) for one in batch):
            encoded: BatchEncoding = super()._encode_plus(text, *args, **options)
            check_read(encoded["input_ids"], self.unread)
            return encoded
        if args or options.get("text_pair") is not None or options.get("is_split_into_words"):
            raise NewtongueError("Text in an attached language is encoded alone, as one text: join pairs and words.")
        if asked := [name for name in _OF_ONE if options.get(name)]:
            raise NewtongueError(
                f"{asked[0]}=True has no meaning for text in an attached language, whose ids come from several "
                "tokenizers. Leave it out."
            )
        cut = options.get("truncation_strategy", "do_not_truncate") != "do_not_truncate"
        limit = options.get("max_length") if cut else None
        rows = [self._encode_one(one, options.get("add_special_tokens", True), limit) for one in batch]
        return self._collate(rows[0] if isinstance(text, str) else rows, options)

    def _encode_one(self, text: str, add_special_tokens: bool, limit: int | None) -> list[int]:
        if not is_marked(text):
            plain: list[int] = super().__call__(
                text, add_special_tokens=add_special_tokens, truncation=limit is not None, max_length=limit
            )["input_ids"]
            return plain
        before, after = self._specials() if add_special_tokens else ([], [])
        return join(shorten([Piece(before), *self._pieces(text), Piece(after)], limit, []))

    def _pieces(self, text: str, goes_on: bool = False) -> list[Piece]:
        """A marked text as pieces; one that goes on stands after others."""
        pieces: list[Piece] = []
        parts = split(text)
        for place, (language, part) in enumerate(parts, 1):
            after = goes_on or bool(pieces)
            if language is None:
                pieces.append(self._plain(part, after))
            elif language.startswith((WRITTEN, THOUGHT)):
                pieces.append(self._run(part, language, closed=place < len(parts) or not is_open(text)))
                pieces += [self._plain(part, True)] if language.startswith(THOUGHT) else []
            else:
                pieces.append(self._read(part, language, after))
        return pieces

    def _plain(self, text: str, goes_on: bool) -> Piece:
        """A text in the base's own vocabulary, at the beginning or after other pieces."""
        if goes_on:
            return Piece(self._going_on([text])[0])
        return Piece(super().__call__(text, add_special_tokens=False)["input_ids"])

    def _read(self, text: str, language: str, goes_on: bool) -> Piece:
        """What is read of a language: a run, or several with what is borrowed between them."""
        ids: list[int] = []
        for part, borrowed in self._apart(text, language):
            piece = self._plain(part, goes_on or bool(ids)) if borrowed else self._run(part, language)
            ids += piece.ids
        return Piece(ids, self.ranges.tag(language), owned=self.ranges[language])

    def _run(self, text: str, marked: str, closed: bool = True) -> Piece:
        """A run of a language, or what opens one that is yet to be written, or what begins a thought.

        What is read is closed in any case, what is written where it does not go on.
        """
        language = self.ranges.tag(marked.lstrip(WRITTEN + THOUGHT))
        owned, written = self.ranges[language], marked.startswith((WRITTEN, THOUGHT))
        if written and not owned.voice:
            raise NewtongueError(f"The adapter for {language!r} has no voice to write with. Attach one that has.")
        if marked.startswith(THOUGHT):
            own = [owned.closes]
        else:
            ids = text_ids(owned.tokenizer, text)
            ends = text and (closed or not written)
            own = [*([] if written and text else [owned.opens]), *ids, *([owned.closes] if ends else [])]
        first = owned.begin if written else owned.start
        return Piece([one + first for one in own], language, written)

    def _specials(self) -> tuple[list[int], list[int]]:
        """What the base's tokenizer puts before and after a text."""
        bare: list[int] = super().__call__("a", add_special_tokens=False)["input_ids"]
        full: list[int] = super().__call__("a", add_special_tokens=True)["input_ids"]
        start = next(at for at in range(len(full)) if full[at : at + len(bare)] == bare)
        return full[:start], full[start + len(bare) :]

    def _collate(self, rows: Any, options: dict[str, Any]) -> BatchEncoding:
        single = bool(rows) and isinstance(rows[0], int)
        encoded = BatchEncoding({"input_ids": rows})
        encoded["attention_mask"] = [1] * len(rows) if single else [[1] * len(row) for row in rows]
        padding = options.get("padding_strategy", "do_not_pad")
        if padding != "do_not_pad":
            wanted = {name: options.get(name) for name in ("max_length", "pad_to_multiple_of", "padding_side")}
            encoded = self.pad(encoded, padding=padding, **cast(Any, wanted))
        if options.get("return_attention_mask") is False:
            del encoded["attention_mask"]
        return BatchEncoding(encoded.data, tensor_type=options.get("return_tensors"), prepend_batch_axis=single)

"""Ids of several vocabularies to text."""

from typing import Any

from newtongue.spans.borrowed import is_latin
from newtongue.spans.markup import mark, think

from .joined import Joined
from .pieces import Piece


class Decoding(Joined):
    """What is decoded: each piece by the vocabulary it is of, marked unless special tokens are left out."""

    def _decode(self, token_ids: Any, *args: Any, **options: Any) -> str:
        ids = [token_ids] if isinstance(token_ids, int) else list(token_ids)
        if all(one < self.ranges.base_rows for one in ids):
            return super()._decode(token_ids, *args, **options)
        skipping = bool(args[0] if args else options.get("skip_special_tokens"))
        said, thinking = "", False
        for number, piece in enumerate(self._cut(ids)):
            thinking = self._thinks(piece) or (thinking and piece.language is None and not self._ends(piece))
            told = "" if thinking and skipping else self._say(piece, number > 0, *args, **options)
            said += " " + told if skipping and self._parted(said, told, piece.language) else told
        return said

    def _parted(self, said: str, told: str, language: str | None) -> bool:
        """Whether a blank stood between what is borrowed and a run, whose tokens may not tell: no Latin word is cut."""
        if language is None or not self.ranges[language].borrows or not is_latin(language):
            return False
        return said[-1:].isalnum() and told[:1].isalnum()

    def _say(self, piece: Piece, goes_on: bool, skip_special_tokens: bool = False, **options: Any) -> str:
        """One piece as text, marked unless special tokens are to be left out."""
        if piece.language is None:
            options["skip_special_tokens"] = skip_special_tokens
            anchor = self._anchor if goes_on else None
            if anchor is None:
                blank = " " if goes_on and self._spaced and self._begins_with_space(piece.ids) else ""
                return blank + str(super()._decode(piece.ids, **options))
            if skip_special_tokens:  # The anchor is one, and is needed.
                options["skip_special_tokens"] = False
                special = {one for one, token in self.added_tokens_decoder.items() if token.special}
                piece = Piece([one for one in piece.ids if one not in special])
            said = super()._decode([anchor[0], *piece.ids], **options)
            return said.removeprefix(anchor[1])
        if self._thinks(piece):
            return think(piece.language)
        said = str(self.ranges[piece.language].tokenizer.decode(self._own(piece), skip_special_tokens=True))
        plain = skip_special_tokens or not said.strip()
        return said if plain else mark(said, piece.language, written=piece.written)

    def _own(self, piece: Piece) -> list[int]:
        """The ids of a run in the language's own tokenizer."""
        owned = self.ranges[str(piece.language)]
        first = owned.begin if piece.written else owned.start
        return [one - first for one in piece.ids]

    def convert_ids_to_tokens(self, ids: Any, skip_special_tokens: bool = False) -> Any:
        """Tokens of ids of the base or of any attached language.

        Raises:
            NewtongueError: an id above the base's rows that is of no attached language.
        """
        if isinstance(ids, int):
            return self.convert_ids_to_tokens([ids])[0]
        tokens: list[str] = []
        for piece in self._cut(list(ids)):
            if piece.language is None:
                tokens += super().convert_ids_to_tokens(piece.ids, skip_special_tokens=skip_special_tokens)
                continue
            own = self.ranges[piece.language].tokenizer
            tokens += own.convert_ids_to_tokens(self._own(piece), skip_special_tokens=skip_special_tokens)
        return tokens

    def _thinks(self, piece: Piece) -> bool:
        """Whether a piece begins a thought: what else closes a run, outside of any."""
        return piece.written and self._own(piece) == [self.ranges[str(piece.language)].closes]

    def _ends(self, piece: Piece) -> bool:
        """Whether the base ends what it says in a piece: a thought that nothing written follows is the answer."""
        return any(token.special and one in piece.ids for one, token in self.added_tokens_decoder.items())

    def _cut(self, ids: list[int]) -> list[Piece]:
        """Cut a row into pieces of one vocabulary each; neighbouring runs of a language stay two.

        Raises:
            NewtongueError: an id above the base's rows that is of no attached language, as one detached since.
        """
        pieces: list[Piece] = []
        for one in ids:
            language = self.ranges.language_of(one)
            if language is None and one >= self.ranges.base_rows:
                raise self.ranges.stray(int(one))
            written = language is not None and one < self.ranges[language].start
            pieces.append(Piece([one], language, written))
            if len(pieces) > 1 and self._go_on(*pieces[-2:]):
                pieces[-2].ids += pieces.pop().ids
        return pieces

    def _go_on(self, one: Piece, next_one: Piece) -> bool:
        """Whether two neighbours are of one piece."""
        if (one.language, one.written) != (next_one.language, next_one.written):
            return False
        if one.language is None:
            return True
        owned = self.ranges[one.language]
        first = owned.begin if one.written else owned.start
        return one.ids[-1] != first + owned.closes and next_one.ids[0] != first + owned.opens

"""What encoding and decoding share: whose ids are whose, and how the base's own text goes on after other pieces."""

from functools import cached_property

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

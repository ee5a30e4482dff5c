"""The two vocabularies, the base's and the language's, as texts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor
from transformers import PreTrainedTokenizerBase

SPACE = "▁"  # How SentencePiece writes the space before a word.


@dataclass(frozen=True)
class Vocabularies:
    """What first embeddings are made from.

    Attributes:
        base, own: the base's tokenizer and the language's.
        english, text: sentences of either language.
        dictionary: (English, the language).
        seed: of the static embeddings.
    """

    base: PreTrainedTokenizerBase
    own: PreTrainedTokenizerBase
    english: Sequence[str]
    text: Sequence[str]
    dictionary: Sequence[tuple[str, str]]
    seed: int = 0

    @cached_property
    def base_texts(self) -> list[str | None]:
        """What each id of the base says, with the space before it; None for special tokens and parts of letters."""
        special = set(self.base.all_special_ids)
        texts = [self.base.convert_tokens_to_string([one]) for one in self._tokens(self.base)]
        return [
            None if number in special or "\ufffd" in text or not text.strip() else text
            for number, text in enumerate(texts)
        ]

    @cached_property
    def own_texts(self) -> list[str | None]:
        """What each of the language's ids says, likewise."""
        special = set(self.own.all_special_ids)
        texts = [one.replace(SPACE, " ") for one in self._tokens(self.own)]
        return [
            None if number in special or not text.strip() or text.startswith("<0x") else text
            for number, text in enumerate(texts)
        ]

    @staticmethod
    def _tokens(tokenizer: PreTrainedTokenizerBase) -> list[str]:
        return list(tokenizer.convert_ids_to_tokens(list(range(len(tokenizer)))))


Initialise = Callable[[Vocabularies], Tensor]
"""Gives, sparse, `[own ids, base ids]`: the share of each of the base's embeddings in that of a new token.

A row sums to 1; an empty one stands for a token nothing is known of, which begins as the mean of all."""

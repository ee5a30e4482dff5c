"""The ids that a tokenizer gives a text, and whether an embedding has the rows for them."""

import re
from typing import Any

from transformers import PreTrainedTokenizerBase

from newtongue.errors import NewtongueError

ROLES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


def text_ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """Ids of a text alone, which may speak of special tokens without being cut by them.

    The tokenizer is not told to be verbose: it knows of one window, where its encoder reads in several.
    """

    def plain(part: str) -> list[int]:
        ids: list[int] = tokenizer(part, add_special_tokens=False, split_special_tokens=True, verbose=False)[
            "input_ids"
        ]
        return ids

    ids, special = plain(text), {*tokenizer.all_special_ids} - {tokenizer.unk_token_id}
    if special.isdisjoint(ids):
        return ids
    # A Unigram model has its special tokens among its pieces, and finds them whole.
    named = "|".join(f"(?<={re.escape(one[0])})(?={re.escape(one[1:])})" for one in tokenizer.all_special_tokens)
    return [one for part in re.split(named, text) for one in plain(part)]


def count_ids(tokenizer: PreTrainedTokenizerBase) -> int:
    """One more than the largest id; `len` counts tokens, which are fewer where ids were left out.

    Asks for the whole vocabulary: a tenth of a second where it has 200,000 tokens.
    """
    return 1 + max(tokenizer.get_vocab().values(), default=-1)


def check_rows(tokenizer: PreTrainedTokenizerBase, rows: int) -> None:
    """Check that a base's embedding of so many rows has one for each id of its tokenizer; it may have more.

    A special token without a role, which only a text that names it calls for, may lie beyond them, as the one for
    images of the text-only Gemma 3 does: such a text is refused.

    Raises:
        NewtongueError: it has not; ids above its rows are those of languages.
    """
    unnamed = rowless(tokenizer, rows)
    beyond = {token: one for token, one in tokenizer.get_vocab().items() if one >= rows and token not in unnamed}
    if beyond:
        last = max(beyond, key=beyond.__getitem__)
        raise NewtongueError(
            f"The base's tokenizer has the token {last!r} with id {beyond[last]}, and the base's embedding has {rows} "
            "rows: ids after them are read as those of attached languages. Give the tokenizer that came with the base, "
            f"or make room first, base.resize_token_embeddings({beyond[last] + 1}), and attach adapters made for that."
        )


def rowless(tokenizer: PreTrainedTokenizerBase, rows: int) -> dict[str, int]:
    """The special tokens without a role that have ids beyond so many rows, with these."""
    added = tokenizer.added_tokens_decoder.items()
    roles = {getattr(tokenizer, role) for role in ROLES}
    return {str(token): one for one, token in added if one >= rows and token.special and str(token) not in roles}


def check_read(ids: Any, unread: dict[str, int]) -> None:
    """Check that encoded text, `[ids]` or rows of them, holds none of the ids that have no row.

    Raises:
        NewtongueError: it does.
    """
    for token, one in unread.items():
        if _holds(ids.tolist() if hasattr(ids, "tolist") else ids, one):
            raise NewtongueError(
                f"A text holds {token!r}, a token of the base's tokenizer for which its embedding has no row. Leave it "
                "out of the text."
            )


def _holds(ids: Any, wanted: int) -> bool:
    return any(_holds(one, wanted) for one in ids) if isinstance(ids, list) else ids == wanted

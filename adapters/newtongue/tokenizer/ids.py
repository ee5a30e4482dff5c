"""The ids that a tokenizer gives, held against the rows of an embedding that are there for them."""

from transformers import PreTrainedTokenizerBase

from newtongue.errors import NewtongueError


def count_ids(tokenizer: PreTrainedTokenizerBase) -> int:
    """One more than the largest id; `len` counts tokens, which are fewer where ids were left out.

    Asks for the whole vocabulary: a tenth of a second where it has 200,000 tokens.
    """
    return 1 + max(tokenizer.get_vocab().values(), default=-1)


def check_rows(tokenizer: PreTrainedTokenizerBase, rows: int) -> None:
    """Check that a base's embedding of so many rows has one for each id of its tokenizer; it may have more.

    Raises:
        NewtongueError: it has not; ids above its rows are those of languages.
    """
    ids = tokenizer.get_vocab()
    last = max(ids, key=ids.__getitem__, default=None)
    if last is not None and ids[last] >= rows:
        raise NewtongueError(
            f"The base's tokenizer has the token {last!r} with id {ids[last]}, and the base's embedding has {rows} "
            "rows: ids after them are read as those of attached languages. Give the tokenizer that came with the base, "
            f"or make room first, base.resize_token_embeddings({ids[last] + 1}), and attach adapters made for that."
        )

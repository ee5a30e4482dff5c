"""Whether a base can read what it is asked: text of whole characters, and no more than it has positions for."""

from typing import Any

from newtongue import NewtongueError
from newtongue_recipes.loading import positions_of


def check_text(text: str) -> str:
    """A text that can be encoded, as it is.

    Raises:
        NewtongueError: it holds half a character, as bytes that are not UTF-8 become on the command line.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise NewtongueError(
            f"The text is not Unicode at {error.start + 1}: {text[error.start : error.end]!a} is no character. "
            "Type it anew, in UTF-8."
        ) from None
    return text


def room_of(model: Any, max_new_tokens: int) -> int | None:
    """Positions for what is asked: all but an answer's, and at least half; None where there is no end of them."""
    limit = positions_of(model.config)
    return max(limit - max_new_tokens, limit // 2) if limit else None


def tokens_left(model: Any, length: int, max_new_tokens: int) -> int:
    """The longest answer after so many positions."""
    limit = positions_of(model.config)
    return min(max_new_tokens, limit - length) if limit else max_new_tokens


def too_long(length: int, room: int, *, more: str = "") -> NewtongueError:
    """The error of a message that does not fit; `more` names what else can be shortened."""
    return NewtongueError(
        f"The message takes {length:,} positions with its template, and the base has room for {room:,} before an "
        f"answer. Shorten it{more}."
    )

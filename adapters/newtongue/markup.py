"""Text that says which language its parts are in, in a plain string.

Unicode has characters for this: U+E0001 LANGUAGE TAG followed by the tag's letters as tag characters opens a
language, U+E0001 U+E007F ends it. They are invisible, pass through chat templates, data sets and pipelines
untouched, and do not occur in ordinary text.
"""

from .errors import NewtongueError
from .languages import check_language

_TAG = "\U000e0001"
_END = "\U000e0001\U000e007f"
_SHIFT = 0xE0000


def mark(text: str, language: str) -> str:
    """Say that `text` is in `language`.

    Raises:
        LanguageError: `language` is not a language tag.
        NewtongueError: the text is empty.
    """
    if not text.strip():
        raise NewtongueError(
            f"Empty text in language {language!r}: there is nothing to read. Leave the part out, or give it some text."
        )
    letters = "".join(chr(ord(letter) + _SHIFT) for letter in check_language(language).lower())
    return f"{_TAG}{letters}{unmark(text)}{_END}"


def is_marked(text: str) -> bool:
    """Whether some part of `text` is marked."""
    return _TAG in text


def unmark(text: str) -> str:
    """`text` without its marks."""
    return "".join(part for _, part in split(text)) if is_marked(text) else text


def split(text: str) -> list[tuple[str | None, str]]:
    """Cut a text at its marks into `(language or None, part)`, in order, without empty unmarked parts."""
    parts: list[tuple[str | None, str]] = []
    plain, *marked = text.split(_TAG)
    language = None
    for piece in [plain, *marked]:
        tag = "".join(letter for letter in _leading_tags(piece))
        rest = piece[len(tag) :]
        if piece is not plain:
            language = None if tag == _END[1:] else "".join(chr(ord(letter) - _SHIFT) for letter in tag)
        if rest:
            parts.append((language, rest))
    return parts


def _leading_tags(piece: str) -> str:
    end = 0
    while end < len(piece) and 0xE0020 <= ord(piece[end]) <= 0xE007F:
        end += 1
        if piece[end - 1] == _END[1]:
            break
    return piece[:end]

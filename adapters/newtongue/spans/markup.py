"""Text that says which language its parts are in, in a plain string.

Unicode has characters for this: U+E0001 LANGUAGE TAG, the tag's letters as tag characters and U+E007F CANCEL TAG open
a language, U+E0001 U+E007F ends it. They are invisible, pass through chat templates, data sets and pipelines
untouched, and hardly occur in ordinary text; where they do and name no language, they are text like any other.
"""

from collections.abc import Container, Iterable
from typing import Any

from newtongue.errors import LanguageError, NewtongueError
from newtongue.languages import check_language

Message = dict[str, Any]

_TAG = "\U000e0001"
_CANCEL = "\U000e007f"
_END = _TAG + _CANCEL
_SHIFT = 0xE0000
WRITTEN = "!"  # Before the tag's letters, where text is written and not read.
THOUGHT = "?"  # Before them where text in the base's vocabulary is thought, up to what is then written.


def mark(text: str, language: str, *, written: bool = False) -> str:
    """Say that `text` is in `language`, to be read, or `written` in the tokens that its voice writes.

    Raises:
        LanguageError: `language` is not a language tag.
        NewtongueError: the text is empty.
    """
    text = unmark(text)
    if not text.strip():
        raise NewtongueError(
            f"Empty text in language {language!r}: there is nothing to read. Leave the part out, or give it some text."
        )
    return f"{_opening(WRITTEN * written + check_language(language))}{text}{_END}"


def begin(language: str) -> str:
    """What stands at the end of a prompt whose answer is to be written in `language`."""
    return _opening(WRITTEN + check_language(language))


def think(language: str) -> str:
    """What stands before a thought in the base's vocabulary that ends in something written in `language`."""
    return _opening(THOUGHT + check_language(language))


def reopen(text: str) -> str:
    """The same text, whose last part goes on where that is written in a language."""
    last = split(text)[-1:]
    return text.removesuffix(_END) if last and (last[0][0] or "").startswith(WRITTEN) else text


def is_open(text: str) -> bool:
    """Whether the last part of a marked text goes on."""
    return not text.endswith(_END)


def is_marked(text: str) -> bool:
    """Whether some part of `text` is marked."""
    return _TAG in text and split(text) != [(None, text)]


def unmark(text: str) -> str:
    """`text` without its marks, and without any that come about where one was taken out."""
    while _TAG in text and text != (bare := "".join(part for _, part in split(text)).replace(_END, "")):
        text = bare
    return text


def split(text: str) -> list[tuple[str | None, str]]:
    """Cut a text at its marks into `(language or None, part)`, in order, without empty parts.

    The language of a part that is written has `WRITTEN` before it, and `THOUGHT` that of one that is thought; such a
    part is empty where it only begins. What opens no language, or ends one where none is open, is text.
    """
    plain, *marked = text.split(_TAG)
    parts: list[tuple[str | None, str]] = [(None, plain)]
    for piece in marked:
        tag = _leading_tags(piece)
        language, (before, said) = _language(tag), parts[-1]
        if language is not None or (tag == _CANCEL and before is not None):
            parts.append((language, piece[len(tag) :]))
        else:
            parts[-1] = before, f"{said}{_TAG}{piece}"
    return [(language, part) for language, part in parts if part or (language or "").startswith((WRITTEN, THOUGHT))]


def join_marked(parts: Iterable[tuple[str | None, str]]) -> str:
    """A text of such parts, which `split` cuts into them again."""
    return "".join(part if language is None else f"{_opening(language)}{part}{_END}" for language, part in parts)


def text_of(part: Message) -> str:
    """The text of a part of a message, beside which stands one in a language.

    Raises:
        NewtongueError: it has none.
    """
    if not isinstance(part.get("text"), str):
        raise NewtongueError(
            f"A part of a message is of type {part.get('type')!r} and has no text, beside one in an attached "
            "language: these are rendered as text alone. Leave it out, or say in words what it holds."
        )
    return str(part["text"])


def mark_all(text: Any, language: str | list[str | None]) -> Any:
    """Mark a text or each text of a list; where its language is None, the text stays as it is."""
    if isinstance(text, str):
        if not isinstance(language, str):
            raise NewtongueError(f"One text and {len(language)} languages: give one language for one text.")
        return mark(text, language)
    languages = [language] * len(text) if isinstance(language, str) else language
    if len(languages) != len(text):
        raise NewtongueError(f"{len(text)} texts and {len(languages)} languages: give one for each, or one for all.")
    return [one if spoken is None else mark(one, spoken) for one, spoken in zip(text, languages, strict=True)]


def mark_message(message: Message, voices: Container[str] = ()) -> Message:
    """The message with its languages said by marks.

    What the assistant says is in the base's vocabulary, but for what is said to be in a language of `voices` (tags in
    lower case); its `"thought"`, in the base's vocabulary, then comes before the first of it. Its parts and those of
    the system become one text in any case, as most templates take nothing else of them.
    """
    spoken, thought = message.get("language"), message.get("thought")
    message = {key: value for key, value in message.items() if key not in ("language", "thought")}
    content, role = message.get("content"), message.get("role")
    if not isinstance(content, str | list) or (
        isinstance(content, list) and not spoken and _is_the_bases(content, role)
    ):
        return message
    if role == "assistant":
        parts = [{"text": content}] if isinstance(content, str) else content
        message["content"] = _answer(parts, spoken, thought, voices)
    elif isinstance(content, list):
        own = ((text_of(part), part.get("language") or spoken) for part in content)
        message["content"] = "".join(mark(text, language) if language else text for text, language in own)
    elif spoken and not is_marked(content):
        message["content"] = mark(content, spoken)
    return message


def _is_the_bases(parts: list[Message], role: str | None) -> bool:
    """Whether parts of a message that says no language are left to the base's template."""
    if any(part.get("language") for part in parts):
        return False
    return role not in ("assistant", "system") or not all(isinstance(part.get("text"), str) for part in parts)


def _answer(parts: list[Message], spoken: str | None, thought: str | None, voices: Container[str]) -> str:
    """What the assistant says, marked where it is written, with the thought before the first that is."""
    said = ""
    for part in parts:
        text, language = text_of(part), part.get("language") or spoken
        if language and language.lower() in voices:
            said += f"{think(language)}{unmark(thought)}" if thought else ""
            said, thought = said + mark(text, language, written=True), None
        else:
            said += unmark(text)
    return said


def has_marks(message: Message) -> bool:
    """Whether a message, as `mark_message` gives it, has text in a language."""
    return isinstance(message.get("content"), str) and is_marked(message["content"])


def _opening(tag: str) -> str:
    return _TAG + "".join(chr(ord(letter) + _SHIFT) for letter in tag.lower()) + _CANCEL


def _language(tags: str) -> str | None:
    """What the tag characters of a mark say, or None where that is no language."""
    said = "".join(chr(ord(letter) - _SHIFT) for letter in tags.removesuffix(_CANCEL))
    try:
        check_language(said.removeprefix(WRITTEN).removeprefix(THOUGHT))
    except LanguageError:
        return None
    return said


def _leading_tags(piece: str) -> str:
    end = 0
    while end < len(piece) and 0xE0020 <= ord(piece[end]) <= 0xE007F:
        end += 1
        if piece[end - 1] == _CANCEL:
            break
    return piece[:end]

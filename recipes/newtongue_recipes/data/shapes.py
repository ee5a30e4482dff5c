"""Shapes: what a row means, told by its columns. Aya, prompts, questions, messages, parallel and plain text."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .conversations import contents, in_language, own_of, read_messages
from .counts import UNWANTED
from .schema import COLUMNS, Kind, Scalar, Source
from .texts import Unusable, clean, is_absent, same_language

Row = Mapping[str, Any]

_YES = ("1", "1.0", "true", "yes")
_NO = ("", "0", "0.0", "false", "no", "nan", "none", "null")
_NAMES = {wanted: [name for name, short in COLUMNS.items() if short == wanted] for wanted in COLUMNS.values()}


@dataclass(frozen=True, slots=True)
class Item:
    """A usable row.

    Attributes:
        row: a text; `[english, other, aligned]`; or messages.
        texts: all its texts.
        length: characters of those in the language.
        asks: what users ask, in order, where something is asked: of each message what is in the language, or all.
        own: of a conversation, the texts in the language, answers too.
    """

    row: Any
    texts: list[str]
    length: int
    asks: tuple[str, ...] = ()
    own: list[str] | None = None


def shape(row: Row, source: Source, kind: Kind, language: str) -> Item:
    """Make of a row of `source` what `kind` needs.

    Raises:
        Unusable: the row lacks something, or is not wanted.
    """
    for column, wanted in source.where.items():
        if column not in row:
            raise Unusable(f"no column {column!r} for 'where'")
        if not any(_is(row[column], one) for one in (wanted if isinstance(wanted, list) else [wanted])):
            raise Unusable(f"{UNWANTED}{column}", row[column])
    named = {**row, **_renamed(row, source)} if source.columns else row
    code = named.get("language_code")
    if code is not None and source.columns.get("language_code", "language_code") not in source.where:
        _check_code(code, language)
    return _SHAPES[kind](named, language)


def own_texts(kind: Kind, row: Any) -> list[str]:
    """The texts of an `Item.row` that are in the language and read by its encoder."""
    if kind == "text":
        return [row]
    if kind == "pairs":
        return [row[1]]
    return [text for message in row for text in own_of(message)]


def _is(value: Any, wanted: Scalar) -> bool:
    """Whether two values are equal, or are spelled alike in JSON: a CSV file holds nothing but texts."""
    return bool(value == wanted) or _spelled(value) == _spelled(wanted)


def _spelled(value: Any) -> str:
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)


def _renamed(row: Row, source: Source) -> dict[str, Any]:
    named = {}
    for name, column in source.columns.items():
        if column not in row:
            raise Unusable(f"no column {column!r}")
        named[COLUMNS[name]] = row[column]
    return named


def _check_code(code: Any, language: str) -> None:
    if not isinstance(code, str) or not same_language(code, language):
        raise Unusable("wrong language_code", code)


def _first(row: Row, wanted: str) -> tuple[bool, Any]:
    """Whether a row has a column of that meaning, and what is in the first such."""
    for name in _NAMES[wanted]:
        if name in row:
            return True, row[name]
    return False, None


def _text(row: Row, language: str) -> Item:
    """A text; or, from any other shape, its texts in the language, a line each."""
    if "text" in row:
        text = clean(row["text"], "text")
        return Item(text, [text], len(text))
    item = _question(row, language) if _asks(row) else _pair(row, language, one_sided=True)
    text = clean("\n".join(item.texts if item.own is None else item.own), "text in the language")
    return Item(text, [text], len(text), item.asks)


def _pair(row: Row, language: str, one_sided: bool = False) -> Item:
    """A text of the language and its translation."""
    there, other = _first(row, "other")
    here, english = _first(row, "english")
    if not there:
        sides = row.get("translation", row)
        if not isinstance(sides, Mapping):
            raise Unusable(f"translation not a mapping ({type(sides).__name__})", sides)
        codes = [one for one in sides if _is_code(one) and same_language(one, language)]
        if not codes:
            raise Unusable(f"no translation into {language}" if "translation" in row else "no known columns")
        if len(codes) > 1:  # As 'id' and 'ind', of which the first may well be a row's number.
            raise Unusable(f"several columns for {language}", ", ".join(codes))
        other = sides[codes[0]]
        code = next((one for one in sides if _is_code(one) and same_language(one, "en")), None)
        here, english = (True, sides[code]) if code else (here, english)
    other = clean(other, "text in the language")
    if one_sided:
        return Item(["", other, False], [other], len(other))
    if not here:
        raise Unusable("no known columns")
    english = clean(english, "English side")
    return Item([english, other, _aligned(row.get("aligned"))], [english, other], len(other))


def _aligned(value: Any) -> bool:
    """Whether a pair is said to match word for word; table libraries write whole numbers with gaps as 1.0."""
    said = "" if is_absent(value) else str(value).strip().lower()
    if said not in (*_YES, *_NO):
        raise Unusable("aligned neither true nor false", value)
    return said in _YES


def _question(row: Row, language: str) -> Item:
    """A conversation that ends with an answer; the questions carry the language."""
    if "messages" in row:
        return _conversation(row["messages"], language)
    asks, question = _first(row, "question")
    answers, answer = _first(row, "answer")
    if not asks and not answers:
        raise Unusable("no known columns")
    if isinstance(question, list) and isinstance(answer, list):
        return _conversation([*question, *answer], language)
    question = clean(question, "question")
    answer = clean(answer, "answer")
    content: Any = question
    texts = [question, answer]
    if not is_absent(row.get("context")):
        context = clean(row["context"], "context")
        content = [{"type": "text", "text": text, "language": language} for text in (context, question)]
        texts.insert(0, context)
    user = {"role": "user", "content": content}
    if isinstance(content, str):
        user["language"] = language
    return Item([user, {"role": "assistant", "content": answer}], texts, sum(map(len, texts)), (question,))


def _conversation(messages: Any, language: str) -> Item:
    said = read_messages(messages, language)
    asks = tuple("\n".join(own_of(one) or contents(one)) for one in said if one["role"] == "user")
    if not asks:
        raise Unusable("no question", messages)
    texts = [text for message in said for text in contents(message)]
    own = [text for message in messages for text in in_language(message, language)]
    return Item(said, texts, sum(map(len, texts)), asks, own)


def _asks(row: Row) -> bool:
    return "messages" in row or _first(row, "question")[0]


def _is_code(column: Any) -> bool:
    return isinstance(column, str) and 2 <= len(column.split("_")[0].split("-")[0]) <= 3 and column.isascii()


_SHAPES = {"text": _text, "pairs": _pair, "questions": _question}

"""Questions from a JSONL file, one a line.

```json
{"id": "7", "question": "Başkent neresi?", "answers": ["Ankara"], "english": "What is the capital?"}
```

`answer` or `answers` are the accepted ones; `answered_in` is the tag of their language, English where it is left out.
What is null or empty is left out.
A question that is to be answered in two languages stands there twice, under one id.
`english` is the question in English, for the upper bound; `group` its kind, for a table by kind; `subject` what it is
about, so that questions about one thing are not exchanged for one another.
"""

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from newtongue import LanguageError, NewtongueError
from newtongue.languages import check_language, language_name
from newtongue_evaluation.answers import Messages
from newtongue_evaluation.baselines import Question

LONGEST = 3  # Letters of a language's code: "Turkish" has the form of a tag, and is none.


def read_questions(path: str | Path, language: str) -> list[Question]:
    """The questions of a file, plain or gzipped, in a language.

    Raises:
        NewtongueError: the file cannot be read, or a line is no question.
    """
    rows = enumerate(_rows(Path(path)), 1)
    found = [_question(row, str(number), f"{path} line {line}", language) for number, (line, row) in rows]
    keys = {(one.key, one.answered_in) for one in found}
    if not found or len(keys) < len(found):
        raise NewtongueError(
            f"{path} has {len(found)} questions with {len(keys)} different ids. Give one at least, and each an id "
            "of its own among those answered in one language; without ids, lines are numbered."
        )
    return found


def ask_in(question: str, language: str, answered_in: str) -> Messages:
    """A question as messages; where its answer is not wanted in English, English words say so."""
    content = [{"type": "text", "text": question, "language": language}]
    if answered_in != "en":
        content.append({"type": "text", "text": f" Answer in {language_name(answered_in)}."})
    return [{"role": "user", "content": content}]


def _rows(path: Path) -> Iterator[tuple[int, Any]]:
    """The rows of a file, each with its line; a byte order mark before them is none of the first."""
    read: Any = gzip.open if path.suffix == ".gz" else open
    try:
        with read(path, "rt", encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield number, json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise NewtongueError(f"{path} line {number} is no JSON ({error}). Write one question a line.") from error
    except (OSError, UnicodeDecodeError, EOFError, zlib.error) as error:
        raise NewtongueError(f"{path} cannot be read ({error}). Give a JSONL file in UTF-8, gzipped or not.") from error


def _question(row: Any, number: str, where: str, language: str) -> Question:
    asked = row.get("question") if isinstance(row, dict) else None
    gold = _gold(row) if isinstance(row, dict) else []
    if not isinstance(asked, str) or not all(isinstance(one, str) and one.strip() for one in (asked, *gold)):
        raise NewtongueError(f"{where} is no question: {str(row)[:100]}. Give 'question', and 'answer' or 'answers'.")
    try:
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise NewtongueError(f"{where} holds half a character ({error}). Write it whole, or leave it out.") from error
    answered_in = _tag(_given(row, "answered_in", "en"), where, language)
    key = _given(row, "id", number)
    return Question(
        key=key,
        messages=ask_in(asked, language, answered_in),
        english=_given(row, "english"),
        gold=tuple(gold),
        answered_in=answered_in,
        group=_given(row, "group"),
        subject=_given(row, "subject", key),
    )


def _gold(row: dict[str, Any]) -> list[Any]:
    """The accepted answers; one that is written alone is one."""
    found = row.get("answers") or [row.get("answer")]
    return found if isinstance(found, list) else [found]


def _tag(given: str, where: str, language: str) -> str:
    """A language's tag as it is usually written: each language is one task, however its letters are cased."""
    if given.lower() == language.lower():
        return language
    try:
        check_language(given)
        if len(given.partition("-")[0]) > LONGEST:
            raise LanguageError(f"{given!r} is not a language tag.")
    except LanguageError as error:
        raise NewtongueError(
            f"{where} has 'answered_in': {given!r}, which is no language tag. Give a BCP 47 tag, such as 'en' or "
            f"{language!r}, or leave it out for English."
        ) from error
    first, *rest = given.lower().split("-")
    plain = next((at for at, part in enumerate(rest) if len(part) == 1), len(rest))  # Before an extension: tr-x-news.
    return "-".join([first, *map(_cased, rest[:plain]), *rest[plain:]])


def _cased(part: str) -> str:
    """A script with a capital, a region in capitals, all else as it is."""
    if len(part) == 4 and part.isalpha():
        return part.title()
    return part.upper() if len(part) == 2 else part


def _given(row: dict[str, Any], name: str, otherwise: str = "") -> str:
    value = row.get(name)
    return otherwise if value in (None, "") else str(value)

"""Questions from a JSONL file, one a line.

```json
{"id": "7", "question": "Başkent neresi?", "answers": ["Ankara"], "english": "What is the capital?"}
```

`answer` or `answers` are the accepted ones; `answered_in` is their language, English where it is left out. What is null
or empty is left out.
A question that is to be answered in two languages stands there twice, under one id.
`english` is the question in English, for the upper bound; `group` its kind, for a table by kind; `subject` what it is
about, so that questions about one thing are not exchanged for one another.
"""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from newtongue import NewtongueError
from newtongue.languages import language_name
from newtongue_evaluation.answers import Messages
from newtongue_evaluation.baselines import Question


def read_questions(path: str | Path, language: str) -> list[Question]:
    """The questions of a file, plain or gzipped, in a language.

    Raises:
        NewtongueError: the file cannot be read, or a line is no question.
    """
    found = [_question(row, number, path, language) for number, row in enumerate(_rows(Path(path)), 1)]
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


def _rows(path: Path) -> Iterator[Any]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):  # noqa: B007 (said in the error)
                if line.strip():
                    yield json.loads(line)
    except json.JSONDecodeError as error:
        raise NewtongueError(f"{path} line {number} is no JSON ({error}). Write one question a line.") from error
    except (OSError, UnicodeDecodeError, EOFError) as error:
        raise NewtongueError(f"{path} cannot be read ({error}). Give a JSONL file in UTF-8, gzipped or not.") from error


def _question(row: Any, number: int, path: str | Path, language: str) -> Question:
    asked = row.get("question") if isinstance(row, dict) else None
    gold = _gold(row) if isinstance(row, dict) else []
    if not isinstance(asked, str) or not asked.strip() or not all(isinstance(one, str) and one.strip() for one in gold):
        raise NewtongueError(
            f"{path} line {number} is no question: {str(row)[:100]}. Give 'question', and 'answer' or 'answers'."
        )
    answered_in = _given(row, "answered_in", "en")
    key = _given(row, "id", str(number))
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


def _given(row: dict[str, Any], name: str, otherwise: str = "") -> str:
    value = row.get(name)
    return otherwise if value in (None, "") else str(value)

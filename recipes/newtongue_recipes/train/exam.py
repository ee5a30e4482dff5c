"""The questions held out of a run, in the shape that `newtongue evaluate` reads."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from newtongue.saving.whole import write_whole
from newtongue_evaluation.answers import Messages
from newtongue_recipes.data.conversations import contents
from newtongue_recipes.data.languages import told
from newtongue_recipes.data.shapes import own_texts
from newtongue_recipes.data.texts import same_language


def exam_of(output: Path, language: str) -> Path:
    """Where a run keeps its exam; the name says the language, so that the folder can be given as well."""
    return output / "data" / f"held_out.{language}.jsonl"


def write_exam(held_out: Sequence[Messages], language: str, output: Path, *, own: bool = False) -> None:
    """Write what held-out conversations ask first, and its answers; no file where they ask nothing.

    An answer that does not say its language is in the one it reads as, English or the language; where that cannot be
    told, as of a name, in that of most others.

    Args:
        held_out: conversations that end with an answer.
        language: of the questions; what is asked in another is left out.
        output: folder of the run.
        own: answers that say nothing else are in the language.
    """
    path = exam_of(output, language)
    answered = [(asked, *_answer(said, language, own=own)) for asked, said in _first_turns(held_out)]
    most = Counter(spoken for *_, spoken in answered if spoken).most_common(1)
    usual = most[0][0] if most else language
    rows: dict[tuple[str, str], list[str]] = {}
    for asked, answer, spoken in answered:
        rows.setdefault((asked, spoken or usual), []).append(answer)
    lines = [
        json.dumps({"question": asked, "answers": answers, "answered_in": spoken}, ensure_ascii=False) + "\n"
        for (asked, spoken), answers in rows.items()
    ]
    if lines:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, "".join(lines))
    else:
        path.unlink(missing_ok=True)  # Of an earlier run, which held something out.


def _first_turns(held_out: Sequence[Messages]) -> list[tuple[str, dict[str, Any]]]:
    """What is asked first in the language, and the message that answers it."""
    found = []
    for messages in held_out:
        at = next(at for at, one in enumerate(messages) if one["role"] == "user")
        asked, answer = own_texts("questions", [messages[at]]), messages[at + 1]
        if asked and answer["role"] == "assistant":
            found.append(("\n".join(asked), answer))
    return found


def _answer(message: dict[str, Any], language: str, *, own: bool) -> tuple[str, str | None]:
    """What is answered, and in which language, if that can be told."""
    said = " ".join(contents(message))
    spoken = message.get("language") or (language if own else told(said, language))
    return said, next((one for one in (language, "en") if spoken and same_language(spoken, one)), spoken)

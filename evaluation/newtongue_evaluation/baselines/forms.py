"""How a conversation is put to a method that has no port, or has one and the raw text too."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from newtongue_evaluation.answers import Messages
from newtongue_evaluation.results import Row

ALOUD = " : "  # Between what is thought and what is said.


def plain(messages: Messages) -> Messages:
    """Without languages: every part as the base's own text."""
    return [{"role": one["role"], "content": _text(one["content"])} for one in messages]


def beside(messages: Messages) -> Messages:
    """Every part of a question in a language twice: as it is, read by the port, and after it as the base's own text."""
    return [{**one, "content": _twice(one["content"])} for one in messages]


def thoughtless(messages: Messages) -> Messages:
    """Without what is to be thought before an answer."""
    return [{key: value for key, value in one.items() if key != "thought"} for one in messages]


def aloud(messages: Messages) -> Messages:
    """With what is to be thought before an answer said before it, as a method without a voice can think."""
    said = [f"{one['thought']}{ALOUD}" if "thought" in one else "" for one in messages]
    return [
        {**one, "content": before + one["content"]} if before else one
        for before, one in zip(said, thoughtless(messages), strict=True)
    ]


def heard(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Answers without what was thought aloud before them; how surprising such an answer is, their rows do not tell."""
    return tuple(replace(row, answer=(row.answer or "").rpartition(ALOUD)[2], nats=None) for row in rows)


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def _twice(content: Any) -> Any:
    if isinstance(content, str):
        return content
    twice = []
    for part in content:
        twice.append(part)
        if part.get("language"):
            twice.append({"type": "text", "text": part["text"]})
    return twice

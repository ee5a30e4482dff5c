"""Plain values as Markdown."""

from collections.abc import Sequence
from typing import Any


def render(value: Any) -> str:
    """A note as Markdown: a table, a list or a paragraph."""
    if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
        head = list(value[0])
        return table(head, [[row.get(key, "") for key in head] for row in value])
    if isinstance(value, dict):
        return "\n".join(f"- {key}: {one}" for key, one in value.items())
    if isinstance(value, list):
        return "\n".join(f"- {one}" for one in value)
    return str(value)


def table(head: Sequence[Any], rows: Sequence[Sequence[Any]]) -> str:
    """A table; bars and line breaks inside cells do not break it."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(" ".join(str(cell).split()).replace("|", "\\|") for cell in line) + " |" for line in lines
    )

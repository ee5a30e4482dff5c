"""Tables in Markdown."""

from collections.abc import Sequence
from typing import Any


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A Markdown table; floats with two decimals, None as a dash, all else as text without HTML."""
    lines = [[_cell(value) for value in head], ["---"] * len(head), *([_cell(value) for value in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def plain(text: str) -> str:
    """Text in which Markdown finds no HTML."""
    return text.replace("<", "&lt;")


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    text = f"{value:.2f}" if isinstance(value, float) else str(value)
    return plain(" ".join(text.split())).replace("|", "\\|")

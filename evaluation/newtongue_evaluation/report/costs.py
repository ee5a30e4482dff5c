"""What methods cost, as a table beside their scores."""

from collections.abc import Callable, Sequence
from typing import Any

from newtongue_evaluation.results import Cost

from .formats import amount, bytes_of, value
from .summary import Task


def positions_per_character(cost: Cost) -> float | None:
    """How many positions a method takes to read a character of a question."""
    return cost.positions / cost.characters if cost.positions and cost.characters else None


COLUMNS: tuple[tuple[str, Callable[[Cost], float | None], Callable[[Any], str]], ...] = (
    ("seconds of training", lambda cost: cost.training_seconds, amount),
    ("steps", lambda cost: cost.training_steps, amount),
    ("trained parameters", lambda cost: cost.trained_parameters, amount),
    ("on disk", lambda cost: cost.bytes, bytes_of),
    ("positions a character", positions_per_character, value),
    ("seconds of answering", lambda cost: cost.answer_seconds, amount),
    ("GPU memory, answering", lambda cost: cost.peak_memory, bytes_of),
)


def cost_table(task: Task) -> tuple[list[str], Sequence[list[str]]]:
    """Head and rows, a row a method of which any cost is known; columns nobody has are left out.

    A task without costs has no rows.
    """
    known = [line for line in task.every if any(read(line.cost) for _, read, _ in COLUMNS)]
    shown = [column for column in COLUMNS if any(column[1](line.cost) for line in known)]
    rows = [[line.title, *(form(read(line.cost) or None) for _, read, form in shown)] for line in known]
    return ["", *(name for name, _, _ in shown)], rows

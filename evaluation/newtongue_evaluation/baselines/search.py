"""A small search over what a baseline's result hangs on, so that it is not beaten by its settings."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from .budget import Budget
from .lessons import Lessons
from .method import Baseline, Question


def search(
    baseline: Baseline,
    lessons: Lessons,
    budget: Budget,
    changes: Sequence[dict[str, Any]],
    asked: Sequence[Question],
    folder: Path,
    callbacks: Sequence[TrainerCallback] = (),
) -> list[float]:
    """Train with each set of changes to the budget, to find the one least surprised by answers.

    Args:
        changes: what `Budget.changed` takes, such as `{"rank": 32, "rate": 2e-3}`.
        asked: questions of a development set, none of which is scored afterwards.
        callbacks: watch each training.

    Returns:
        The mean nats of a gold answer for each set of changes.
    """
    nats = []
    for place, change in enumerate(changes):
        learned = baseline(lessons, budget.changed(**change), folder / str(place), callbacks)
        nats.append(sum(learned.nats(asked)) / len(asked))
    return nats

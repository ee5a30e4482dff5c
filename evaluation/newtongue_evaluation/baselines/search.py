"""A small search over what a baseline's result hangs on, so that it is not beaten by its settings."""

from collections.abc import Sequence
from math import inf, isfinite
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from newtongue import NewtongueError

from .budget import Budget
from .lessons import Lessons
from .method import Baseline, Question
from .training import DivergedError


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
        The mean nats of a gold answer for each set of changes; infinite for one with which the training diverged.

    Raises:
        NewtongueError: it did with all of them.
    """
    nats = []
    for place, change in enumerate(changes):
        try:
            learned = baseline(lessons, budget.changed(**change), folder / str(place), callbacks)
            mean = sum(learned.nats(asked)) / len(asked)
        except DivergedError:
            mean = inf
        nats.append(mean if isfinite(mean) else inf)
    if not any(map(isfinite, nats)):
        raise NewtongueError(f"A search's trainings have all diverged, in {folder}. Give it lower rates.")
    return nats

"""What a model card says of the results: the headline measures of ours, with everything else as a control beside it."""

from collections.abc import Sequence
from typing import Any

from .summary import Task


def card_results(tasks: Sequence[Task], command: str) -> list[dict[str, Any]]:
    """Rows for an adapter's `results` note, as `newtongue.card.results` has them.

    Args:
        tasks: those without a line of ours are left out.
        command: what prints the figures again.
    """
    return [
        {
            "task": task.title,
            "metric": measure.name,
            "value": round(score.value, 4),
            "interval": [round(score.low, 4), round(score.high, 4)],
            "questions": score.n,
            "controls": {
                line.method: round(line.scores[measure.name].value, 4)
                for line in task.lines
                if line.role != "ours" and measure.name in line.scores
            },
            "command": command,
        }
        for task in tasks
        if task.ours is not None
        for measure in task.headlines
        if (score := task.ours.scores.get(measure.name)) is not None
    ]

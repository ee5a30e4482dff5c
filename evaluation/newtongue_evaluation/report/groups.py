"""Scores of ours by kind of question."""

from collections.abc import Sequence

import numpy as np

from newtongue_evaluation.measures.answered import Measure
from newtongue_evaluation.measures.intervals import Score, score

from .summary import Task


def by_group(task: Task, measure: Measure) -> Sequence[tuple[str, Score]]:
    """Each group with ours on it, the best first; nothing where there is one group only."""
    if task.ours is None:
        return []
    parts: dict[str, list[tuple[float, float]]] = {}
    subjects: dict[str, list[str]] = {}
    for row in task.ours.rows:
        found = measure.of(row, task.answered_in)
        if found is not None:
            parts.setdefault(row.group, []).append(found)
            subjects.setdefault(row.group, []).append(row.subject)
    scored = [(name, score(np.array(rows, dtype=np.float64), subjects[name])) for name, rows in parts.items()]
    known = [(name, one) for name, one in scored if name and one is not None]
    return sorted(known, key=lambda pair: -pair[1].value) if len(known) > 1 else []

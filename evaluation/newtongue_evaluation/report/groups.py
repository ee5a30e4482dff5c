"""Scores by kind of question."""

import numpy as np

from newtongue_evaluation.measures.answered import Measure
from newtongue_evaluation.measures.intervals import Score, score

from .summary import Line


def by_group(line: Line, measure: Measure, answered_in: str) -> dict[str, Score]:
    """Each kind of question with a method's score on it, the best first; nothing where there is one kind only."""
    parts: dict[str, list[tuple[float, float]]] = {}
    subjects: dict[str, list[str]] = {}
    for row in line.rows:
        found = measure.of(row, answered_in)
        if found is not None:
            parts.setdefault(row.group, []).append(found)
            subjects.setdefault(row.group, []).append(row.subject)
    scored = [(name, score(np.array(rows, dtype=np.float64), subjects[name])) for name, rows in parts.items()]
    known = [(name, one) for name, one in scored if name and one is not None]
    return dict(sorted(known, key=lambda pair: -pair[1].value)) if len(known) > 1 else {}

"""Scores by kind of question."""

import numpy as np

from newtongue_evaluation.measures.answered import Measure
from newtongue_evaluation.measures.intervals import Ratio, Score, score

from .summary import Asked, Line


def by_group(line: Line, measure: Measure, answered_in: str) -> dict[str, Score]:
    """Each kind of question with a method's score on it, the best first; nothing where there is one kind only."""
    parts: dict[str, dict[Asked, Ratio]] = {}  # Of each question, summed over seeds.
    subjects: dict[Asked, str] = {}
    for row in line.every:
        found = measure.of(row, answered_in)
        if found is not None:
            asked, kind = (row.key, row.gold), parts.setdefault(row.group, {})
            kind[asked] = kind.get(asked, np.zeros(2)) + found
            subjects[asked] = row.subject
    scored = [
        (name, score(np.stack([*kind.values()]), [subjects[one] for one in kind])) for name, kind in parts.items()
    ]
    known = [(name, one) for name, one in scored if name and one is not None]
    return dict(sorted(known, key=lambda pair: -pair[1].value)) if len(known) > 1 else {}

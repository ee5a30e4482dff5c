"""Scores by kind of question."""

import numpy as np

from newtongue_evaluation.measures.answered import Measure
from newtongue_evaluation.measures.intervals import Score, score

from .summary import Asked, Line, by_question


def by_group(line: Line, measure: Measure) -> dict[str, Score]:
    """Each kind of question with a method's score on it, the best first; nothing where there is one kind only."""
    parts = by_question(line.results, measure)
    rows = {(row.key, row.gold): row for one in line.results for row in one.rows}
    kinds: dict[str, list[Asked]] = {}
    for asked, row in rows.items():
        kinds.setdefault(row.group, []).append(asked)
    scored = [
        (kind, score(np.stack([parts[one] for one in asked]), [rows[one].subject for one in asked]))
        for kind, asked in kinds.items()
    ]
    known = [(kind, one) for kind, one in scored if kind and one is not None]
    return dict(sorted(known, key=lambda pair: -pair[1].value)) if len(known) > 1 else {}

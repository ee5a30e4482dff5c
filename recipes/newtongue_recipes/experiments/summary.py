"""The scores of an experiment's results as a table."""

import math
from collections.abc import Sequence

from newtongue_evaluation.measures.answered import ANSWERS, measured
from newtongue_evaluation.measures.intervals import score
from newtongue_evaluation.report import table
from newtongue_evaluation.results import Result


def summary(results: Sequence[Result]) -> str:
    """Exact match and bits per byte of every run, as a Markdown table."""
    rows = []
    for one in results:
        scores = _scores(one)
        exact, bits = scores.get("exact match"), scores.get("bits per byte")
        amounts = ", ".join(f"{kind} {amount:g}" for kind, amount in one.data.items()) or "all"
        between = f"{exact['value']:.2f} ({exact['low']:.2f}–{exact['high']:.2f})" if exact else None
        spent = bits["value"] if bits else None
        told = [one.task, one.language, one.answered_in, one.method, amounts, one.seed]
        rows.append([*told, between, spent, one.cost.training_seconds])
    head = ["task", "asked in", "answered in", "method", "data", "seed", "exact match", "bits per byte", "seconds"]
    return table(head, rows)


def score_of(one: Result, name: str) -> float:
    """One score's value, not a number where it says nothing of the result."""
    return _scores(one).get(name, {}).get("value", math.nan)


def _scores(one: Result) -> dict[str, dict[str, float]]:
    found = ((measure.name, score(measured(one, measure), [row.subject for row in one.rows])) for measure in ANSWERS)
    return {name: {key: round(value, 4) for key, value in vars(own).items()} for name, own in found if own}

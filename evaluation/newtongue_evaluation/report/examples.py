"""Answers side by side: where ours did best and where it did worst, beside what comes nearest to it."""

from collections.abc import Sequence
from dataclasses import dataclass

from newtongue_evaluation.measures.answered import bits_per_byte
from newtongue_evaluation.measures.text import exact, f1
from newtongue_evaluation.results import Row

from .summary import Line, Task

SHOWN = 6


@dataclass(frozen=True)
class Example:
    """One question with what two methods made of it."""

    question: str
    english: str
    gold: str
    ours: str
    right: bool
    theirs: str
    theirs_right: bool


def rival(task: Task) -> Line | None:
    """What ours is shown beside: the best baseline, else the bare base, else any control that answers."""
    others = [line for line in task.lines if line.role in ("baseline", "control") and line.rows[0].answer is not None]
    measure = task.headlines[0].name
    others = [line for line in others if measure in line.scores]
    baselines = [line for line in others if line.role == "baseline"]
    if baselines:
        return max(baselines, key=lambda line: line.scores[measure].value)
    return next((line for line in others if "bare" in line.method), others[0] if others else None)


def best_and_worst(task: Task) -> tuple[list[Example], list[Example]]:
    """Rows that ours did best on, the longest answers first, and those it did worst on, the most surprising first.

    Each gold answer is shown once.
    """
    ours, other = task.ours, rival(task)
    if ours is None or not task.answered_in or any(row.answer is None for row in ours.rows):
        return [], []
    beside = {(row.key, row.gold): row for row in other.rows} if other else {}
    near = {row.key: f1(row.answer or "", row.gold, task.answered_in) for row in ours.rows}
    best = sorted(ours.rows, key=lambda row: (-near[row.key], -len(row.gold[0]), row.key))
    worst = sorted(ours.rows, key=lambda row: (near[row.key], -_surprise(row), row.key))
    good = [row for row in _different(best) if near[row.key] > 0][:SHOWN]
    bad = [row for row in _different(worst) if near[row.key] < 1][:SHOWN]
    return (
        [_example(row, beside.get((row.key, row.gold)), task.answered_in) for row in good],
        [_example(row, beside.get((row.key, row.gold)), task.answered_in) for row in bad],
    )


def _different(rows: Sequence[Row]) -> list[Row]:
    found: dict[str, Row] = {}
    for row in rows:
        found.setdefault(row.gold[0], row)
    return list(found.values())


def _surprise(row: Row) -> float:
    return bits_per_byte(row.nats or 0.0, row.gold[0])


def _example(row: Row, other: Row | None, language: str) -> Example:
    said, theirs = row.answer or "", (other.answer if other else "") or ""
    return Example(
        row.question,
        row.english,
        row.gold[0],
        said,
        bool(exact(said, row.gold, language)),
        theirs,
        bool(exact(theirs, row.gold, language)),
    )

"""Results as scores: every method on every task with intervals, and how far ours is from each, row by row."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

import numpy as np

from newtongue.languages import language_name
from newtongue_evaluation.measures.answered import Measure, measured, measures_of
from newtongue_evaluation.measures.apart import told_apart
from newtongue_evaluation.measures.intervals import Ratio, Score, difference, score
from newtongue_evaluation.results import Cost, Result, Role, Row

ORDER: tuple[Role, ...] = ("ours", "baseline", "bound", "control")
ENOUGH = 6  # Rows: so many that all point one way do so by chance in 1 of 32, of fewer there is no telling.
HEADLINES = ("exact match", "bits per byte")
Amounts = tuple[tuple[str, float], ...]
Key = tuple[str, Amounts]  # method and its data
Asked = tuple[str, tuple[str, ...]]  # a row's key and gold: under one key, others may have asked something else


@dataclass(frozen=True)
class Line:
    """One method with one amount of data, its seeds taken together.

    Attributes:
        data: rows by kind; a kind that is not named was not limited.
        scores: by measure; a measure that says nothing of it is missing.
        ahead: ours (the first of them) minus this one, by measure, on rows with one gold in both; none for ours itself.
        seeds: the score of each seed alone, by measure.
        results: of each seed.
    """

    method: str
    role: Role
    data: Amounts
    scores: dict[str, Score]
    ahead: dict[str, Score]
    seeds: dict[str, list[float]]
    results: tuple[Result, ...]

    @property
    def rows(self) -> tuple[Row, ...]:
        """Those of the first seed."""
        return self.results[0].rows

    @property
    def cost(self) -> Cost:
        """That of the first seed."""
        return self.results[0].cost

    @property
    def budget(self) -> Any:
        """What the first seed was trained with, where its result says so."""
        return self.results[0].settings.get("budget")

    @property
    def title(self) -> str:
        """The method and what data it was limited to."""
        return ", ".join([self.method, *(f"{amount:,.0f} {kind}" for kind, amount in self.data)])

    def amount(self, kind: str) -> float:
        """Its data of one kind; infinite where that was not limited."""
        return dict(self.data).get(kind, inf)


@dataclass(frozen=True)
class Task:
    """All methods on one task; `lines` with the most data of each, `curves` with every amount."""

    name: str
    language: str
    answered_in: str
    measures: tuple[Measure, ...]
    lines: list[Line]
    curves: list[Line] = field(default_factory=list)

    @property
    def every(self) -> list[Line]:
        """All lines, with every amount of data."""
        return self.curves or self.lines

    @property
    def kinds(self) -> list[str]:
        """The kinds of data that some line had less of than all."""
        return _kinds(line.data for line in self.curves)

    @property
    def varied(self) -> list[str]:
        """Those of which a method had more than one amount, all else alike."""
        return [kind for kind in self.kinds if any(len(lines) > 1 for lines in self.along(kind).values())]

    def along(self, kind: str) -> dict[str, list[Line]]:
        """Of methods that had several amounts: lines by the amount of one kind, with the most of all others."""
        several = Counter(line.method for line in self.curves)
        others = [one for one in self.kinds if one != kind]
        found: dict[str, list[Line]] = {name: [] for name, count in several.items() if count > 1}
        for line in sorted(self.curves, key=lambda line: (_fullness(line.data, others), line.amount(kind))):
            lines = found.get(line.method, [])
            if lines and _fullness(line.data, others) != _fullness(lines[-1].data, others):
                lines.clear()  # They have less of the others than this one.
            lines.append(line)
        return found

    @property
    def title(self) -> str:
        """What was asked, in words."""
        name = language_name(self.language)
        if not self.answered_in:
            return f"{self.name}: {name} sentences and their English translations, retrieval at 1"
        return f"{self.name}: asked in {name}, answered in {language_name(self.answered_in)}"

    @property
    def ours(self) -> Line | None:
        """Our own line, if it is here."""
        return next((line for line in self.lines if line.role == "ours"), None)

    @property
    def headlines(self) -> list[Measure]:
        """The measures to look at first: of answers, or the first that the rows brought along."""
        return [one for one in self.measures if one.name in HEADLINES] or list(self.measures[:1])

    @property
    def surpassed(self) -> list[Line]:
        """Baselines and controls, with any amount of data, that beat ours on a headline measure by more than chance."""
        return [
            line
            for line in self.every
            if line.role in ("baseline", "control")
            and any(_beats(line.ahead.get(one.name), one) for one in self.headlines)
        ]


def summarise(results: Iterable[Result]) -> list[Task]:
    """Score all results: a task for each name, language and language of the answers, in the order they come."""
    tasks: dict[tuple[str, str, str], list[Result]] = {}
    for one in told_apart(list(results)):
        tasks.setdefault((one.task, one.language, one.answered_in), []).append(one)
    return [_task(*key, found) for key, found in tasks.items()]


def _role(one: Result) -> Role:
    """What it is to the reader: a bound only of answers in English, for no question in English asks for others."""
    return "control" if one.role == "bound" and one.answered_in not in ("", "en") else one.role


def _task(name: str, language: str, answered_in: str, results: Sequence[Result]) -> Task:
    measures = tuple({one.name: one for result in results for one in measures_of(result)}.values())
    groups: dict[Key, list[Result]] = {}
    for one in results:
        groups.setdefault((one.method, tuple(sorted(one.data.items()))), []).append(one)
    parts = {key: {measure.name: by_question(found, measure) for measure in measures} for key, found in groups.items()}
    subjects = {(row.key, row.gold): row.subject for one in results for row in one.rows if row.subject}
    lines = []
    for (method, data), found in groups.items():
        mine = parts[method, data]
        ours = _ours(groups, data)
        ahead = {}
        if ours is not None and (method, data) != ours:
            pairs = ((one.name, _ahead(parts[ours][one.name], mine[one.name], subjects)) for one in measures)
            ahead = {name: value for name, value in pairs if value is not None}
        scores = {one.name: score(_stack(mine[one.name]), _about(mine[one.name], subjects)) for one in measures}
        lines.append(
            Line(
                method,
                _role(found[0]),
                data,
                {name: value for name, value in scores.items() if value is not None},
                ahead,
                {one.name: _each(found, one) for one in measures} if len(found) > 1 else {},
                tuple(found),
            )
        )
    used = tuple(one for one in measures if any(one.name in line.scores for line in lines))
    lines.sort(key=lambda line: ORDER.index(line.role))
    kinds = _kinds(data for _, data in groups)
    fullest = {line.method: line for line in sorted(lines, key=lambda line: _fullness(line.data, kinds))}
    most = [line for line in lines if fullest[line.method] is line]
    return Task(name, language, answered_in, used, most, lines if len(lines) > len(most) else [])


def _ours(groups: Mapping[Key, Sequence[Result]], data: Amounts) -> Key | None:
    """The first of ours that had the same data, else the first method of ours with the most it had."""
    found = [key for key, results in groups.items() if results[0].role == "ours"]
    if not found:
        return None
    kinds = _kinds(data for _, data in groups)
    fullest = max((key for key in found if key[0] == found[0][0]), key=lambda key: _fullness(key[1], kinds))
    return next((key for key in found if key[1] == data), fullest)


def _kinds(amounts: Iterable[Amounts]) -> list[str]:
    return sorted({kind for data in amounts for kind, _ in data})


def _fullness(data: Amounts, kinds: Sequence[str]) -> tuple[float, ...]:
    """More is greater; what was not limited is most."""
    return tuple(dict(data).get(kind, inf) for kind in kinds)


def by_question(results: Sequence[Result], measure: Measure) -> dict[Asked, Ratio]:
    """Part and whole of each question, summed over seeds."""
    sums: dict[Asked, Ratio] = {}
    for one in results:
        for row, value in zip(one.rows, measured(one, measure), strict=True):
            asked = row.key, row.gold
            sums[asked] = sums.get(asked, np.zeros(2)) + value
    return sums


def _stack(parts: dict[Asked, Ratio]) -> Ratio:
    return np.stack(list(parts.values()))


def _about(asked: Iterable[Asked], subjects: Mapping[Asked, str]) -> list[str]:
    """What each question is about, where some result says so."""
    return [subjects.get(one, "") for one in asked]


def _ahead(ours: dict[Asked, Ratio], theirs: dict[Asked, Ratio], subjects: Mapping[Asked, str]) -> Score | None:
    both = [asked for asked in ours if asked in theirs]
    if not both:
        return None
    own, other = (np.stack([parts[asked] for asked in both]) for parts in (ours, theirs))
    return difference(own, other, _about(both, subjects))


def _each(results: Sequence[Result], measure: Measure) -> list[float]:
    sums = [measured(one, measure).sum(0) for one in results]
    return [float(part / whole) for part, whole in sums if whole]


def _beats(ahead: Score | None, measure: Measure) -> bool:
    if ahead is None or ahead.n < ENOUGH:
        return False
    return ahead.high < 0 if measure.more_is_better else ahead.low > 0

"""How sure a score is: percentile bootstrap over questions (Efron 1979), paired for differences (Koehn 2004).

Every score is a ratio of sums over rows, `sum(part) / sum(whole)`: shares, means and bits per byte alike. Rows that a
measure says nothing of are 0 in both. Rows about one subject are no independent evidence, several wordings of one fact
least of all: they are drawn together, as a cluster bootstrap does (Davison and Hinkley 1997).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DRAWS = 2000
LEVEL = 0.95
Ratio = NDArray[np.float64]  # [rows, 2]: part and whole


@dataclass(frozen=True)
class Score:
    """A value with its 95% interval, from `n` rows."""

    value: float
    low: float
    high: float
    n: int


def score(rows: Ratio, subjects: Sequence[str] = (), *, seed: int = 0, draws: int = DRAWS) -> Score | None:
    """The ratio of `rows` and its interval; None where the measure says nothing of any row.

    Args:
        rows: `[rows, 2]`.
        subjects: of each row, what it is about; rows of one are drawn together, those of "" each for itself. None given
            is "" for all.
    """
    measured = rows[:, 1] > 0
    if not measured.any():
        return None
    together = _together(rows[measured], _places(measured, subjects))
    drawn = _drawn(len(together), draws, seed) @ together  # [draws, 2]
    return _score(_ratio(rows[measured].sum(0)), _ratio(drawn), int(measured.sum()))


def difference(
    ours: Ratio, theirs: Ratio, subjects: Sequence[str] = (), *, seed: int = 0, draws: int = DRAWS
) -> Score | None:
    """Ours minus theirs on the same rows, each resampled for both; None where none is measured for both.

    Args:
        ours, theirs: `[rows, 2]`, row by row about the same question.
        subjects: as for `score`.
    """
    both = (ours[:, 1] > 0) & (theirs[:, 1] > 0)
    if not both.any():
        return None
    ours, theirs, places = ours[both], theirs[both], _places(both, subjects)
    weights = _drawn(int(places.max()) + 1, draws, seed)
    apart = _ratio(weights @ _together(ours, places)) - _ratio(weights @ _together(theirs, places))
    return _score(_ratio(ours.sum(0)) - _ratio(theirs.sum(0)), apart, len(ours))


def _places(kept: NDArray[np.bool_], subjects: Sequence[str]) -> NDArray[np.int64]:
    """The number of each kept row's group, in the order they first appear, so that lone rows keep their places."""
    if len(subjects) not in (0, len(kept)):
        raise ValueError(f"{len(subjects)} subjects for {len(kept)} rows: give one for each, or none.")
    places: dict[str | int, int] = {}
    named = [(subjects[row] if subjects else "") or row for row in np.flatnonzero(kept).tolist()]
    return np.array([places.setdefault(one, len(places)) for one in named])


def _together(rows: Ratio, places: NDArray[np.int64]) -> Ratio:
    """The sums of each group's rows, `[groups, 2]`."""
    sums = np.zeros((int(places.max()) + 1, 2))
    np.add.at(sums, places, rows)
    return sums


def _score(value: NDArray[np.float64], drawn: NDArray[np.float64], n: int) -> Score:
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Score(float(value), float(low), float(high), n)


def _drawn(rows: int, draws: int, seed: int) -> NDArray[np.float64]:
    """How often each row, or group of them, is in each draw, `[draws, rows]`."""
    return np.random.default_rng(seed).multinomial(rows, np.full(rows, 1 / rows), draws).astype(np.float64)


def _ratio(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    ratio: NDArray[np.float64] = sums[..., 0] / sums[..., 1]
    return ratio

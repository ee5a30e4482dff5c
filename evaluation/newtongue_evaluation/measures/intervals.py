"""How sure a score is: percentile bootstrap over questions (Efron 1979), paired for differences (Koehn 2004).

Every score is a ratio of sums over rows, `sum(part) / sum(whole)`: shares, means and bits per byte alike. Rows that a
measure says nothing of are 0 in both.
"""

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


def score(rows: Ratio, *, seed: int = 0, draws: int = DRAWS) -> Score | None:
    """The ratio of `rows` `[rows, 2]` and its interval; None where the measure says nothing of any row."""
    rows = rows[rows[:, 1] > 0]
    if not len(rows):
        return None
    drawn = _drawn(len(rows), draws, seed) @ rows  # [draws, 2]
    return _score(_ratio(rows.sum(0)), _ratio(drawn), len(rows))


def difference(ours: Ratio, theirs: Ratio, *, seed: int = 0, draws: int = DRAWS) -> Score | None:
    """Ours minus theirs on the same rows, each resampled for both; None where none is measured for both.

    Args:
        ours, theirs: `[rows, 2]`, row by row about the same question.
    """
    both = (ours[:, 1] > 0) & (theirs[:, 1] > 0)
    ours, theirs = ours[both], theirs[both]
    if not len(ours):
        return None
    weights = _drawn(len(ours), draws, seed)
    apart = _ratio(weights @ ours) - _ratio(weights @ theirs)
    return _score(_ratio(ours.sum(0)) - _ratio(theirs.sum(0)), apart, len(ours))


def _score(value: NDArray[np.float64], drawn: NDArray[np.float64], n: int) -> Score:
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Score(float(value), float(low), float(high), n)


def _drawn(rows: int, draws: int, seed: int) -> NDArray[np.float64]:
    """How often each row is in each draw, `[draws, rows]`."""
    return np.random.default_rng(seed).multinomial(rows, np.full(rows, 1 / rows), draws).astype(np.float64)


def _ratio(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    ratio: NDArray[np.float64] = sums[..., 0] / sums[..., 1]
    return ratio

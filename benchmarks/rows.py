"""A row of the table: one figure in one case, beside what it is compared with and what it is to reach."""

from dataclasses import dataclass


class Skip(Exception):
    """A figure that this machine cannot give, and why."""


@dataclass(frozen=True)
class Row:
    """One measured value.

    Attributes:
        figure: what is measured.
        case: in which shape, language or size.
        against: what the value is a ratio over; the unit where it is none.
        value: the median.
        low, high: quartiles, where it was timed.
        at_least, at_most: what it is to reach.
        roof: share of the speed that the device's measured ceilings allow.
        skipped: why there is no value.
    """

    figure: str
    case: str
    against: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    roof: float | None = None
    skipped: str | None = None

    @property
    def reached(self) -> bool | None:
        """Whether the value is what it is to be; None where nothing is asked or measured."""
        if self.value is None or (self.at_least is None and self.at_most is None):
            return None
        return self.value >= (self.at_least or 0) and self.value <= (self.at_most or float("inf"))

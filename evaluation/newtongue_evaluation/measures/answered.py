"""The measures of answers, each a ratio of two numbers a row, so that one bootstrap serves all."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from newtongue_evaluation.results import Result, Row

from .apart import APART
from .fidelity import copied
from .intervals import Ratio
from .spoken import in_language
from .text import chrf, exact, f1

Parts = tuple[float, float] | None  # part and whole of one row; None where the measure says nothing of it


@dataclass(frozen=True)
class Measure:
    """One measure of an answer.

    Attributes:
        name: as it stands in tables.
        of: of a row and the language its answer should be in.
        explained: in one line, for the report.
        more_is_better: which way is up.
    """

    name: str
    of: Callable[[Row, str], Parts]
    explained: str
    more_is_better: bool = True


def bits_per_byte(nats: float, text: str) -> float:
    """Bits a byte of UTF-8 that a model spends on a text: comparable across tokenizers.

    Args:
        nats: negative log-likelihood of the whole text.
    """
    return nats / math.log(2) / max(1, len(text.encode()))


def _answered(of: Callable[[str, Sequence[str], str], float]) -> Callable[[Row, str], Parts]:
    return lambda row, language: None if row.answer is None else (of(row.answer, row.gold, language), 1.0)


def _copied(row: Row, _language: str) -> Parts:
    return None if row.answer is None else copied(row.question, row.gold[0], row.answer)


def _in_language(row: Row, language: str) -> Parts:
    told = None if row.answer is None else in_language(row.answer, row.gold[0], language)
    return None if told is None else (told, 1.0)


def _scored(row: Row, name: str) -> Parts:
    return (row.scores[name], 1.0) if name in row.scores else None


def _bits(row: Row, _language: str) -> Parts:
    size = len(row.gold[0].encode())
    return None if row.nats is None or not size else (row.nats / math.log(2), size)


ANSWERS = (
    Measure("exact match", _answered(exact), "answers equal to a gold one; case, width, punctuation do not count"),
    Measure(APART, lambda row, _: _scored(row, APART), "the same, where the gold answer is another one in English"),
    Measure("F1", _answered(f1), "words shared with the gold answer; characters in scripts without spaces"),
    Measure("chrF", _answered(lambda answer, gold, _: chrf(answer, gold)), "character n-grams shared, mean of rows"),
    Measure("copied", _copied, "numbers and names of the question that the gold answer repeats, in the answer too"),
    Measure("in language", _in_language, "answers in the language asked for, where the gold one can be told to be"),
    Measure("bits per byte", _bits, "surprise at the gold answer", more_is_better=False),
)


def measures_of(result: Result) -> tuple[Measure, ...]:
    """The measures of a result: those of answers where it has gold ones, then those its rows bring along."""
    own = dict.fromkeys(name for row in result.rows for name in row.scores if name != APART)
    return (*(ANSWERS if result.answered_in else ()), *map(_own, own))


def measured(result: Result, measure: Measure) -> Ratio:
    """`[rows, 2]`: part and whole a row, 0 and 0 where the measure says nothing."""
    parts = (measure.of(row, result.answered_in) for row in result.rows)
    return np.array([one or (0.0, 0.0) for one in parts], dtype=np.float64)


def _own(name: str) -> Measure:
    return Measure(name, lambda row, _: _scored(row, name), "")

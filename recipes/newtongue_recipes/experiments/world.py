"""One language as an experiment teaches and asks it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from newtongue_evaluation.baselines import Lessons, Question
from newtongue_recipes.stages.map import Pair


@dataclass(frozen=True)
class World:
    """What all methods learn from and are asked.

    Attributes:
        task: its name in results.
        lessons: of every method, without an encoder.
        pairs: the same translations as those of the lessons, for stage 2.
        exam: questions that are scored, none of which a lesson holds.
        development: questions for searches, of which the same holds.
        base: the base's folder.
        longest: tokens of an answer at most.
    """

    task: str
    lessons: Lessons
    pairs: Sequence[Pair]
    exam: Sequence[Question]
    development: Sequence[Question]
    base: Path
    longest: int = 40

    def answered_in(self) -> list[str]:
        """The languages answers are wanted in."""
        return list(dict.fromkeys(one.answered_in for one in self.exam))

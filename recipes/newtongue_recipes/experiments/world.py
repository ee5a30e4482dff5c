"""One language as an experiment teaches and asks it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Self

from newtongue.languages import language_name
from newtongue_evaluation.answers import Messages
from newtongue_evaluation.baselines import Lessons, Question
from newtongue_recipes.stages.map import Pair


@dataclass(frozen=True)
class Part:
    """Questions that are scored together: of which task, asked and answered in which languages."""

    task: str
    language: str
    answered_in: str
    questions: Sequence[Question]


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

    def scored(self, questions: Literal["exam", "development"]) -> Self:
        """The same, of which these questions are the exam."""
        return self if questions == "exam" else replace(self, exam=self.development)

    def parts(self, *, english: bool) -> list[Part]:
        """The exam by the language of its answers.

        Args:
            english: whether what is answered in English is asked in English too, which tells what a method has left of
                what the base could do.
        """
        own = self.lessons.language
        parts = [
            Part(self.task, own, answered_in, [one for one in self.exam if one.answered_in == answered_in])
            for answered_in in dict.fromkeys(one.answered_in for one in self.exam)
        ]
        if english:
            task = f"{self.task} after {language_name(own)}"
            asked = [one for one in self.exam if one.answered_in == "en"]
            parts.append(Part(task, "en", "en", [replace(one, messages=_plainly(one.english)) for one in asked]))
        return parts


def _plainly(question: str) -> Messages:
    return [{"role": "user", "content": question}]

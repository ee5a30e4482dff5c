"""What a method is, and what it gives: something that can be asked."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import TrainerCallback

from newtongue_evaluation.answers import Messages, answer, answer_nats, written
from newtongue_evaluation.results import Row

from .budget import Budget
from .lessons import Lessons


@dataclass(frozen=True)
class Question:
    """One question of an exam, the same for every method.

    Attributes:
        key: tells it from the others.
        messages: end with the question, in the language.
        english: the same question in English.
        gold: accepted answers, the first of which is scored by likelihood.
        answered_in: BCP 47 tag of the gold answers.
        group, subject: what kind of question it is, and about what.
    """

    key: str
    messages: Messages
    english: str
    gold: tuple[str, ...]
    answered_in: str = "en"
    group: str = ""
    subject: str = ""

    @property
    def text(self) -> str:
        """What is asked in the language, without the English words around it."""
        content = self.messages[-1]["content"]
        if isinstance(content, str):
            return content
        spoken = [part["text"] for part in content if part.get("language")]
        return " ".join(spoken or [part["text"] for part in content])

    def row(self, said: str, nats: float | None) -> Row:
        """What it was answered, and how surprising its first gold answer was; nan where that cannot be said."""
        known = None if nats is None or np.isnan(nats) else nats
        return Row(self.key, self.text, self.gold, said, known, self.group, self.english, subject=self.subject)


Form = Callable[[Question], Messages]


def thoughts(questions: Iterable[Question]) -> dict[str, str]:
    """What is thought first where a question is answered in another language: its English gold answer, by its key."""
    return {one.key: one.gold[0] for one in questions if one.answered_in == "en"}


@dataclass(frozen=True)
class Learned:
    """A method after its training.

    Attributes:
        model, tokenizer: what is asked, and what encodes the questions for it.
        form: how a question is put to it.
        steps, seconds: of training, all stages.
        trained: parameters that got gradients.
        settings: what else is needed to train it again.
        writes: in a language's own tokens too, where it has a voice; not so what stands for the base alone.
        thoughts: as `thoughts` gives them, where they are known.
    """

    model: Any
    tokenizer: Any
    form: Form
    steps: int = 0
    seconds: float = 0.0
    trained: int = 0
    settings: dict[str, Any] | None = None
    writes: bool = True
    thoughts: Mapping[str, str] = field(default_factory=dict)

    def ask(
        self,
        questions: Sequence[Question],
        *,
        max_new_tokens: int = 32,
        batch: int = 64,
        progress: Callable[[int], None] = lambda _done: None,
    ) -> tuple[Row, ...]:
        """Its greedy answers and its surprise at the gold ones, a row a question."""
        asked = [self.form(one) for one in questions]
        options: dict[str, Any] = {"max_new_tokens": max_new_tokens, "batch": batch, "progress": progress}
        answers = answer(self.model, self.tokenizer, asked, **options)
        nats = self.nats(questions, batch=batch)
        return tuple(one.row(said, value) for one, said, value in zip(questions, answers, nats, strict=True))

    def nats(self, questions: Sequence[Question], *, batch: int = 64) -> list[float]:
        """Negative log-likelihood of each question's first gold answer with its end.

        What a language can write can be spelled in the base's tokens too: such an answer is as likely as both together.
        Where the method thinks first, so is the answer after the gold thought. Other thoughts could lead to it, so that
        is an upper bound of the surprise. It is nan where the gold thought is not known.
        """
        nats = self._surprise([self._told(one, one.answered_in if self.writes else None) for one in questions], batch)
        ranges = getattr(self.tokenizer, "ranges", {})
        voices = {language for language in ranges if self.writes and ranges[language].voice}
        own = {place: one for place, one in enumerate(questions) if one.answered_in in voices}
        thinking = self._thinking(own, batch)
        told = {place: [self._told(one, None)] for place, one in own.items()}
        for place, one in thinking.items():
            if one.key in self.thoughts:
                told[place].append(self._told(one, one.answered_in, self.thoughts[one.key]))
        ways = [(place, way) for place in told for way in told[place]]
        for (place, _), other in zip(ways, self._surprise([way for _, way in ways], batch), strict=True):
            nats[place] = -float(np.logaddexp(-nats[place], -other))
        unknown = {place for place, one in thinking.items() if one.key not in self.thoughts}
        return [float("nan") if place in unknown else value for place, value in enumerate(nats)]

    def _surprise(self, told: Sequence[Messages], batch: int) -> list[float]:
        return answer_nats(self.model, self.tokenizer, told, batch=batch)

    def _thinking(self, asked: Mapping[int, Question], batch: int) -> dict[int, Question]:
        """Those to which the first that it says begins a thought."""
        put = [self.form(one) for one in asked.values()]
        said = written(self.model, self.tokenizer, put, 1, batch)
        owned = [self.tokenizer.ranges[one.answered_in] for one in asked.values()]
        begins = [ids[0] == one.begin + one.closes for ids, one in zip(said, owned, strict=True)]
        return {place: asked[place] for place, thinks in zip(asked, begins, strict=True) if thinks}

    def _told(self, one: Question, language: str | None, thought: str | None = None) -> Messages:
        said = {"role": "assistant", "content": one.gold[0], "language": language}
        return [*self.form(one), said if thought is None else {**said, "thought": thought}]


Baseline = Callable[[Lessons, Budget, Path, Sequence[TrainerCallback]], Learned]


def clock() -> float:
    """Seconds to be compared: of the clock on a GPU, else of this process on its cores, whatever else they do."""
    return time.monotonic() if torch.cuda.is_available() else time.process_time()


class Stopwatch:
    """Seconds by `clock` since it was made."""

    def __init__(self) -> None:
        self.started = clock()

    @property
    def seconds(self) -> float:
        """So far, to a tenth."""
        return round(clock() - self.started, 1)

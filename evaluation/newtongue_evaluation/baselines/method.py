"""What a method is, and what it gives: something that can be asked."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import TrainerCallback

from newtongue_evaluation.answers import Messages, answer, answer_nats
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


Form = Callable[[Question], Messages]


@dataclass(frozen=True)
class Learned:
    """A method after its training.

    Attributes:
        model, tokenizer: what is asked, and what encodes the questions for it.
        form: how a question is put to it.
        steps, seconds: of training, all stages.
        trained: parameters that got gradients.
        settings: what else is needed to train it again.
    """

    model: Any
    tokenizer: Any
    form: Form
    steps: int = 0
    seconds: float = 0.0
    trained: int = 0
    settings: dict[str, Any] | None = None

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
        return tuple(
            Row(one.key, one.text, one.gold, said, value, one.group, one.english)
            for one, said, value in zip(questions, answers, nats, strict=True)
        )

    def nats(self, questions: Sequence[Question], *, batch: int = 64) -> list[float]:
        """Negative log-likelihood of each question's first gold answer with its end.

        What a language can write can be spelled in the base's tokens too: such an answer is as likely as both together.
        """
        nats = answer_nats(
            self.model, self.tokenizer, [self._told(one, one.answered_in) for one in questions], batch=batch
        )
        ranges = getattr(self.tokenizer, "ranges", {})
        voices = {language for language in ranges if ranges[language].voice}
        own = {place: one for place, one in enumerate(questions) if one.answered_in in voices}
        told = [self._told(one, "en") for one in own.values()]
        for place, spelled in zip(own, answer_nats(self.model, self.tokenizer, told, batch=batch), strict=True):
            nats[place] = -float(np.logaddexp(-nats[place], -spelled))
        return nats

    def _told(self, one: Question, language: str) -> Messages:
        return [*self.form(one), {"role": "assistant", "content": one.gold[0], "language": language}]


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

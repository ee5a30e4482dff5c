"""The base as it is: on raw text, and on gold English."""

from collections.abc import Sequence
from pathlib import Path

from transformers import TrainerCallback

from .budget import Budget
from .forms import plain
from .lessons import Lessons
from .method import Learned


def bare(lessons: Lessons, _budget: Budget, _folder: Path, _callbacks: Sequence[TrainerCallback] = ()) -> Learned:
    """The untrained base, asked in the language through its own vocabulary."""
    return Learned(lessons.load(), lessons.tokenizer, lambda one: plain(one.messages))


def translate_test(
    lessons: Lessons, _budget: Budget, _folder: Path, _callbacks: Sequence[TrainerCallback] = ()
) -> Learned:
    """The untrained base, asked the question's gold English: what a perfect translator before it would reach.

    An upper bound where answers are in English; whoever asks for them in another language gets what the base knows.
    """
    return Learned(lessons.load(), lessons.tokenizer, lambda one: [{"role": "user", "content": one.english}])

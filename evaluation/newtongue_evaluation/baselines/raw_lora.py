"""What people would run: LoRA on raw text, through the base's own vocabulary."""

from collections.abc import Sequence
from pathlib import Path

from peft import get_peft_model
from transformers import TrainerCallback, set_seed

from .budget import Budget
from .forms import plain
from .lessons import Lessons
from .method import Learned, Stopwatch
from .training import encode, lora, train


def raw_lora(
    lessons: Lessons, budget: Budget, folder: Path, callbacks: Sequence[TrainerCallback] = (), *, read: bool = False
) -> Learned:
    """QLoRA on the questions and answers, their text left as text.

    Args:
        read: spend the budget's reading on translations first; else all of it goes to the questions.
    """
    watch = Stopwatch()
    set_seed(budget.seed)
    model = get_peft_model(lessons.load(), lora(budget))
    reading = budget.reading if read else 0
    if reading:
        rows = encode(lessons.tokenizer, [plain(one) for one in lessons.translations], budget)
        train(model, rows, lessons.tokenizer, reading, budget, folder / "read", callbacks)
    rows = encode(lessons.tokenizer, [plain(one) for one in lessons.questions], budget)
    trained = train(model, rows, lessons.tokenizer, budget.steps - reading, budget, folder / "answer", callbacks)
    return Learned(model, lessons.tokenizer, lambda one: plain(one.messages), budget.steps, watch.seconds, trained)


def raw_lora_translations(
    lessons: Lessons, budget: Budget, folder: Path, callbacks: Sequence[TrainerCallback] = ()
) -> Learned:
    """The same after as many steps on translations, read as raw text, as ours reads them."""
    return raw_lora(lessons, budget, folder, callbacks, read=True)

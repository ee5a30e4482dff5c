"""The demo's control: the same lessons to a LoRA on raw text, without a port."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer, TrainerCallback

from newtongue_evaluation.baselines import Budget, Lessons
from newtongue_evaluation.baselines.forms import plain
from newtongue_evaluation.baselines.raw_lora import raw_lora
from newtongue_evaluation.measures.text import exact_match
from newtongue_recipes.demo.exam import in_english_and_in_language
from newtongue_recipes.demo.lessons import held_out, lessons
from newtongue_recipes.demo.nano import load_nano
from newtongue_recipes.stages.curriculum import Curriculum


class _Steps(TrainerCallback):
    def __init__(self, told: Callable[[int], None]) -> None:
        self.told = told

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.told(state.global_step)


def raw_text_control(
    language: str, base: Path, work: Path, curriculum: Curriculum, seed: int, progress: Callable[[int], None]
) -> tuple[float, float]:
    """Exact match on the held-out facts, answered in English and in the language, of LoRA on raw text.

    It sees stage 3's rows, in the same number of steps, with the same rank, rate and batch.
    """
    conversations = list(lessons(language, seed).conversations)
    random.Random(seed).shuffle(conversations)
    settings = curriculum.tune
    training = settings.training
    taught = Lessons(language, lambda: load_nano(base), AutoTokenizer.from_pretrained(base), conversations)
    budget = Budget(0, training.steps, training.batch, training.rate, settings.rank, settings.alpha, seed=seed)
    learned = raw_lora(taught, budget, work, [_Steps(progress)])
    in_english, in_language = in_english_and_in_language(
        learned.model, learned.tokenizer, language, lambda _done: None, plain
    )
    return (
        exact_match(in_english, [row.answer for row in held_out(language, "en")], "en"),
        exact_match(in_language, [row.answer for row in held_out(language, language)], language),
    )

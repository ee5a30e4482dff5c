"""How long and how fast a method may train."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from transformers import TrainingArguments


@dataclass(frozen=True)
class Budget:
    """The optimisation every method gets.

    Attributes:
        reading: steps on raw text and translations, where a method has use for them; else they go to the questions.
        answering: steps on questions and answers.
        batch: rows a step.
        rate: peak learning rate; rises over the first tenth of the steps, then falls along a cosine.
        rank, alpha: of the LoRA, where there is one.
        max_length: longest row, in positions.
        seed: of data order and fresh weights.
        extra: anything else `TrainingArguments` takes.
    """

    reading: int
    answering: int
    batch: int = 32
    rate: float = 1e-3
    rank: int = 16
    alpha: int = 32
    max_length: int = 1024
    seed: int = 0
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def steps(self) -> int:
        """All of them."""
        return self.reading + self.answering

    def changed(self, *, reading: float | None = None, **fields: Any) -> "Budget":
        """The same with other fields, and with another share of its steps for reading where there is any."""
        budget = replace(self, **fields)
        if reading is None or not budget.reading:
            return budget
        share = round(reading * budget.steps)
        return replace(budget, reading=share, answering=budget.steps - share)

    def scaled(self, share: float) -> "Budget":
        """The same with so many times its steps, of either kind."""
        return replace(self, reading=round(self.reading * share), answering=max(1, round(self.answering * share)))

    def arguments(self, folder: Path, steps: int) -> TrainingArguments:
        """The stock trainer's arguments for so many steps on rows that come in the order wanted."""
        values: dict[str, Any] = {
            "output_dir": str(folder),
            "max_steps": steps,
            "per_device_train_batch_size": self.batch,
            "learning_rate": self.rate,
            "lr_scheduler_type": "cosine",
            "warmup_steps": 0.1,
            "max_grad_norm": 1.0,
            "logging_steps": max(1, steps // 50),
            "save_strategy": "no",
            "seed": self.seed,
            "report_to": "none",
            "remove_unused_columns": False,
            "disable_tqdm": True,
            "dataloader_pin_memory": torch.cuda.is_available(),
            "use_cpu": not torch.cuda.is_available(),
            "optim": "adamw_torch_fused",
        }
        return TrainingArguments(**{**values, **self.extra, "train_sampling_strategy": "sequential"})

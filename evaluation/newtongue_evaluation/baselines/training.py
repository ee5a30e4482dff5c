"""The one training that all baselines share: the stock trainer on rows of ids and labels."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig
from torch import Tensor, nn
from transformers import DataCollatorForSeq2Seq, PrinterCallback, Trainer, TrainerCallback, set_seed
from transformers.trainer_pt_utils import get_length_grouped_indices

from newtongue import NewtongueError
from newtongue_evaluation.answers import Messages, example

from .budget import Budget

Ids = dict[str, list[int]]


class DivergedError(NewtongueError):
    """A training whose weights are no numbers any more."""


def lora(budget: Budget, **more: Any) -> LoraConfig:
    """The LoRA every baseline that has one gets: all linear layers of the base."""
    return LoraConfig(
        r=budget.rank, lora_alpha=budget.alpha, target_modules="all-linear", task_type="CAUSAL_LM", **more
    )


def encode(tokenizer: Any, conversations: Sequence[Messages], budget: Budget) -> list[Ids]:
    """Ids and labels of conversations; the loss falls on the answers. Rows too long for the budget are left out.

    Raises:
        NewtongueError: all are.
    """
    rows = [example(tokenizer, one) for one in conversations]
    kept = [row for row in rows if len(row["input_ids"]) <= budget.max_length]
    if rows and not kept:
        shortest = min(len(row["input_ids"]) for row in rows)
        raise NewtongueError(
            f"No conversation fits into {budget.max_length} positions; the shortest needs {shortest}. Raise max_length."
        )
    return kept


def train(
    model: nn.Module,
    rows: Sequence[Ids],
    tokenizer: Any,
    steps: int,
    budget: Budget,
    folder: Path,
    callbacks: Sequence[TrainerCallback],
) -> int:
    """Train what of `model` is trainable; gives the number of those parameters.

    Args:
        model: gives a loss for `input_ids`, `attention_mask` and `labels`.
        rows: of ids and labels.
        tokenizer: pads.
        steps: 0 trains nothing.
        budget: batch, rate and seed.
        folder: where the trainer may write.
        callbacks: of the trainer; they are all the progress there is.

    Raises:
        NewtongueError: there are steps and no rows, or the training has diverged.
    """
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    if not steps:
        return trained
    if not rows:
        raise NewtongueError(f"{steps:,} steps were asked for and there are no rows to take them on. Give some, or 0.")
    set_seed(budget.seed)
    trainer = Trainer(
        model=model,
        args=budget.arguments(folder, steps),
        train_dataset=Dataset.from_list([rows[one] for one in order(rows, steps, budget)]),
        data_collator=DataCollatorForSeq2Seq(tokenizer, label_pad_token_id=-100),
        callbacks=list(callbacks),
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    if not all(bool(weight.isfinite().all()) for weight in model.parameters() if weight.requires_grad):
        raise DivergedError(
            f"A baseline's training in {folder} has diverged: after {steps:,} steps at a rate of {budget.rate:g} its "
            "weights are no numbers. Lower the rate."
        )
    return trained


def order(rows: Sequence[Ids], steps: int, budget: Budget) -> list[int]:
    """Rows in the order they are trained on: epochs in random order, those of like length in a batch.

    As our own stages order theirs. The stock grouping runs from long rows to short ones, which trains worse.
    """
    lengths = [len(row["input_ids"]) for row in rows]
    draw = torch.Generator().manual_seed(budget.seed)
    taken: list[int] = []
    while len(taken) < steps * budget.batch:
        epoch = get_length_grouped_indices(lengths, budget.batch, generator=draw)
        batches = [epoch[start : start + budget.batch] for start in range(0, len(epoch), budget.batch)]
        taken += [one for place in torch.randperm(len(batches), generator=draw) for one in batches[place]]
    return taken[: steps * budget.batch]


class Through(nn.Module):
    """A base whose loss trains what reads for it, while it stays as it is.

    Trainer refuses a 4-bit base without a LoRA, though what is trained stands before it.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """The loss of `[batch, positions]` ids and labels."""
        return {"loss": self.model(input_ids=input_ids, attention_mask=attention_mask, labels=labels).loss}

"""Looks after a training: one that has come to nothing is an error and no adapter."""

import math
from pathlib import Path
from typing import Any, NoReturn

from torch import Tensor
from transformers import TrainerCallback

from newtongue import NewtongueError
from newtongue_recipes.settings import key_of


class Guard(TrainerCallback):
    """Ends a training whose numbers are none any more, or whose rows make no step."""

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Looks at the gradient: the loss alone is also no number where nothing in a batch happens to be masked.

        In float16 a gradient may overflow, and its step is then left out.

        Raises:
            NewtongueError: it is not finite.
        """
        if not logs or "loss" not in logs:
            return
        told = "loss" if args.fp16 or "grad_norm" not in logs else "grad_norm"
        value = logs[told]
        if isinstance(value, float) and not math.isfinite(value):
            _diverged(args, state, f"the {'loss' if told == 'loss' else 'gradient'} is {value}")

    def on_train_end(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        """Looks at what was trained, before anything is written.

        Raises:
            NewtongueError: weights are not finite in float16, in which an adapter is kept; or there was no step.
        """
        if not state.global_step and args.max_steps > 0:
            raise NewtongueError(
                f"{Path(args.output_dir).name} has taken 0 steps of {args.max_steps:,}: its rows make none. "
                f"{key_of(args)}.batch is {args.per_device_train_batch_size:,}: lower it, or leave "
                "'extra.dataloader_drop_last' out."
            )
        for name, weight in model.named_parameters():
            if weight.requires_grad and weight.numel() and not _fits_half(weight.detach()):
                _diverged(args, state, f"weights, of {name}, are no numbers of float16 any more")


def _fits_half(weight: Tensor) -> bool:
    """By the least and the greatest number, so that a large table is not copied to be looked at."""
    return all(bool(one.half().isfinite()) for one in weight.aminmax())


def _diverged(args: Any, state: Any, what: str) -> NoReturn:
    raise NewtongueError(
        f"{Path(args.output_dir).name}, step {state.global_step:,}: {what}, so nothing more is learned. "
        f"{key_of(args)}.rate is {args.learning_rate:g}: lower it, and run the stage anew, which --resume does."
    )

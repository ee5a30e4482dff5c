"""Trainers that go on where they stopped, bit for bit: nothing random hangs on what was drawn before.

A stock trainer reads a batch ahead of the one it trains on. What a collator or a sampler draws from the common
random numbers therefore belongs to another step than the checkpoint's, and a resumed run would differ.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import torch
from torch import Tensor
from torch.utils.data import RandomSampler, Sampler
from transformers import DataCollatorForLanguageModeling, PrinterCallback, Trainer, TrainerCallback
from transformers.trainer_pt_utils import LengthGroupedSampler, get_length_grouped_indices

from newtongue import NewtongueError
from newtongue_recipes.settings import key_of

from .guard import Guard


class ExactTrainer(Trainer):
    """`Trainer`, or mixed in before a stock subclass of it, that resumes exactly, alone or among others.

    Raises:
        NewtongueError: the stock one refuses its options.
    """

    def __init__(self, *, callbacks: Sequence[TrainerCallback] = (), **options: Any) -> None:
        watching = [Guard(), *callbacks]
        try:
            super().__init__(callbacks=watching, **options)
        except (ValueError, TypeError, ImportError) as error:
            raise NewtongueError(
                f"The trainer cannot be made: {error} Look at {key_of(options['args'])}.extra for an option that does "
                "not fit."
            ) from error
        # What they add to a line of the log is for trackers too, which a trainer puts before them.
        self.callback_handler.callbacks.sort(key=lambda one: one not in watching)

    def _get_train_sampler(self, *args: Any, **options: Any) -> Any:
        stock = super()._get_train_sampler(*args, **options)
        seed = self.args.seed if self.args.data_seed is None else self.args.data_seed
        if isinstance(stock, LengthGroupedSampler):
            return OrderByEpoch(len(stock), seed, self._epoch, stock.lengths, stock.batch_size)
        return OrderByEpoch(len(stock), seed, self._epoch) if isinstance(stock, RandomSampler) else stock

    def _get_num_items_in_batch(self, *args: Any, **options: Any) -> Any:
        """At least one, for a loss is divided by it: where nothing is masked, or all rows are twins, it is 0."""
        counted = super()._get_num_items_in_batch(*args, **options)
        return counted.clamp(min=1) if isinstance(counted, Tensor) else counted

    def _run_epoch(self, *args: Any, **options: Any) -> None:
        """A training that goes on from its last step is at its end; the stock one would make one step more."""
        if self.state.global_step >= self.state.max_steps:
            self.control.should_training_stop = True
        else:
            cast(Any, super())._run_epoch(*args, **options)

    def _epoch(self) -> int:
        return int(self.state.epoch or 0)

    def _save_rng_state(self, output_dir: str) -> None:
        super()._save_rng_state(output_dir)
        self.accelerator.wait_for_everyone()  # The state that marks a checkpoint as whole is written after this.


class OrderByEpoch(Sampler[int]):
    """Rows in an order told by seed and epoch, the same in all processes; those of like length together if asked.

    Args:
        rows: how many there are.
        seed: of the order.
        epoch: gives the number of the epoch that begins, or is resumed.
        lengths: of the rows, to put those of like length together.
        batch: rows that are put together.
    """

    def __init__(
        self, rows: int, seed: int, epoch: Callable[[], int], lengths: Sequence[int] | None = None, batch: int = 1
    ) -> None:
        self.rows, self.seed, self.epoch, self.lengths, self.batch = rows, seed, epoch, lengths, batch

    def __len__(self) -> int:
        return self.rows

    def __iter__(self) -> Iterator[int]:
        draw = torch.Generator().manual_seed(self.seed + self.epoch())
        if self.lengths is not None:
            rows = get_length_grouped_indices(self.lengths, self.batch, generator=draw)
            batches = [rows[start : start + self.batch] for start in range(0, len(rows), self.batch)]
            # The stock order runs from long rows to short ones again and again, which trains worse.
            return iter([row for place in torch.randperm(len(batches), generator=draw) for row in batches[place]])
        return iter(torch.randperm(self.rows, generator=draw).tolist())


class MaskByBatch(DataCollatorForLanguageModeling):
    """Stock masking whose random numbers are told by seed and batch.

    In another epoch a row stands in another batch, and so is masked anew.
    """

    def create_rng(self) -> None:
        """Each batch makes its own; the stock one also refuses to run in a process that is not the first."""

    def torch_mask_tokens(self, inputs: Tensor, *args: Any, **options: Any) -> tuple[Tensor, Tensor]:
        """As the stock one."""
        about = hashlib.sha256(str(self.seed).encode() + inputs.numpy().tobytes()).digest()
        self.generator = torch.Generator().manual_seed(int.from_bytes(about[:7], "big"))
        masked: tuple[Tensor, Tensor] = super().torch_mask_tokens(inputs, *args, **options)
        return masked


def hush(trainer: Trainer) -> None:
    """Without a progress bar a trainer prints each log line; whoever asked for no bar shows progress otherwise."""
    if trainer.args.disable_tqdm:
        trainer.remove_callback(PrinterCallback)

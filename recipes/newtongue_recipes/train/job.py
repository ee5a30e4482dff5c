"""A run of a recipe: where it is written, what it tells, and what all its stages are given alike."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from tqdm import tqdm

from newtongue_recipes.loading import load_base
from newtongue_recipes.recipe import Recipe
from newtongue_recipes.settings import Training

from .ledger import Ledger
from .plan import stages_of


@dataclass(frozen=True)
class Job:
    """A recipe on its way; `sharded` where the base is spread over processes."""

    recipe: Recipe
    output: Path
    ledger: Ledger
    console: Console
    sharded: bool

    def tell(self, said: str) -> None:
        """Say it on the console."""
        with tqdm.external_write_mode():  # Above the progress bar, if there is one.
            self.console.print(said, highlight=False, markup=False, soft_wrap=True)

    @property
    def result(self) -> Path:
        """What the last stage makes."""
        last = stages_of(self.recipe)[-1]
        return self.output / ("represent" if last == "represent" else "adapter")

    def base(self) -> Any:
        """The base, loaded as the recipe says."""
        base = self.recipe.base
        self.tell(f"Loading the base {base.name}.")
        return load_base(
            base.name,
            four_bit=base.four_bit,
            dtype=getattr(torch, base.dtype) if base.dtype else None,
            trainable=True,
            attention=base.attention,
            revision=base.revision,
            sharded=self.sharded,
        )

    def prepared(self, training: Training, through_base: bool) -> Training:
        """With what the recipe says of base and watching, which holds for all stages."""
        extra: dict[str, Any] = {
            "report_to": self.recipe.watch.report_to,
            "include_num_input_tokens_seen": "all",
            "disable_tqdm": True,  # There is a `Bar` of ours.
        }
        if through_base and self.recipe.base.gradient_checkpointing:
            extra |= {
                "activation_checkpointing": True,
                "activation_checkpointing_kwargs": {"use_reentrant": False},
            }
        return replace(training, extra={**extra, **training.extra})

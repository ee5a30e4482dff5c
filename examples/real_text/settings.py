"""Settings of the run: each is an option of the command line."""

import json
from argparse import ArgumentParser, Namespace
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from newtongue import NewtongueError
from newtongue_recipes.experiments.schema import English
from newtongue_recipes.stages import Training

SHORT_ROWS = {"train_sampling_strategy": "group_by_length"}  # Rows of like length pad little.


@dataclass(frozen=True)
class Settings:
    """How much of what is learned from; 0 steps leave `words`, `toward` or raw LoRA out."""

    seed: int = 0
    save_steps: int = 500
    base_steps: int = 8000
    base_batch: int = 64
    base_rate: float = 1.5e-3
    base_width: int = 256
    base_layers: int = 4
    base_heads: int = 8
    base_rows: int = 4096
    mono_lines: int = 40_000
    mono_length: int = 100  # characters
    vocabulary: int = 4000
    width: int = 192
    layers: int = 3
    heads: int = 6
    mlm_steps: int = 3000
    mlm_batch: int = 48
    mlm_rate: float = 1.5e-3
    pairs: int = 40_000
    pair_words: int = 12  # longest English side
    aligned_words: int = 2  # pairs with an English side of so many words stand in for a dictionary
    words_steps: int = 0
    toward_steps: int = 600
    through_steps: int = 3000
    map_batch: int = 48
    map_rate: float = 1e-3
    tune_steps: int = 800
    tune_batch: int = 32
    tune_rate: float = 5e-4
    tune_pairs: int = 2000  # sentences to be said in English, beside the questions
    rank: int = 16
    encoder_rate: float = 0.3
    held_out: int = 500  # questions
    raw_lora: int = 1

    def training(self, steps: int, batch: int, rate: float, **extra: Any) -> Training:
        """One part's training, checkpointed."""
        return Training(steps, batch, rate, self.save_steps, self.seed, {**SHORT_ROWS, **extra})

    def of_base(self) -> English:
        """What the base depends on."""
        given = {name.removeprefix("base_"): value for name, value in asdict(self).items() if name.startswith("base_")}
        return English(**given, save_steps=self.save_steps, seed=self.seed)

    def of_language(self) -> dict[str, Any]:
        """What all else depends on."""
        return {name: value for name, value in asdict(self).items() if not name.startswith("base_")}


def add_options(parser: ArgumentParser) -> None:
    """One option a setting."""
    for one in fields(Settings):
        kind = type(one.default)
        parser.add_argument(f"--{one.name.replace('_', '-')}", type=kind, default=one.default, metavar=kind.__name__)


def from_options(options: Namespace) -> Settings:
    """The settings among parsed options."""
    return Settings(**{one.name: getattr(options, one.name) for one in fields(Settings)})


def keep(path: Path, values: dict[str, Any]) -> None:
    """Write what a folder is made with, or check that it goes on with the same.

    Raises:
        NewtongueError: the folder was begun with other settings.
    """
    if path.exists():
        before = json.loads(path.read_text())
        changed = [
            f"{name} {before.get(name)!r} → {value!r}" for name, value in values.items() if before.get(name) != value
        ]
        if changed:
            raise NewtongueError(
                f"{path.parent} was begun with other settings ({', '.join(changed)}). Name another folder, or give "
                "the same settings to go on."
            )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values, indent=2) + "\n")

"""Checkpoints of an attached model: encoder, mapper and LoRA in every one, and back from it on resume."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from accelerate import PartialState
from torch import nn
from transformers.trainer import TRAINER_STATE_NAME

from newtongue import AttachedModel

from .exact import ExactTrainer, hush
from .sharding import hide_shards


class AdapterTrainer(ExactTrainer):
    """`Trainer` for an attached model, or mixed in before a stock subclass of it.

    It saves the attached adapters in place of the frozen base.

    A checkpoint holds one adapter folder a language, beside the trainer's own optimizer, scheduler, random
    states and position in the data.
    """

    def __init__(self, model: nn.Module, **options: Any) -> None:
        # Two things a trainer does to a 4-bit base do not fit adapters of ours. Trainer refuses one without PEFT's
        # flag, though encoder and mapper are trained; TRL rounds all that is trainable to bfloat16.
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        base = attached(model)
        has_lora, base._hf_peft_config_loaded = base._hf_peft_config_loaded, True
        for parameter in trained:
            parameter.requires_grad_(False)
        super().__init__(model=model, **options)
        for parameter in trained:
            parameter.requires_grad_(True)
        base._hf_peft_config_loaded = has_lora
        hush(self)
        hide_shards(model)

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        if not self.args.should_save:  # Trainer leaves it to this method that one process alone writes.
            return
        model = attached(self.accelerator.unwrap_model(self.model))
        for language in model.languages:
            folder = Path(str(output_dir or self.args.output_dir)) / language
            model.adapter(language).save_pretrained(folder, overwrite=True)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        model = attached(self.accelerator.unwrap_model(model or self.model))
        for language in model.languages:
            model.adapter(language).load_weights(Path(resume_from_checkpoint) / language)


def attached(model: Any) -> AttachedModel:
    """The attached model that a trainer trains, whether it is that itself or is wrapped in an objective."""
    inside: AttachedModel = getattr(model, "attached", model)
    return inside


def write_once(write: Callable[[], Any]) -> None:
    """Write a result from one of the processes that train together, the others waiting until it is there."""
    processes = PartialState()
    if processes.is_main_process:
        write()
    processes.wait_for_everyone()


def last_checkpoint(folder: Path) -> str | None:
    """The newest whole checkpoint below `folder`, or None.

    The trainer writes its state last: a checkpoint without it, or with half of it, was cut short by a kill.
    """
    found = [path for path in folder.glob("checkpoint-*") if path.name.rpartition("-")[2].isdigit()]
    for path in sorted(found, key=lambda path: int(path.name.rpartition("-")[2]), reverse=True):
        try:
            json.loads((path / TRAINER_STATE_NAME).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        return str(path)
    return None

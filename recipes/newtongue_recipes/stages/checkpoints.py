"""Checkpoints of an attached model: encoder, mapper and LoRA in every one, and back from it on resume."""

from pathlib import Path
from typing import Any

from transformers import Trainer
from transformers.trainer_utils import get_last_checkpoint


class AdapterCheckpoints:
    """Mixed in before a stock trainer, it saves the attached adapters in place of the frozen base.

    A checkpoint holds one adapter folder a language, beside the trainer's own optimizer, scheduler, random
    states and position in the data.
    """

    def _save(self: Any, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        model = self.accelerator.unwrap_model(self.model)
        for language in model.languages:
            folder = Path(output_dir or self.args.output_dir) / language
            model.adapter(language).save_pretrained(folder, overwrite=True)

    def _load_from_checkpoint(self: Any, resume_from_checkpoint: str, model: Any = None) -> None:
        model = self.accelerator.unwrap_model(model or self.model)
        for language in model.languages:
            model.adapter(language).load_weights(Path(resume_from_checkpoint) / language)


class AdapterTrainer(AdapterCheckpoints, Trainer):
    """`Trainer` for an attached model."""


def last_checkpoint(folder: Path) -> str | None:
    """The newest checkpoint below `folder`, or None."""
    found: str | None = get_last_checkpoint(str(folder)) if folder.is_dir() else None
    return found

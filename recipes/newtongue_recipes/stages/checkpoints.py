"""Checkpoints of an attached model: encoder, mapper and LoRA in every one, and back from it on resume."""

from pathlib import Path
from typing import Any

from transformers import PrinterCallback, Trainer
from transformers.trainer_utils import get_last_checkpoint

from newtongue import AttachedModel


class AdapterTrainer(Trainer):
    """`Trainer` for an attached model, or mixed in before a stock subclass of it.

    It saves the attached adapters in place of the frozen base.

    A checkpoint holds one adapter folder a language, beside the trainer's own optimizer, scheduler, random
    states and position in the data.
    """

    def __init__(self, model: AttachedModel, **options: Any) -> None:
        # Two things a trainer does to a 4-bit base do not fit adapters of ours. Trainer refuses one without PEFT's
        # flag, though encoder and mapper are trained; TRL rounds all that is trainable to bfloat16.
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        has_lora, model._hf_peft_config_loaded = model._hf_peft_config_loaded, True
        for parameter in trained:
            parameter.requires_grad_(False)
        super().__init__(model=model, **options)
        for parameter in trained:
            parameter.requires_grad_(True)
        model._hf_peft_config_loaded = has_lora
        hush(self)

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        model = self.accelerator.unwrap_model(self.model)
        for language in model.languages:
            folder = Path(str(output_dir or self.args.output_dir)) / language
            model.adapter(language).save_pretrained(folder, overwrite=True)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        model = self.accelerator.unwrap_model(model or self.model)
        for language in model.languages:
            model.adapter(language).load_weights(Path(resume_from_checkpoint) / language)


def hush(trainer: Trainer) -> None:
    """Without a progress bar a trainer prints each log line; whoever asked for no bar shows progress otherwise."""
    if trainer.args.disable_tqdm:
        trainer.remove_callback(PrinterCallback)


def last_checkpoint(folder: Path) -> str | None:
    """The newest checkpoint below `folder`, or None."""
    found: str | None = get_last_checkpoint(str(folder)) if folder.is_dir() else None
    return found

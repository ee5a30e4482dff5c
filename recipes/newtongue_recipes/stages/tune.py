"""Stage 3, tune: Q&A with LoRA on the base, encoder and mapper following at a lower rate."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import PreTrainedModel, Trainer, TrainerCallback, set_seed
from trl import SFTConfig, SFTTrainer

from newtongue import ModalityAdapter, NewtongueError
from newtongue_recipes.settings import Tune

from .checkpoints import AdapterTrainer, last_checkpoint, write_once

Messages = list[dict[str, Any]]


class TuneTrainer(AdapterTrainer, SFTTrainer):
    """`SFTTrainer` for an attached model."""


def tune(
    base: PreTrainedModel,
    adapter: ModalityAdapter,
    conversations: Sequence[Messages],
    settings: Tune,
    folder: str | Path,
    *,
    tokenizer: Any = None,
    resume: bool = False,
    callbacks: Sequence[TrainerCallback] = (),
) -> ModalityAdapter:
    """Tune an adapter on conversations that end with an answer, and write it.

    Args:
        base: the model, 4-bit or not, not attached to; it comes back as it was.
        adapter: what stage 2 made; gains a LoRA if it has none.
        conversations: lists of messages; questions carry `"language"`, answers come last.
        settings: LoRA and training.
        folder: where the adapter is written; checkpoints below it.
        tokenizer: the base's own; loaded from where the base came from if not given.
        resume: go on from the last checkpoint in `folder`, if there is one.
        callbacks: of the trainer.

    Returns:
        The adapter, detached.

    Raises:
        NewtongueError: there are no conversations.
    """
    if not conversations:
        raise NewtongueError("Stage 3 was given no questions and answers. Name a source of them.")
    folder = Path(folder)
    set_seed(settings.training.seed)
    if adapter.lora is None:
        adapter.with_lora(
            LoraConfig(
                r=settings.rank,
                lora_alpha=settings.alpha,
                lora_dropout=settings.lora_dropout,
                target_modules=settings.target_modules,
                task_type="CAUSAL_LM",
            )
        )
    model = adapter.attach(base, tokenizer=tokenizer, trainable=True)
    try:
        rows = [model.tokenizer.example(one, max_length=settings.max_length) for one in conversations]
        arguments = settings.training.arguments(
            folder,
            SFTConfig,
            packing=settings.packing,
            max_length=settings.max_length,
            bf16=False,
            activation_checkpointing=False,
        )
        trainer = TuneTrainer(
            model=model,
            args=arguments,
            train_dataset=Dataset.from_list(rows),
            processing_class=model.tokenizer,
            optimizers=(_optimizer(adapter, settings, arguments), None),
            callbacks=list(callbacks),
        )
        trainer.train(resume_from_checkpoint=last_checkpoint(folder) if resume else None)
    finally:
        model.detach(adapter.language)
    write_once(lambda: adapter.eval().save_pretrained(folder / "adapter", overwrite=True))
    return adapter


def _optimizer(adapter: ModalityAdapter, settings: Tune, arguments: SFTConfig) -> torch.optim.Optimizer:
    """The optimizer that the arguments name, with a rate for the LoRA and one for all else."""
    rate = settings.training.rate
    named = list(adapter.trainable_parameters())
    groups = [
        {"params": [value for name, value in named if name.startswith("lora.")], "lr": rate},
        {
            "params": [value for name, value in named if not name.startswith("lora.")],
            "lr": rate * settings.encoder_rate,
        },
    ]
    kind, options = Trainer.get_optimizer_cls_and_kwargs(arguments)
    optimizer: torch.optim.Optimizer = kind(groups, **{"weight_decay": arguments.weight_decay, **options})
    return optimizer

"""What people would run instead: LoRA on raw text, through the base's own vocabulary."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import PreTrainedModel, PrinterCallback, TrainerCallback
from trl import SFTConfig, SFTTrainer

Messages = list[dict[str, Any]]


def raw_lora(
    base: PreTrainedModel,
    tokenizer: Any,
    conversations: Sequence[Messages],
    folder: str | Path,
    *,
    steps: int,
    batch: int,
    rate: float,
    rank: int,
    alpha: int,
    seed: int = 0,
    max_length: int = 1024,
    callbacks: Sequence[TrainerCallback] = (),
) -> PreTrainedModel:
    """QLoRA as TRL runs it, on the same conversations with their text left as text.

    Args:
        base: the model, 4-bit or not; it is wrapped in place.
        tokenizer: the base's own.
        conversations: end with the answer, on which the loss falls.
        folder: where the trainer may write.
        steps, batch, rate, rank, alpha, seed: as for the adapter it is compared with.
        max_length: longest row, in positions.
        callbacks: of the trainer; they are all the progress there is.

    Returns:
        The tuned model (a PeftModel).
    """
    rows = [{"prompt": plain(one[:-1]), "completion": plain(one[-1:])} for one in conversations]
    trainer = SFTTrainer(
        model=base,
        args=SFTConfig(
            output_dir=str(folder),
            max_steps=steps,
            per_device_train_batch_size=batch,
            learning_rate=rate,
            lr_scheduler_type="cosine",
            warmup_steps=0.1,
            max_length=max_length,
            bf16=False,
            activation_checkpointing=False,
            logging_steps=max(1, steps // 50),
            save_strategy="no",
            report_to="none",
            seed=seed,
            disable_tqdm=True,
            dataloader_pin_memory=torch.cuda.is_available(),
        ),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        peft_config=LoraConfig(r=rank, lora_alpha=alpha, target_modules="all-linear", task_type="CAUSAL_LM"),
        callbacks=list(callbacks),
    )
    tuned = cast(PreTrainedModel, trainer.model)
    for parameter in tuned.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()  # As precise as the adapter it stands beside.
    trainer.remove_callback(PrinterCallback)  # The caller shows progress through its callbacks.
    trainer.train()
    return tuned


def plain(messages: Messages) -> Messages:
    """Messages without their languages: every part as the base's own text."""
    return [{"role": one["role"], "content": _text(one["content"])} for one in messages]


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part["text"] for part in content)

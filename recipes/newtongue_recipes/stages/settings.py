"""Settings of the stages, with the defaults of a small encoder on one consumer GPU."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import TrainingArguments


@dataclass(frozen=True)
class Training:
    """How long and how fast a stage trains.

    Attributes:
        steps: optimizer steps.
        batch: rows a step and device.
        rate: peak learning rate; rises over the first tenth of the steps, then falls along a cosine.
        save_steps: steps between checkpoints; 0 keeps none but the result.
        seed: of data order, dropout, masking and fresh weights.
        extra: anything else `TrainingArguments` takes.
    """

    steps: int
    batch: int = 32
    rate: float = 1e-3
    save_steps: int = 0
    seed: int = 0
    extra: dict[str, Any] = field(default_factory=dict)

    def arguments(self, folder: Path, kind: type[TrainingArguments] = TrainingArguments, **more: Any) -> Any:
        """The trainer's own arguments (`TrainingArguments` or a subclass), writing below `folder`."""
        values: dict[str, Any] = {
            "output_dir": str(folder),
            "max_steps": self.steps,
            "per_device_train_batch_size": self.batch,
            "learning_rate": self.rate,
            "lr_scheduler_type": "cosine",
            "warmup_steps": 0.1,
            "max_grad_norm": 1.0,
            "logging_steps": max(1, self.steps // 50),
            "save_strategy": "steps" if self.save_steps else "no",
            "save_steps": self.save_steps or 500,
            "save_total_limit": 2,
            "seed": self.seed,
            "report_to": "none",
            "remove_unused_columns": False,
            "dataloader_pin_memory": torch.cuda.is_available(),
            "use_cpu": not torch.cuda.is_available(),
            "optim": "adamw_torch_fused",
        }
        return kind(**{**values, **more, **self.extra})


@dataclass(frozen=True)
class Represent:
    """Stage 1: a masked-language-model encoder.

    Attributes:
        start_from: folder or Hub id of a published encoder to continue from; None trains one from scratch.
        vocabulary: ids of a tokenizer trained here.
        width, layers, heads: shape of an encoder trained here.
        positions: tokens it reads at once.
        mask: share of tokens masked.
        whole_words: mask whole words instead of single tokens, where the language puts spaces between them.
    """

    training: Training
    start_from: str | None = None
    vocabulary: int = 16_000
    width: int = 512
    layers: int = 6
    heads: int = 8
    positions: int = 512
    mask: float = 0.2
    whole_words: bool = False


@dataclass(frozen=True)
class Map:
    """Stage 2: the mapper, and the encoder with it; first toward the base's embeddings, then through the base.

    Attributes:
        words: training of the first part, on dictionary entries and aligned pairs alone; None leaves it out.
        toward: training of the second, on all pairs, toward the embeddings; None leaves it out.
        through: training of the third, on all pairs, through the frozen base; None leaves it out.
        transport: weight of the entropic transport between soft tokens and the translation's embeddings.
        mse: weight of the mean squared error, on pairs that are dictionary entries or aligned.
        entropy: softness of the transport, as a share of the squared norm of an embedding.
        say: what the frozen base is asked to do with a sentence it can only read through the port.
        train_encoder: whether the encoder learns too.
        hidden: the mapper's inner size; twice the larger width when None.
        dropout: in the mapper.
    """

    words: Training | None = None
    toward: Training | None = None
    through: Training | None = None
    transport: float = 1.0
    mse: float = 1.0
    entropy: float = 0.1
    say: str = "Translate into English: "
    train_encoder: bool = True
    hidden: int | None = None
    dropout: float = 0.05


@dataclass(frozen=True)
class Tune:
    """Stage 3: Q&A with LoRA on the base, encoder and mapper at a lower rate.

    Attributes:
        rank, alpha, lora_dropout: of the LoRA.
        target_modules: layers of the base; PEFT's "all-linear" or a list of names.
        encoder_rate: learning rate of encoder and mapper, as a share of the LoRA's.
        max_length: longest row, in positions; questions are shortened to fit, answers never.
        packing: let TRL pack rows to `max_length`.
    """

    training: Training
    rank: int = 16
    alpha: int = 32
    lora_dropout: float = 0.0
    target_modules: str | list[str] = "all-linear"
    encoder_rate: float = 0.2
    max_length: int = 1024
    packing: bool = False

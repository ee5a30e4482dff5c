"""Settings of the stages, with the defaults of a small encoder on one consumer GPU.

They are plain dataclasses; a recipe file is checked against their types, and the text below each field is its
description wherever one is shown.
"""

from dataclasses import dataclass, field
from os.path import expanduser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field

from newtongue import NewtongueError
from newtongue_evaluation.environment import imitates_bfloat16

if TYPE_CHECKING:
    from transformers import TrainingArguments

REPLACED, KEPT = 0.1, 0.1  # Of the tokens that a masked language model is asked for, as BERT has it.

CLOSED = ConfigDict(extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)
Count = Annotated[int, Field(gt=0, strict=True)]  # Strict: `true` is no number of steps.
Whole = Annotated[int, Field(ge=0, strict=True)]
Seed = Annotated[int, Field(ge=0, lt=2**32, strict=True)]  # As NumPy takes them.
Length = Annotated[int, Field(ge=8, strict=True)]
Rate = Annotated[float, Field(gt=0, strict=True)]
Weight = Annotated[float, Field(ge=0, strict=True)]
Share = Annotated[float, Field(gt=0, lt=1, strict=True)]
Kept = Annotated[float, Field(ge=0, lt=1 - REPLACED, strict=True)]
Fraction = Annotated[float, Field(ge=0, le=1, strict=True)]
Tokens = Literal["unigram", "bpe"]
FolderOrId = Annotated[str, Field(min_length=1), AfterValidator(expanduser)]  # `~` is one's own folder.
Dropout = Annotated[float, Field(ge=0, lt=1, strict=True)]

PARTS = ("words", "toward", "through")  # Of stage 2, in their order.
TRAININGS = (("represent", "training"), *(("map", part) for part in PARTS), ("tune", "training"))  # Stages and keys.
SCORED_AT_ONCE = 256  # Positions, where a language writes: its columns beside the base's are many.


@dataclass(frozen=True)
class Training:
    """How long and how fast a stage trains."""

    __pydantic_config__ = CLOSED

    steps: Count
    """Optimizer steps."""
    batch: Count = 32
    """Rows a device takes at once; a step takes `extra.gradient_accumulation_steps` times as many."""
    rate: Rate = 1e-3
    """Peak learning rate; rises over the first tenth of the steps, then falls along a cosine."""
    save_steps: Whole = 0
    """Steps between checkpoints; 0 keeps none but the result."""
    seed: Seed = 0
    """Of data order, dropout, masking and fresh weights; in a recipe, the recipe's own where not given."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Anything else `TrainingArguments` takes."""

    @property
    def rows(self) -> int:
        """Rows of a step on a device."""
        return self.batch * int(self.extra.get("gradient_accumulation_steps", 1))

    @property
    def options(self) -> dict[str, Any]:
        """What of `extra` is taken here: a CPU that would only imitate bfloat16, and slowly, trains in float32."""
        asked = self.extra.get("bf16") and not self.extra.get("fp16")  # For both, the trainer's own refusal.
        return {**self.extra, "bf16": False} if asked and imitates_bfloat16() else self.extra

    def arguments(self, folder: Path, kind: "type[TrainingArguments] | None" = None, **more: Any) -> Any:
        """The trainer's own arguments (`TrainingArguments` or a subclass), writing below `folder`."""
        import torch  # Settings are read where nothing is trained, and without waiting for torch.
        from transformers import TrainingArguments

        values: dict[str, Any] = {
            "output_dir": str(folder),
            "max_steps": self.steps,
            "per_device_train_batch_size": self.batch,
            "learning_rate": self.rate,
            "lr_scheduler_type": "cosine",
            "warmup_steps": 0.1,
            "max_grad_norm": 1.0,
            "logging_steps": max(1, self.steps // 50),
            "logging_nan_inf_filter": False,  # Else a loss that is no number is logged as the mean of those before.
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
        return (kind or TrainingArguments)(**{**values, **more, **self.options})


def key_of(arguments: "TrainingArguments") -> str:
    """Where a training stands in a recipe: its folder is named after its stage, or after its part of one."""
    named = {stage if part == "training" else part: f"{stage}.{part}" for stage, part in TRAININGS}
    return named.get(Path(str(arguments.output_dir)).name, "training")


@dataclass(frozen=True)
class Represent:
    """Stage 1: a masked-language-model encoder."""

    __pydantic_config__ = CLOSED

    training: Training
    """How long and how fast."""
    start_from: FolderOrId | None = None
    """Folder or Hub id of a published encoder to continue from; null trains one from scratch."""
    tokens: Tokens = "unigram"
    """Kind of a tokenizer trained here: unigram, or bpe, which takes fewer positions."""
    vocabulary: Count = 16_000
    """Ids of a tokenizer trained here."""
    joined: bool = False
    """Let its tokens hold marks and numbers beside letters, as in "said." or した。, for fewer positions."""
    width: Count = 512
    """Size of a state of an encoder trained here."""
    layers: Count = 6
    """Layers of an encoder trained here."""
    heads: Count = 8
    """Attention heads of an encoder trained here; they divide the width."""
    positions: Length = 512
    """Tokens it reads at once."""
    mask: Share = 0.2
    """Share of tokens asked for, most of them masked."""
    kept: Kept = KEPT
    """Share of these left as they are, so that a state tells its own token."""
    whole_words: bool = False
    """Mask whole words instead of single tokens, where the language puts spaces between them; none of them is kept."""

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise NewtongueError(
                f"An encoder of width {self.width} cannot have {self.heads} heads. Give a number that divides it."
            )
        if self.whole_words and self.kept not in (0, KEPT):
            raise NewtongueError(
                f"Of whole words (whole_words) no token is kept as it is, and kept is {self.kept}. Leave one out."
            )


@dataclass(frozen=True)
class Map:
    """Stage 2: the mapper, and the encoder with it; first toward the base's embeddings, then through the base."""

    __pydantic_config__ = CLOSED

    words: Training | None = None
    """Training of the first part, on dictionary entries and aligned pairs alone; null leaves it out."""
    toward: Training | None = None
    """Training of the second part, on all pairs, toward the embeddings; null leaves it out."""
    through: Training | None = None
    """Training of the third part, on all pairs, through the frozen base; null leaves it out."""
    lexical: Weight = 1.0
    """Weight of the likelihood of the translation's tokens, each said by some soft token."""
    transport: Weight = 0.0
    """Weight of the entropic transport between soft tokens and the translation's embeddings, on pairs not aligned."""
    mse: Weight = 1.0
    """Weight of the mean squared error, on pairs that are dictionary entries or aligned."""
    contrast: Weight = 1.0
    """Weight of telling each row's translation from those of the other rows of its batch, by pooled embeddings."""
    anchor: Weight = 1.0
    """Weight of these while training through the base, which alone would move soft tokens off from embeddings."""
    entropy: Rate = 0.1
    """Softness of the transport, as a share of the squared norm of an embedding."""
    mined: Whole = 0
    """How many times each entry of a dictionary mined from the pairs stands among them; 0 mines none."""
    masked: Dropout = 0.0
    """Share of the tokens read that are masked while training, so that a sentence is understood with words unknown."""
    say: str = "Translate into English: "
    """What the frozen base is asked to do with a sentence it can only read through the port."""
    max_length: Length = 512
    """Longest pair, in positions, with what is asked; longer ones, and those the base cannot read at once, are left
    out."""
    train_encoder: bool = True
    """Whether the encoder learns too."""
    sharpness: Weight = 0.0
    """How sharply soft tokens settle on the base's own tokens once they have been toward them; 0 leaves them where the
    mapper puts them."""
    settled: Fraction = 0.0
    """Share of the second part's steps, the last ones, in which soft tokens already settle, as they will wherever
    they are read; without `sharpness` they never do."""
    borrows: bool = False
    """Leave words to the base, which reads them in its own tokens: those in Latin letters, or, in a language that is
    itself written so, those that are shorter in them."""
    hidden: Count | None = None
    """The mapper's inner size; twice the larger width when null."""
    dropout: Dropout = 0.05
    """In the mapper."""

    @property
    def parts(self) -> dict[str, Training]:
        """The trainings that are not left out, by name, in their order."""
        named = {name: getattr(self, name) for name in PARTS}
        return {name: training for name, training in named.items() if training is not None}


@dataclass(frozen=True)
class Tune:
    """Stage 3: Q&A with LoRA on the base, encoder and mapper at a lower rate."""

    __pydantic_config__ = CLOSED

    training: Training
    """How long and how fast."""
    rank: Count = 16
    """Rank of the LoRA."""
    alpha: Count = 32
    """The LoRA's change is scaled by this over its rank."""
    lora_dropout: Dropout = 0.0
    """In the LoRA."""
    target_modules: str | list[str] = "all-linear"
    """Layers of the base; PEFT's "all-linear" or a list of names."""
    encoder_rate: Weight = 0.2
    """Learning rate of encoder and mapper, as a share of the LoRA's."""
    max_length: Length = 1024
    """Longest row, in positions; questions are shortened to fit, by half at most, answers never."""
    answer: Literal["base", "own"] = "base"
    """Tokens that answers are written in: the base's, or the language's own, through a voice; an answer whose message
    says another language stays in the base's."""
    packing: bool = False
    """Let TRL pack rows to `max_length`."""
    twins: Dropout = 0.0
    """Share of the rows that are translations nobody answers: what the base makes of one read through the port is drawn
    to what it makes of the English."""

    def __post_init__(self) -> None:
        if self.twins and self.packing:
            raise NewtongueError("Packed rows hold no twins. Set 'packing' to false, or 'twins' to 0.")

"""Shapes of the bases, and models of random weights in them.

| base | width | layers | heads | keys and values | MLP | rows | parameters | 4-bit |
|---|---|---|---|---|---|---|---|---|
| phi-2 | 2560 | 32 | 32 | 2560 | 10,240 | 51,200 | 2.8 × 10⁹ | yes |
| phi-3.5-mini | 3072 | 32 | 32 | 3072 | 8192, gated | 32,064 | 3.8 × 10⁹ | yes |
| phi-4-mini | 3072 | 32 | 24 | 1024 | 8192, gated | 200,064, tied | 3.8 × 10⁹ | yes |
| wide | 2560 | 2 | 32 | 2560 | 10,240 | 51,200 | 4.2 × 10⁸ | no |
| small | 512 | 6 | 8 | 512 | 2048 | 2560 | 2.2 × 10⁷ | no |
| tiny | 64 | 2 | 4 | 64 | 128 | 2560 | 4.0 × 10⁵ | yes |

The encoder of the large ones is a BERT base in size (12 layers of 768, 50,000 ids, 110 million parameters); small's has
about the same share of its base's work as that has of phi-2's. `wide` is two layers of phi-2, for what a port costs a
layer of real width on a CPU.
"""

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from shutil import disk_usage
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

import psutil
import torch
from peft import LoraConfig
from tokenizers import Tokenizer, models
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    ModernBertConfig,
    ModernBertModel,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from newtongue import Encoder, ModalityAdapter
from newtongue_recipes.estimates import SHAPES as KNOWN
from newtongue_recipes.estimates import Shape as Sizes
from newtongue_recipes.loading import load_base
from newtongue_recipes.settings import Represent, Training
from newtongue_recipes.stages.represent import encoder_config

from .rows import Skip

GIB = 2**30
RANK = 16
SHARPNESS = 8.0  # With which soft tokens settle, as in the recipes for the Phis.
LARGE_ENCODER = Represent(Training(1), vocabulary=50_000, width=768, layers=12, heads=12)


@dataclass(frozen=True)
class Shape:
    """A base to measure with: its sizes, and those of the encoder beside it.

    `half`: in bfloat16 where it is not in NF4, on a CPU too.
    """

    name: str
    kind: str
    sizes: Sizes
    heads: int
    encoder: Represent
    four_bit: bool = True
    partial_rotary: float = 1.0
    half: bool = False

    @property
    def config(self) -> Any:
        """Configuration of the base for transformers."""
        keys = self.sizes.keys // (self.sizes.width // self.heads)
        return AutoConfig.for_model(
            self.kind,
            vocab_size=self.sizes.rows,
            hidden_size=self.sizes.width,
            intermediate_size=self.sizes.mlp,
            num_hidden_layers=self.sizes.layers,
            num_attention_heads=self.heads,
            num_key_value_heads=keys,
            max_position_embeddings=4096,
            tie_word_embeddings=self.sizes.tied,
            rope_parameters={
                "rope_type": "default", "rope_theta": 10_000.0, "partial_rotary_factor": self.partial_rotary,
            },
            bos_token_id=1,
            eos_token_id=2,
            pad_token_id=0,
        )  # fmt: skip

    @property
    def lora(self) -> LoraConfig:
        """LoRA on all of its linear layers."""
        return LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules="all-linear", task_type="CAUSAL_LM")


def _encoder(width: int, layers: int, vocabulary: int) -> Represent:
    return Represent(Training(1), vocabulary=vocabulary, width=width, layers=layers, heads=max(1, width // 32))


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("phi-2", "phi", KNOWN["microsoft/phi-2"], 32, LARGE_ENCODER, partial_rotary=0.4),
        Shape("phi-3.5-mini", "phi3", KNOWN["microsoft/Phi-3.5-mini-instruct"], 32, LARGE_ENCODER),
        Shape(
            "phi-4-mini", "phi3", KNOWN["microsoft/Phi-4-mini-instruct"], 24, LARGE_ENCODER, partial_rotary=0.75
        ),
        Shape("wide", "phi", replace(KNOWN["microsoft/phi-2"], layers=2), 32, _encoder(128, 2, 64_000), False, 0.4),
        Shape("small", "phi", Sizes(512, 6, 2048, 2560, 512), 8, _encoder(128, 2, 64_000), False, 0.5),
        Shape("tiny", "phi", Sizes(64, 2, 128, 2560, 64), 4, _encoder(32, 1, 1000), True, 0.5),
    )
}  # fmt: skip


@cache
def _saved(name: str, device: str, dtype: torch.dtype) -> tuple[TemporaryDirectory[str], Path]:
    """A folder with random weights, for as long as the process lives.

    Raises:
        Skip: they do not fit on this disk or device while they are made.
    """
    sizes = SHAPES[name].sizes
    wanted = (sizes.linear_parameters + sizes.embedding_parameters) * dtype.itemsize
    for place, free in (("disk", disk_usage(gettempdir()).free), ("memory", free_memory(device))):
        if free < wanted:
            raise Skip(f"{name} wants {wanted / GIB:.0f} GiB of {place} while it is made; {free / GIB:.0f} are free")
    kept = TemporaryDirectory()
    torch.manual_seed(0)
    with torch.device(device):
        model = AutoModelForCausalLM.from_config(SHAPES[name].config, dtype=dtype)
    model.save_pretrained(kept.name)
    return kept, Path(kept.name)


def make_base(shape: Shape, device: str) -> PreTrainedModel:
    """A frozen base of random weights, loaded as recipes load theirs.

    Raises:
        Skip: it cannot be made here.
    """
    dtype = torch.bfloat16 if device == "cuda" or shape.half else torch.float32
    return load_base(_saved(shape.name, device, dtype)[1], four_bit=shape.four_bit, dtype=dtype, trainable=True)


def free_memory(device: str) -> int:
    """Bytes of the device's memory that can be had."""
    if device == "cuda":
        return torch.cuda.mem_get_info()[0]
    available: int = psutil.virtual_memory().available
    return available


def make_encoder(shape: Shape, tokenizer: Any = None) -> Encoder:
    """An encoder of random weights; its tokens are those of a tokenizer, as a recipe's, or numbers if none is given."""
    torch.manual_seed(0)
    tokenizer = tokenizer or tokens(shape.encoder.vocabulary)
    settings = replace(shape.encoder, vocabulary=len(tokenizer))
    return Encoder(ModernBertModel(config_of(settings)), tokenizer)


def config_of(encoder: Represent) -> ModernBertConfig:
    """Configuration of an encoder whose first ids are the special tokens of `tokens`."""
    return encoder_config(encoder, encoder.vocabulary, pad=0, cls=2, sep=3)


def tokens(size: int) -> PreTrainedTokenizerFast:
    """A tokenizer with so many ids, whose words are numbers."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = {word: number for number, word in enumerate([*special, *map(str, range(size - len(special)))])}
    named = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), special, strict=True))
    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel(words, unk_token="[UNK]")), **named)


def make_adapter(
    base: PreTrainedModel, shape: Shape, language: str = "tr", *, lora: bool = True, tokenizer: Any = None
) -> ModalityAdapter:
    """A fresh adapter for `base`."""
    encoder = make_encoder(shape, tokenizer)
    tuned = shape.lora if lora else None
    return ModalityAdapter.create(base, encoder, language=language, lora=tuned, sharpness=SHARPNESS)


def narrower(shape: Shape) -> Shape:
    """The same base beside an encoder that costs nearly nothing."""
    return replace(shape, encoder=_encoder(32, 1, 400))

"""Attached tiny models for the tests: an architecture, a type and two languages whose LoRA is not zero."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from bitsandbytes.nn import Linear4bit
from peft import LoraConfig
from torch import Tensor
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, PreTrainedModel

from newtongue import AttachedModel, ModalityAdapter
from tiny import ARCHITECTURES, JAPANESE, TURKISH, base_tokenizer, tiny_base, tiny_encoder

KINDS = [
    *((name, "float32") for name in ARCHITECTURES),
    *((name, "bfloat16") for name in ("phi", "llama", "gemma3_text")),
    *((name, "nf4") for name in ("phi", "llama")),
]
SOME = [("phi", "float32"), ("gemma3_text", "float32"), ("phi", "nf4")]  # Where one of each sort is enough.
# Of the largest logit. OLMo 2 norms what attention gives, and where its values nearly cancel, rounding grows with them.
TOLERANCE = {"float32": 2e-4, "bfloat16": 0.2, "nf4": 2e-4}


@cache
def _saved(architecture: str) -> TemporaryDirectory[str]:
    """A folder with the base, for as long as the process lives."""
    folder = TemporaryDirectory(prefix="newtongue-base-")
    tiny_base(architecture).save_pretrained(folder.name)
    base_tokenizer().save_pretrained(folder.name)
    return folder


def bare_base(architecture: str = "phi", dtype: str = "float32") -> PreTrainedModel:
    """A fresh tiny base, the same at each call."""
    if dtype != "nf4":
        return tiny_base(architecture).to(getattr(torch, dtype))
    quantised = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True)
    base = AutoModelForCausalLM.from_pretrained(
        _saved(architecture).name, dtype=torch.float32, quantization_config=quantised, device_map="cpu"
    )
    for module in base.modules():
        if isinstance(module, Linear4bit):  # Else a forward in eval mode repacks the weights, which ends training.
            module.support_avx512bf16_for_cpu = False
    return base.eval()


def adapter_for(
    base: PreTrainedModel,
    language: str = "tr",
    *,
    lora: bool | LoraConfig = True,
    encoder: str = "bert",
    voice: bool = False,
) -> ModalityAdapter:
    """An adapter with random weights of its own; Japanese settles on the base's tokens."""
    texts, seed, sharpness = (JAPANESE, 2, 4.0) if language == "ja" else (TURKISH, 1, 0.0)
    config = lora if isinstance(lora, LoraConfig) else LoraConfig(r=4, target_modules="all-linear")
    adapter = ModalityAdapter.create(
        base,
        tiny_encoder(texts, encoder, seed),
        language=language,
        sharpness=sharpness,
        lora=config if lora else None,
    ).eval()
    return adapter.with_voice(base) if voice else adapter


def shake_lora(adapter: ModalityAdapter, seed: int = 0) -> None:
    """Give an attached adapter's LoRA weights that matter."""
    torch.manual_seed(seed)
    for name, parameter in adapter.trainable_parameters():
        if name.startswith("lora"):
            torch.nn.init.normal_(parameter, std=0.2)


def attach_two(
    base: PreTrainedModel, *, trainable: bool = False, languages: tuple[str, ...] = ("tr", "ja"), voice: bool = False
) -> AttachedModel:
    """Attach Turkish and Japanese, with LoRA that matters."""
    for number, language in enumerate(languages):
        adapter = adapter_for(base, language, voice=voice)
        model = adapter.attach(base, tokenizer=base_tokenizer(), trainable=trainable)
        shake_lora(adapter, seed=sum(map(ord, language)))
        assert model.languages[number] == language
    return model


def recomputing(base: PreTrainedModel, checkpointing: bool) -> AttachedModel:
    """Both languages as they train, without dropout; with gradient checkpointing or not."""
    model = attach_two(base, trainable=True)
    if checkpointing:
        model.activation_checkpointing_enable()
        model.enable_input_require_grads()
    model.train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return model


@cache
def world(architecture: str = "phi", dtype: str = "float32") -> AttachedModel:
    """A model with both languages that many tests share: not to be changed."""
    return attach_two(bare_base(architecture, dtype))


@cache
def voiced(architecture: str = "phi", dtype: str = "float32") -> AttachedModel:
    """The same as `world`, with languages that also write."""
    return attach_two(bare_base(architecture, dtype), voice=True)


@cache
def bare_twin(architecture: str = "phi", dtype: str = "float32") -> PreTrainedModel:
    """The base of `world`, with nothing attached."""
    return bare_base(architecture, dtype)


def logits(model: PreTrainedModel, **inputs: Tensor) -> Tensor:
    """`[batch, positions, rows]`, float32, without gradients or a cache."""
    with torch.no_grad():
        out: Tensor = model(**inputs, use_cache=False).logits
    return out.float()


def same(one: Tensor, other: Tensor, dtype: str = "float32") -> bool:
    """Whether two sets of logits agree within what rounding does; columns that one lacks are −inf in the other."""
    width = max(one.shape[-1], other.shape[-1])
    one, other = (torch.nn.functional.pad(each, (0, width - each.shape[-1]), value=-torch.inf) for each in (one, other))
    if not torch.equal(one.isneginf(), other.isneginf()):
        return False
    one, other = (each.masked_fill(each.isneginf(), 0) for each in (one, other))
    return bool((one - other).abs().max() <= TOLERANCE[dtype] * other.abs().max())


def state_bytes(model: torch.nn.Module) -> dict[str, Tensor]:
    """A copy of all that a model holds, by name."""
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def files_of(folder: Path) -> Iterator[str]:
    """Paths inside a folder."""
    return (path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file())

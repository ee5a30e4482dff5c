"""Loading a base model the way the recipes use it, frozen and 4-bit where asked, and finding that of an adapter."""

import json
from contextlib import suppress
from pathlib import Path

import torch
from accelerate import PartialState
from bitsandbytes.nn.modules import Linear4bit
from huggingface_hub import try_to_load_from_cache
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, PreTrainedConfig, PreTrainedModel
from transformers.utils import CONFIG_NAME

from newtongue import ModalityAdapter, NewtongueError
from newtongue.base import BaseInfo

NF4_BLOCK = 64  # Weights that share a scale; bitsandbytes' repacking fails on rows that are no multiple of it.


def load_base(
    name: str | Path,
    *,
    four_bit: bool = True,
    dtype: torch.dtype | None = None,
    trainable: bool = False,
    attention: str | None = None,
    revision: str | None = None,
    sharded: bool = False,
) -> PreTrainedModel:
    """Load a causal language model from a folder or the Hub, frozen, in eval mode.

    Args:
        name: folder or Hub id.
        four_bit: NF4 with double quantisation; else plain `dtype`.
        dtype: of the computation; bfloat16 on a GPU and float32 on a CPU when not given.
        trainable: gradients will flow through it. On a CPU, bitsandbytes repacks 4-bit weights at the first
            forward in eval mode, after which no gradient passes; this keeps it from doing so.
        attention: transformers' name of the attention to use ("sdpa", "eager", "flash_attention_2" …).
        revision: branch, tag or commit on the Hub.
        sharded: its 4-bit weights can be shared out by `stages.sharding.shard`.

    Raises:
        NewtongueError: there is no such model, or it cannot be read.
    """
    gpu = torch.cuda.is_available()
    dtype = dtype or (torch.bfloat16 if gpu else torch.float32)
    quantised = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
        bnb_4bit_quant_storage=dtype if sharded else torch.uint8,
    )
    try:
        base: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
            name,
            revision=revision,
            dtype=dtype,
            attn_implementation=attention,
            quantization_config=quantised if four_bit else None,
            device_map={"": PartialState().device} if gpu else "cpu",  # Each process has a GPU of its own.
        )
    except (OSError, ValueError, ImportError, SafetensorError) as error:
        check_attention(attention, error)
        raise NewtongueError(
            f"No base model could be loaded from {str(name)!r}: {error} Name a folder or a Hub id that holds one."
        ) from error
    for module in base.modules():
        if isinstance(module, Linear4bit) and (trainable or module.in_features % NF4_BLOCK):
            module.support_avx512bf16_for_cpu = False
    base.requires_grad_(False)
    base.eval()
    commit = _commit(str(name), revision)
    if commit:  # transformers' configurations do not say it any more.
        base.config._commit_hash = commit
    return base


def _commit(name: str, revision: str | None) -> str | None:
    """The commit of what was loaded from the Hub, by where its client keeps it; None of a folder."""
    if Path(name).is_dir():
        return None
    found = try_to_load_from_cache(name, CONFIG_NAME, revision=revision)
    return Path(found).parent.name if isinstance(found, str) else None


def check_attention(attention: str | None, error: Exception) -> None:
    """Tell an error of a model's attention, unknown or without its package, from one of the model.

    Raises:
        NewtongueError: it is one of its attention.
    """
    if attention and (isinstance(error, ImportError) or "attn_implementation" in str(error)):
        raise NewtongueError(
            f"base.attention={attention!r} cannot be used: {error} Install its package, or give sdpa or eager."
        ) from error


def load_base_of(name: str, adapter: ModalityAdapter, given: str | None = None, *, four_bit: bool) -> PreTrainedModel:
    """Load the base of an adapter: the one given, or that which it names, in the revision it names.

    `four_bit` is as for `load_base`.

    Raises:
        NewtongueError: there is none, or it is not where it was.
    """
    info = adapter.config.base
    found = given or base_of(name, info)
    return load_base(found, four_bit=four_bit, revision=info.revision if found == info.id else None)


def base_of(adapter: str, base: BaseInfo) -> str:
    """Where an adapter's base is: a folder of its name beside the adapter, what its run was given, or its Hub id.

    Raises:
        NewtongueError: it is a folder of another machine, or was never named.
    """
    beside = Path(adapter).resolve().parent
    if base.id and (found := beside / Path(base.id).name).is_dir():
        return str(found)
    with suppress(OSError, ValueError, LookupError, TypeError):
        given = str(json.loads((beside / "run.json").read_text(encoding="utf-8"))["base"])
        if Path(given).is_dir():
            return given
    if not base.id:
        raise NewtongueError(f"{adapter} does not say which base it belongs to. Name it with --base.")
    if not base.on_hub and not Path(base.id).is_dir():
        raise NewtongueError(
            f"{adapter} belongs to a {base.architecture} in a folder called {base.id!r} ({base.rows:,} rows of width "
            f"{base.width:,}), which is not in {beside}. Name it with --base."
        )
    return base.id


def positions_of(config: PreTrainedConfig) -> int | None:
    """How many positions a base of this configuration reads at once; None where it does not say."""
    found: int | None = getattr(config.get_text_config(), "max_position_embeddings", None)
    return found

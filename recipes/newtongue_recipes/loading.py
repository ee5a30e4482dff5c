"""Loading a base model the way the recipes use it, frozen and 4-bit where asked, and finding that of an adapter."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from accelerate import PartialState
from bitsandbytes.nn.modules import Linear4bit
from huggingface_hub import try_to_load_from_cache
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, PreTrainedConfig, PreTrainedModel
from transformers.utils import CONFIG_NAME

from newtongue import ModalityAdapter, NewtongueError
from newtongue.base import BaseInfo
from newtongue.tokenizer.loading import load_tokenizer
from newtongue_evaluation.environment import imitates_bfloat16

_DAMAGED = (LookupError, EOFError, RuntimeError, SafetensorError, UnpicklingError)  # What such files give, once read.
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
        four_bit: NF4 with double quantisation; else plain `dtype`. What is quantised on disk stays as it is there.
        dtype: of the computation; bfloat16 on a GPU and float32 on a CPU when not given.
        trainable: gradients will flow through it. On a CPU, bitsandbytes repacks 4-bit weights at the first
            forward in eval mode, after which no gradient passes; this keeps it from doing so.
        attention: transformers' name of the attention to use ("sdpa", "eager", "flash_attention_2" …).
        revision: branch, tag or commit on the Hub.
        sharded: its 4-bit weights can be shared out by `stages.sharding.shard`.

    Raises:
        NewtongueError: there is no such model, or it cannot be read, or weights of it are missing.
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
    base: PreTrainedModel
    load: Any = AutoModelForCausalLM.from_pretrained  # Its types know of no second result.
    try:
        base, found = load(
            name,
            revision=revision,
            dtype=dtype,
            attn_implementation=attention,
            device_map={"": PartialState().device} if gpu else "cpu",  # Each process has a GPU of its own.
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # They are told below, by name.
            **({"quantization_config": quantised} if four_bit else {}),  # None would undo that of a model on disk.
        )
    except (OSError, ValueError, ImportError, *_DAMAGED) as error:
        if isinstance(error, RuntimeError) and "memory" in str(error):  # Says nothing of the base.
            raise
        check_attention(attention, error)
        said = repr(error) if isinstance(error, LookupError) else str(error)
        raise NewtongueError(
            f"No base model could be loaded from {str(name)!r}: {said} Name a folder or a Hub id that holds one; if "
            "its files are damaged, fetch it anew."
        ) from error
    _check_whole(name, base, found)
    for module in base.modules():
        if isinstance(module, Linear4bit) and (trainable or module.in_features % NF4_BLOCK):
            module.support_avx512bf16_for_cpu = False
    base.requires_grad_(False)
    base.eval()
    commit = _commit(str(name), revision)
    if commit:  # transformers' configurations do not say it any more.
        base.config._commit_hash = commit
    return base


def small_dtype() -> torch.dtype:
    """bfloat16, in which a 4-bit base computes on a GPU; float32 on a CPU that would only imitate it, and slowly."""
    return torch.float32 if imitates_bfloat16() else torch.bfloat16


def _check_whole(name: str | Path, base: PreTrainedModel, found: dict[str, Any]) -> None:
    """See that every weight came from the checkpoint, in its shape: transformers draws others at random.

    Args:
        name: of the base.
        base: as loaded.
        found: what transformers says of it; weights that are tied to another are not missing.

    Raises:
        NewtongueError: some did not.
    """
    wrong = [f"{key} is missing" for key in sorted(found["missing_keys"])]
    shapes = [*sorted(found["mismatched_keys"]), *_of_other_shapes(base)]
    wrong += [f"{key} has the shape {tuple(own)} and not {tuple(asked)}" for key, own, asked in shapes]
    if wrong:
        more = f", and so on for {len(wrong) - 3:,} more" if len(wrong) > 3 else ""
        raise NewtongueError(
            f"The base {str(name)!r} has not all the weights that its config.json asks for: {'; '.join(wrong[:3])}"
            f"{more}. Fetch it anew, whole, or name one whose weights and config.json belong together."
        )


def _of_other_shapes(base: PreTrainedModel) -> Iterator[tuple[str, Any, Any]]:
    """Weights in 4 bits, with the shape they have and the one of their layer, which transformers does not compare."""
    for name, module in base.named_modules():
        if isinstance(module, Linear4bit) and (state := getattr(module.weight, "quant_state", None)) is not None:
            shape = (module.out_features, module.in_features)
            if tuple(state.shape) != shape:
                yield f"{name}.weight", state.shape, shape


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


def load_base_of(
    name: str, adapter: ModalityAdapter, given: str | None = None, *, four_bit: bool | None = None
) -> PreTrainedModel:
    """Load the base of an adapter: the one given, or that which it names, in the revision it names.

    `four_bit` is as for `load_base`; as the adapter was trained where not given, and NF4 where it does not say.

    Raises:
        NewtongueError: there is none, it is not where it was, or it has no tokenizer.
    """
    info = adapter.config.base
    found = given or base_of(name, info)
    revision = info.revision if found == info.id else None
    if four_bit is None:
        four_bit = info.four_bit is not False
    base = load_base(found, four_bit=four_bit, revision=revision)
    try:
        load_tokenizer(found, revision=revision)
    except (OSError, ValueError) as error:
        raise NewtongueError(
            f"No tokenizer could be loaded for the base {found!r} ({error}). Put its files, tokenizer.json and "
            "tokenizer_config.json, beside the base's, in a folder that you name with --base."
        ) from error
    return base


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

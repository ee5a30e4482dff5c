"""What files claim, held against what they hold, before memory is given for it.

An adapter may come from anybody. Its checksums say that it is as its maker left it, not that its maker meant well: a
config of a few bytes can ask for terabytes.
"""

from math import prod
from pathlib import Path

import torch
from peft import LoraConfig
from safetensors import safe_open
from torch import nn
from transformers import AutoConfig

from newtongue.errors import AdapterFormatError
from newtongue.reading.encoder import reading_class
from newtongue.reading.mapper import Mapper

from .config import MapperConfig

_FEW = 1 << 20  # Parameters; below this, loading says better what is missing.
_MADE = 1 << 25  # Numbers in buffers, such as positions and masks, which no file need hold: eight masks of 2,048².


def check_mapper(config: MapperConfig, path: Path) -> None:
    """Check that a mapper of the sizes in the config is about what the file holds.

    Raises:
        AdapterFormatError: it is far larger.
    """
    with torch.device("meta"):
        _compare(Mapper(config), path, "a mapper")


def check_encoder(folder: Path) -> None:
    """Check that the encoder that a config describes is not far larger than its weights.

    Raises:
        AdapterFormatError: it is.
    """
    weights = folder / "model.safetensors"
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    layers = getattr(config, "num_hidden_layers", None) or 0
    tensors = len(_shapes(weights))
    if not isinstance(layers, int) or layers > tensors:
        raise AdapterFormatError(
            f"{folder / 'config.json'} claims {layers} layers, and its weights are {tensors} tensors. Get the adapter "
            "from a source you trust."
        )
    with torch.device("meta"):
        model = reading_class(config).from_config(config, trust_remote_code=False)
    if getattr(model, "pooler", None) is not None:
        setattr(model, "pooler", None)  # noqa: B010 (never saved, never read)
    _compare(model, weights, "an encoder")


def check_lora_rank(config: LoraConfig, width: int, folder: Path) -> None:
    """Check that a LoRA's weights are of the ranks that its config gives, none larger than its base is wide.

    A larger one would add nothing. Not every rank need be in the weights: a pattern may fit all layers, or none.

    Raises:
        AdapterFormatError: they are of others, or one is larger.
    """
    path = folder / "adapter_model.safetensors"
    held = {shape[0] for name, shape in _shapes(path).items() if ".lora_A." in name}
    ranks = [config.r, *(config.rank_pattern or {}).values()]
    if any(not isinstance(rank, int) or not 0 < rank <= width for rank in ranks) or not held.issubset(ranks):
        raise AdapterFormatError(
            f"{folder / 'adapter_config.json'} claims ranks {ranks}, its weights have {sorted(held)} and its base is "
            f"{width} wide. Get the adapter from a source you trust."
        )


def _compare(module: nn.Module, weights: Path, what: str) -> None:
    claimed = sum(one.numel() for one in module.parameters())
    made = sum(one.numel() for one in module.buffers())
    held = sum(map(prod, _shapes(weights).values()))
    if claimed > 2 * held + _FEW or made > 2 * held + _MADE:
        raise AdapterFormatError(
            f"{weights.parent} describes {what} of {claimed:,} parameters, with {made:,} numbers in buffers, and holds "
            f"{held:,}. Get the adapter again, from a source you trust."
        )


def _shapes(path: Path) -> dict[str, list[int]]:
    with safe_open(path, "pt") as file:
        return {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118 (no mapping)

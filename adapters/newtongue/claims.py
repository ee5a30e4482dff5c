"""What files claim, held against what they hold, before memory is given for it.

An adapter may come from anybody. Its checksums say that it is as its maker left it, not that its maker meant well: a
config of a few bytes can ask for terabytes.
"""

from collections.abc import Iterable
from math import prod
from pathlib import Path

import torch
from peft import LoraConfig
from safetensors import safe_open
from torch import nn
from transformers import AutoConfig, AutoModel

from .config import MapperConfig
from .errors import AdapterFormatError
from .mapper import Mapper

_FEW = 1 << 20  # Parameters; below this, loading says better what is missing.


def check_mapper(config: MapperConfig, path: Path) -> None:
    """Check that a mapper of the sizes in the config is about what the file holds.

    Raises:
        AdapterFormatError: it is far larger.
    """
    with torch.device("meta"):
        _compare(Mapper(config), [path], "a mapper")


def check_encoder(folder: Path) -> None:
    """Check that the encoder that a config describes is not far larger than its weights.

    Raises:
        AdapterFormatError: it is.
    """
    weights = sorted(folder.glob("*.safetensors"))
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    layers = getattr(config, "num_hidden_layers", None) or 0
    tensors = sum(1 for path in weights for _ in _shapes(path))
    if not isinstance(layers, int) or layers > tensors:
        raise AdapterFormatError(
            f"{folder / 'config.json'} claims {layers} layers, and its weights are {tensors} tensors. Get the adapter "
            "from a source you trust."
        )
    with torch.device("meta"):
        model = AutoModel.from_config(config, trust_remote_code=False)
    if getattr(model, "pooler", None) is not None:
        setattr(model, "pooler", None)  # noqa: B010 (never saved, never read)
    _compare(model, weights, "an encoder")


def check_lora_rank(config: LoraConfig, path: Path) -> None:
    """Check that a LoRA's ranks are those of its weights.

    Raises:
        AdapterFormatError: one is larger than any weight.
    """
    largest = max((size for shape in _shapes(path) for size in shape), default=0)
    ranks = [config.r, *(config.rank_pattern or {}).values()]
    if any(not isinstance(rank, int) or not 0 < rank <= largest for rank in ranks):
        raise AdapterFormatError(
            f"{path.parent / 'adapter_config.json'} claims ranks {ranks}, and its largest weight has {largest} rows. "
            "Get the adapter from a source you trust."
        )


def _compare(module: nn.Module, weights: Iterable[Path], what: str) -> None:
    claimed = sum(one.numel() for one in module.parameters())
    weights = list(weights)
    held = sum(prod(shape) for path in weights for shape in _shapes(path))
    if claimed > 2 * held + _FEW:
        where = weights[0].parent if weights else "the folder"
        raise AdapterFormatError(
            f"{where} describes {what} of {claimed:,} parameters and holds {held:,}. Get the adapter again, from a "
            "source you trust."
        )


def _shapes(path: Path) -> list[list[int]]:
    with safe_open(path, "pt") as file:
        return [file.get_slice(name).get_shape() for name in file.keys()]  # noqa: SIM118 (no mapping)

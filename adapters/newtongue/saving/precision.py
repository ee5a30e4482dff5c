"""Weights on disk: as they train, in float32, or at half the size."""

from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from newtongue.errors import NewtongueError

DTYPES = (torch.float32, torch.float16, torch.bfloat16)


def check_dtype(dtype: torch.dtype) -> torch.dtype:
    """Return `dtype` if weights can be written in it.

    Raises:
        NewtongueError: they cannot.
    """
    if dtype not in DTYPES:
        raise NewtongueError(f"Weights are not written as {dtype}. Choose one of {', '.join(map(str, DTYPES))}.")
    return dtype


def dtype_of(folder: str | Path) -> torch.dtype:
    """What the weights of a saved adapter are written in."""
    with safe_open(Path(folder) / "mapper.safetensors", "pt") as file:
        dtype: torch.dtype = file.get_tensor(next(iter(file.keys()))).dtype
    return dtype


def write_as(dtype: torch.dtype, folder: Path) -> None:
    """Write the floating-point weights below `folder` anew, as `dtype`.

    Raises:
        NewtongueError: one is too large for it.
    """
    for path in sorted(folder.rglob("*.safetensors")):
        weights = load_file(path)
        narrow = {key: value.to(dtype) if value.is_floating_point() else value for key, value in weights.items()}
        large = [key for key, value in narrow.items() if value.isinf().any() and not weights[key].isinf().any()]
        if large:
            raise NewtongueError(f"{large[0]} in {path.name} is too large for {dtype}. Save it as torch.float32.")
        save_file(narrow, path, metadata={"format": "pt"})

"""Sizes of files, looked at before anything in them is read."""

import json
from pathlib import Path
from typing import Any

from newtongue.errors import AdapterFormatError

LARGEST_TEXT = 256 << 20  # Bytes of a JSON file or a vocabulary; those of the largest tokenizers have about 40 MiB.
_LARGEST_HEADER = 100 << 20  # What safetensors itself allows.


def check_size(path: Path) -> None:
    """Check that a file is as large as it should be, without reading it.

    Raises:
        AdapterFormatError: a text too large, or a safetensors file whose header claims another size.
    """
    size = path.stat().st_size
    if path.suffix != ".safetensors":
        if size > LARGEST_TEXT:
            raise AdapterFormatError(
                f"{path} has {size:,} bytes, where {LARGEST_TEXT:,} are the most that a text of an adapter may have. "
                "Get the adapter from a source you trust."
            )
        return
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header: Any = json.loads(file.read(length)) if length <= min(size, _LARGEST_HEADER) else None
        ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"]
        claimed = 8 + length + max(ends, default=0)
    except (AttributeError, KeyError, IndexError, TypeError, ValueError, RecursionError) as error:
        raise AdapterFormatError(
            f"{path} cannot be read: it has no safetensors header. Get the adapter again."
        ) from error
    if claimed != size:
        raise AdapterFormatError(
            f"{path} has {size:,} bytes and its header claims {claimed:,}: cut short, or forged. Get the adapter again."
        )

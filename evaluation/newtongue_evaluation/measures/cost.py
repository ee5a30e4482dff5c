"""What reading costs: positions, seconds, bytes."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch


def positions_per_character(encode: Callable[[str], Sequence[int]], texts: Sequence[str]) -> float:
    """How many positions texts take for each of their characters."""
    return sum(len(encode(text)) for text in texts) / sum(map(len, texts))


@torch.no_grad()
def prefill_ratio(
    model: Any, rows: Sequence[Sequence[int]], others: Sequence[Sequence[int]], *, times: int = 5
) -> float:
    """Seconds of reading `rows` over those of reading `others`, side by side, a row at a time; median of rounds.

    Args:
        model: attached; rows without a language's ids run on the bare base.
        rows, others: ids of the same texts.
    """
    ratios = []
    for _ in range(times):
        ours = theirs = 0.0
        for one, other in zip(rows, others, strict=True):
            ours += _seconds(model, one)
            theirs += _seconds(model, other)
        ratios.append(ours / theirs)
    return statistics.median(ratios)


def folder_bytes(folder: str | Path) -> int:
    """Bytes of a folder's files."""
    return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())


def training_seconds(notes: Mapping[str, Any]) -> float | None:
    """Seconds of all stages that an adapter's notes record under `training`; None where one's are not known.

    Those of a stage that went on after a kill are not.
    """
    stages = notes.get("training")
    seconds = [row.get("seconds") for row in stages if isinstance(row, Mapping)] if isinstance(stages, list) else []
    known = [float(one) for one in seconds if isinstance(one, int | float)]
    return sum(known) if known and len(known) == len(seconds) else None


def peak_memory(device: torch.device) -> int | None:
    """Bytes of GPU memory at most since the process began; None without a GPU."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None


def _seconds(model: Any, ids: Sequence[int]) -> float:
    inputs = torch.tensor([list(ids)], device=model.device)
    if model.device.type == "cuda":
        torch.cuda.synchronize()
    started = time.perf_counter()
    model(input_ids=inputs, use_cache=False)
    if model.device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started

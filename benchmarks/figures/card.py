"""Whether a tuning step fits on a consumer card: its peak memory, with the memory of the GPU capped to the card's."""

from collections.abc import Iterator

import torch

from benchmarks.ids import base_ids, with_runs
from benchmarks.memory import peak
from benchmarks.rows import Row, Skip
from benchmarks.setting import Setting
from benchmarks.shapes import GIB
from benchmarks.steps import ported, training_step

CARD = 8 * GIB
REACH = {"phi-2": 6.0}


def measure(setting: Setting) -> Iterator[Row]:
    """GiB at most of a step on 4 × 1,024 positions, encoder trained."""
    if setting.device != "cuda":
        raise Skip("needs a GPU")
    for shape in setting.shapes:
        model = ported(shape, "cuda")
        ids = with_runs(base_ids(shape, 4, 1024, "cuda"), model, "tr", 512)
        torch.cuda.empty_cache()
        torch.cuda.set_per_process_memory_fraction(min(1.0, CARD / torch.cuda.mem_get_info()[1]))
        try:
            held = peak(training_step(model, ids), model, "cuda")
            yield Row(
                "peak memory of tuning, 8 GiB card", shape.name, "GiB", held / GIB, at_most=REACH.get(shape.name, 8)
            )
        except torch.OutOfMemoryError:
            yield Row("peak memory of tuning, 8 GiB card", shape.name, "GiB", skipped="more than the card's 8 GiB")
        finally:
            torch.cuda.set_per_process_memory_fraction(1.0)

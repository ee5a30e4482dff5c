"""Attaching a saved adapter to a loaded base, and changing the language from one request to the next."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from benchmarks.ids import base_ids, with_runs
from benchmarks.rows import Row
from benchmarks.setting import Setting
from benchmarks.shapes import make_adapter, make_base
from benchmarks.timing import quartiles, side_by_side
from newtongue import ModalityAdapter


def measure(setting: Setting) -> Iterator[Row]:
    """Seconds of loading and attaching from a warm disk, and what a request costs after one in another language."""
    for shape in setting.shapes:
        base = make_base(shape, setting.device)
        before = {name: parameter.data_ptr() for name, parameter in base.named_parameters()}
        with TemporaryDirectory() as scratch:
            folder = Path(scratch) / "adapter"
            make_adapter(base, shape).attach(base).adapter("tr").save_pretrained(folder)  # A LoRA has weights by then.
            base.detach("tr")

            def attach_and_detach(base: Any = base, folder: Path = folder) -> None:
                ModalityAdapter.from_pretrained(folder).attach(base)
                base.detach("tr")

            times = side_by_side({"attach": attach_and_detach}, setting.repeats, device=setting.device, wall=True)
        low, middle, high = quartiles(times["attach"].seconds)
        yield Row("load, attach and detach a saved adapter", shape.name, "seconds", middle, low, high, at_most=1.0)
        for language in ("tr", "ja"):
            make_adapter(base, shape, language).attach(base)
        after = {name.replace(".base_layer", ""): parameter.data_ptr() for name, parameter in base.named_parameters()}
        copied = sum(after[name] != place for name, place in before.items())
        yield Row("base weights copied by attaching", shape.name, "weights", copied, at_most=0)
        yield from _switching(setting, shape.name, base, base_ids(shape, 1, setting.positions, setting.device))


def _switching(setting: Setting, name: str, model: Any, ids: torch.Tensor) -> Iterator[Row]:
    turkish, japanese = (with_runs(ids, model, language, setting.positions // 2) for language in ("tr", "ja"))

    def requests(*rows: torch.Tensor) -> None:
        with torch.no_grad():
            for one in rows:
                model(input_ids=one, logits_to_keep=1)

    jobs = {
        "one": lambda: requests(turkish, turkish, turkish, turkish),
        "changing": lambda: requests(turkish, japanese, turkish, japanese),
    }
    times = side_by_side(jobs, setting.repeats, device=setting.device)
    low, middle, high = times["changing"].over(times["one"])
    yield Row("requests that change language", name, "requests in one language", middle, low, high)

"""How cost grows: with the length of a text, the batch, the languages attached and the size of the encoder."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch

from benchmarks.ids import base_ids, with_runs
from benchmarks.plots import plot_growth
from benchmarks.rows import Row
from benchmarks.setting import Setting
from benchmarks.shapes import Shape, make_adapter, make_base
from benchmarks.timing import Times, side_by_side

MIXED_ROWS, MIXED = 16, ("tr", "ja", "sw", "qu")


def measure(setting: Setting) -> Iterator[Row]:
    """Time of a forward that reads the language, over that of the smallest of each series; a plot of each."""
    shape = setting.shapes[0]
    positions = setting.positions
    one = _attached(shape, setting, 1)
    yield from _series(
        setting, "positions of a text", {n: (one, 1, n) for n in (positions // 4, positions // 2, positions)}
    )
    yield from _series(setting, "rows of a batch", {n: (one, n, positions) for n in (1, 2, 4, 8)})
    counts = (1, 2, 8, 32)
    attached = {n: (_attached(shape, setting, n), 1, positions) for n in counts}
    yield from _series(setting, "languages attached", attached, at_most=1.05)
    widths = {n: replace(shape.encoder, layers=n * shape.encoder.layers) for n in (1, 2, 4)}
    deeper = {n: (_attached(replace(shape, encoder=one), setting, 1), 1, positions) for n, one in widths.items()}
    yield from _series(setting, "times the encoder's layers", deeper)
    yield _mixed(setting, shape)


def _series(
    setting: Setting, what: str, cases: dict[int, tuple[Any, int, int]], at_most: float | None = None
) -> Iterator[Row]:
    """A row for each size but the first, over the first."""
    jobs = {str(size): _read(setting, *case) for size, case in cases.items()}
    times = side_by_side(jobs, setting.repeats, device=setting.device)
    first = next(iter(jobs))
    ratios = {int(size): times[size].over(times[first]) for size in jobs}
    plot_growth(ratios, what, setting.output / f"growth-{re.sub(r'[^a-z]+', '-', what)}.png")
    for size, (low, middle, high) in list(ratios.items())[1:]:
        name = setting.shapes[0].name
        yield Row(f"growth with {what}", f"{name}, {size}", first, middle, low, high, at_most=at_most)


def _attached(shape: Shape, setting: Setting, languages: int | Sequence[str]) -> Any:
    base = make_base(shape, setting.device)
    tags = [f"tr-x-{n}" for n in range(languages)] if isinstance(languages, int) else languages
    for tag in tags:
        make_adapter(base, shape, tag).attach(base)
    return base


def _read(setting: Setting, model: Any, rows: int, positions: int) -> Callable[[], None]:
    ids = with_runs(
        base_ids(setting.shapes[0], rows, positions, setting.device), model, model.languages[0], positions // 2
    )
    return _forward(model, ids)


def _forward(model: Any, ids: torch.Tensor) -> Callable[[], None]:
    @torch.no_grad()
    def read() -> None:
        model(input_ids=ids, use_cache=False, logits_to_keep=1)

    return read


def _mixed(setting: Setting, shape: Shape) -> Row:
    """Rows in four languages in one batch, over as many rows in one."""
    model = _attached(shape, setting, MIXED)
    ids = base_ids(shape, MIXED_ROWS, setting.positions, setting.device)
    quarter, half = MIXED_ROWS // len(MIXED), setting.positions // 2
    parts = [
        with_runs(ids[place * quarter : (place + 1) * quarter], model, language, half)
        for place, language in enumerate(MIXED)
    ]
    jobs = {"mixed": _forward(model, torch.cat(parts)), "one": _forward(model, with_runs(ids, model, "tr", half))}
    times: dict[str, Times] = side_by_side(jobs, setting.repeats, device=setting.device)
    low, middle, high = times["one"].over(times["mixed"])
    case = f"{shape.name}, {MIXED_ROWS} rows in {len(MIXED)} languages"
    return Row("speed of a mixed batch", case, "as many rows in one", middle, low, high, at_least=0.9)

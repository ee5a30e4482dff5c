"""What a training says of itself on the adapter's card; a list of rows becomes a table there."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from newtongue_recipes.data.reporting import Report
from newtongue_recipes.settings import Training

Rows = list[dict[str, Any]]


def training(stages: Mapping[str, Any], seconds: Mapping[str, float | None], seed: int) -> Rows:
    """Steps and seconds by stage.

    Args:
        stages: the settings of each.
        seconds: that each took, where known.
        seed: of all of them.
    """
    return [
        {"stage": name, "steps": _steps(settings), "seconds": _rounded(seconds.get(name)), "seed": seed}
        for name, settings in stages.items()
    ]


def sources(made: Report) -> Rows:
    """The sources of the data, by name: where they lay on the maker's machine is nobody's business."""
    return [
        {
            "source": one.source.removeprefix("hub:") if one.revision else Path(one.source).name,
            "for": one.kind,
            "rows": f"{one.rows.used:,}",
            "tokens of the base": _counted(one.base_tokens),
            "licence": one.licence or "unknown",
        }
        for one in made.sources
    ]


def positions(made: Report) -> Rows:
    """What the data's texts in the language take up in the language's own tokens, beside those of the base."""
    found: dict[str, tuple[int, int]] = {}
    for one in made.sources:
        if one.read_in_base and one.positions:
            base, own = found.get(one.kind, (0, 0))
            found[one.kind] = base + one.read_in_base, own + one.positions
    return [
        {"texts": kind, "tokens of the base": f"{base:,}", "positions": f"{own:,}", "times fewer": f"{base / own:.2f}"}
        for kind, (base, own) in found.items()
    ]


def _steps(settings: Any) -> str:
    parts = {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}
    steps = {name: f"{one.steps:,}" for name, one in parts.items() if isinstance(one, Training)}
    return ", ".join(count if name == "training" else f"{name} {count}" for name, count in steps.items())


def _rounded(seconds: float | None) -> float | str:
    return "" if seconds is None else round(seconds, 1)


def _counted(count: int | None) -> str:
    return "" if count is None else f"{count:,}"

"""The table: rows as JSON and as Markdown, with hardware and versions."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from newtongue_evaluation.environment import environment

from .rows import Row

HEAD = "| figure | case | over | value | quartiles | to reach | reached | of the roof |"


def write(rows: Sequence[Row], folder: Path, about: dict[str, Any]) -> None:
    """Write `benchmarks.json` and `benchmarks.md` into `folder`."""
    where = environment()
    content = {**about, **where, "rows": [asdict(row) for row in rows]}
    (folder / "benchmarks.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    hardware = where["hardware"]
    versions = ", ".join(f"{name} {number}" for name, number in where["versions"].items())
    lines = [
        f"Made by `{about['command']}`, seed 0, medians of at most {about['repeats']} rounds.",
        f"{hardware['gpu'] or hardware['processor']}, {about['threads']} of {hardware['cores']} cores; {versions}.",
        "",
        *table(rows),
    ]
    (folder / "benchmarks.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def table(rows: Sequence[Row]) -> list[str]:
    """The lines of the Markdown table."""
    return [HEAD, "|---" * HEAD.count(" | ") + "|---|", *map(line, rows)]


def line(row: Row) -> str:
    """A row of the Markdown table."""
    reach = "–" if row.at_least is None and row.at_most is None else ""
    reach += f"≥ {row.at_least:g}" if row.at_least is not None else ""
    reach += f"≤ {row.at_most:g}" if row.at_most is not None else ""
    if row.value is None:
        cells = [f"– ({row.skipped})", "–", reach, "–", "–"]
    else:
        spread = "–" if row.low is None or row.high is None else f"{_short(row.low)}–{_short(row.high)}"
        reached = {True: "yes", False: "**no**", None: "–"}[row.reached]
        cells = [_short(row.value), spread, reach, reached, "–" if row.roof is None else f"{row.roof:.2f}"]
    return "| " + " | ".join([row.figure, row.case, row.against, *cells]) + " |"


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"

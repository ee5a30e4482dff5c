"""Figures with an interval in the README and in the results page are those that the files of scores hold."""

import json
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "evaluation" / "results"
FIGURE = re.compile(r"(−?\d+\.\d+)\**\s\((−?\d+\.\d+)–(−?\d+\.\d+)\)")
SLACK = 0.0001  # Scores are kept with four digits, so a fifth may have turned the third.


def scores(found: Any) -> Iterator[tuple[float, float, float]]:
    """All that has a value and an interval, wherever it stands, with its sign turned too: who is ahead of whom."""
    if isinstance(found, dict) and {"value", "low", "high"} <= set(found):
        yield found["value"], found["low"], found["high"]
        yield -found["value"], -found["high"], -found["low"]
    elif isinstance(found, dict | list):
        for one in found.values() if isinstance(found, dict) else found:
            yield from scores(one)


@pytest.fixture(scope="module")
def kept() -> list[tuple[float, float, float]]:
    found = (json.loads(path.read_text(encoding="utf-8")) for path in RESULTS.rglob("*.json"))
    return [one for file in found for one in scores(file)]


@pytest.mark.parametrize("page", ["README.md", "docs/results.md", "docs/experiments.md"])
def test_figures_are_those_of_the_results(page: str, kept: list[tuple[float, float, float]]) -> None:
    quoted = FIGURE.findall((ROOT / page).read_text(encoding="utf-8"))
    assert quoted
    for figure in quoted:
        digits = len(figure[0].partition(".")[2])
        half = 0.5 * 10**-digits + SLACK
        wanted = [float(one.replace("−", "-")) for one in figure]
        near = (all(abs(a - b) <= half for a, b in zip(one, wanted, strict=True)) for one in kept)
        assert any(near), f"{figure[0]} ({figure[1]}–{figure[2]})"


def test_the_picture_can_be_drawn(tmp_path: Path) -> None:
    draw = runpy.run_path(str(RESULTS / "draw.py"))["draw"]
    draw(tmp_path / "overview.png")
    assert (tmp_path / "overview.png").read_bytes().startswith(b"\x89PNG")

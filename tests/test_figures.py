"""Figures with an interval in the README and in the results page are those that the files of scores hold."""

import json
import re
import runpy
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest
from matplotlib.container import BarContainer

from newtongue_evaluation.report.pictures import bars
from newtongue_evaluation.report.summary import summarise
from newtongue_evaluation.results import Result, Row, write_result

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "evaluation" / "results"
FIGURE = re.compile(r"(−?\d+\.\d+)\**\s\((−?\d+\.\d+)–(−?\d+\.\d+)")
NAMED = re.compile(r"evaluation/results/(\w[\w./-]*\w)")
LANGUAGES = {"Turkish": "tr", "Japanese": "ja", "Swahili": "sw"}
SUMMARY = ("atlas", "data", "lora", "recipe", "tatoeba", "transfer", "words")  # What the README is about.
SLACK = 0.0001  # Scores are kept with four digits, so a fifth may have turned the third.

Score = tuple[float, float, float]


def scores(found: Any) -> Iterator[Score]:
    """All that has a value and an interval, wherever it stands, with its sign turned too: who is ahead of whom."""
    if isinstance(found, dict) and {"value", "low", "high"} <= set(found):
        yield found["value"], found["low"], found["high"]
        yield -found["value"], -found["high"], -found["low"]
    elif isinstance(found, dict | list):
        for one in found.values() if isinstance(found, dict) else found:
            yield from scores(one)


def kept(names: set[str], language: str | None) -> list[Score]:
    """Scores of a language, or of all, in the named folders and files; of runs that were made again, only by name."""
    found = []
    for path in sorted(RESULTS.rglob("*.json")):
        name = path.relative_to(RESULTS).as_posix()
        if name in names or (path.parent.name in names and not path.stem.endswith("-earlier")):
            tasks = json.loads(path.read_text(encoding="utf-8"))["tasks"]
            found += [task for task in tasks if language in (None, task["language"])]
    return list(scores(found))


def quoted(page: str) -> Iterator[tuple[str, set[str], str | None]]:
    """Text with figures, what its section says they are from, and the language of the column they stand in."""
    for section in re.split(r"^#+ ", (ROOT / page).read_text(encoding="utf-8"), flags=re.MULTILINE):
        names = {one for one in NAMED.findall(section) if Path(one).suffix in ("", ".json")} or set(SUMMARY)
        for table, lines in groupby(section.splitlines(), lambda line: line.startswith("|")):
            if not table:
                yield "\n".join(lines), names, None
                continue
            rows = [line.strip("|").split("|") for line in lines]
            columns = [next((LANGUAGES[one] for one in LANGUAGES if one in cell), None) for cell in rows[0]]
            for row in rows:
                yield from ((cell, names, language) for cell, language in zip(row, columns, strict=True))


@pytest.mark.parametrize("page", ["README.md", "docs/results.md", "docs/experiments.md"])
def test_figures_are_those_of_the_results(page: str) -> None:
    seen = 0
    for text, names, language in quoted(page):
        for figure in FIGURE.findall(text):
            seen += 1
            half = 0.5 * 10 ** -len(figure[0].partition(".")[2]) + SLACK
            wanted = [float(one.replace("−", "-")) for one in figure]
            near = (all(abs(a - b) <= half for a, b in zip(one, wanted, strict=True)) for one in kept(names, language))
            assert any(near), f"{figure[0]} ({figure[1]}–{figure[2]}) of {language} is not in {sorted(names)}"
    assert seen


def test_the_picture_shows_the_scores(tmp_path: Path) -> None:
    drawing = runpy.run_path(str(RESULTS / "draw.py"))
    value, low, high = drawing["each"]("transfer", "adapter")["Turkish"]
    tasks = json.loads((RESULTS / "transfer" / "tr.json").read_text(encoding="utf-8"))["tasks"]
    (task,) = (one for one in tasks if (one["language"], one["answered_in"]) == ("tr", "en"))
    rows = {one["method"]: one["scores"] for one in task["methods"]}
    assert rows["adapter"]["exact match"].items() >= {"value": value, "low": low, "high": high}.items()
    before = dict(plt.rcParams)
    drawing["draw"](tmp_path / "overview.png")
    assert dict(plt.rcParams) == before
    assert (tmp_path / "overview.png").read_bytes().startswith(b"\x89PNG")


def test_two_runs_of_one_method_are_held_side_by_side(tmp_path: Path) -> None:
    for name, right in (("joined", 3), ("apart", 5)):
        rows = tuple(Row(str(at), "Soru", ("yes",), "yes" if at < right else "no") for at in range(10))
        for role in ("ours", "control"):
            write_result(Result(role, "mkqa", "tr", rows, role=role), tmp_path / name)
    beside = runpy.run_path(str(RESULTS / "beside.py"))["beside"](tmp_path / "joined", tmp_path / "apart")
    (task,) = summarise(beside)
    assert [one.method for one in task.lines] == ["ours", "ours, apart", "control"]
    other = task.lines[1]
    assert other.ahead["exact match"].value == pytest.approx(0.3 - 0.5)


def test_bars_stand_as_high_as_their_scores() -> None:
    found = {
        "one": {"Turkish": (0.5, 0.4, 0.6), "Japanese": (0.2, 0.2, 0.2)},
        "other": {"Turkish": (1, 1, 1), "Japanese": (0, 0, 0)},
    }
    figure, panel = plt.subplots()
    bars(panel, found)
    heights = {
        bar.get_label(): [one.get_height() for one in bar] for bar in panel.containers if isinstance(bar, BarContainer)
    }
    assert heights == {name: [value for value, _, _ in one.values()] for name, one in found.items()}
    assert [one.get_text() for one in panel.get_xticklabels()] == ["Turkish", "Japanese"]
    plt.close(figure)

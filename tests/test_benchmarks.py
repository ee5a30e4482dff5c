"""Each benchmark runs in the smallest shape and writes its rows; how fast it is, no test says."""

import gc
import json
from importlib import import_module
from pathlib import Path

import pytest
import torch
from benchmarks import report
from benchmarks.__main__ import FIGURES, main
from benchmarks.memory import peak
from benchmarks.rows import Row, Skip
from benchmarks.setting import smallest
from benchmarks.shapes import SHARPNESS, free_memory
from benchmarks.texts import of_recipe
from benchmarks.timing import side_by_side

from newtongue_recipes.recipe.load import load_recipe
from newtongue_recipes.recipe.shipped import shipped

LAUNCHED = [pytest.param(name, marks=pytest.mark.slow) if name == "processes" else name for name in FIGURES]


@pytest.mark.parametrize("name", LAUNCHED)
def test_a_figure_runs_and_its_rows_can_be_written(name: str, tmp_path: Path) -> None:
    try:
        rows = list(import_module(f"benchmarks.figures.{name}").measure(smallest(tmp_path)))
    except Skip as why:
        rows = [Row(name, "–", "–", skipped=str(why))]
    report.write(rows, tmp_path, {"command": "test", "repeats": 1, "threads": 1})
    written = json.loads((tmp_path / "benchmarks.json").read_text(encoding="utf-8"))
    assert len(written["rows"]) == len(rows) > 0
    assert all((row["value"] is None) == (row["skipped"] is not None) for row in written["rows"])
    assert (tmp_path / "benchmarks.md").read_text(encoding="utf-8").count("\n| ") == len(rows) + 1


def test_some_figures_do_not_replace_the_results_of_all(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--only", "size"])
    assert "--output" in capsys.readouterr().err


def test_caches_count_as_free_memory() -> None:
    kinds = dict(line.split(":") for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines())
    assert free_memory("cpu") == pytest.approx(1024 * int(kinds["MemAvailable"].split()[0]), rel=0.2)


def test_medians_are_of_no_more_rounds_than_is_said(tmp_path: Path) -> None:
    report.write([Row("f", "c", "o", 1.0)], tmp_path, {"command": "test", "repeats": 15, "threads": 1})
    assert "medians of at most 15 rounds" in (tmp_path / "benchmarks.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [name for name in shipped() if name.startswith("phi-") and "bert" not in name])
def test_all_recipes_of_the_phis_make_the_adapter_that_is_measured(name: str, tmp_path: Path) -> None:
    recipe = load_recipe(name)
    made, measured = recipe.represent, of_recipe(recipe.language, tmp_path, None)
    assert made is not None
    assert (made.vocabulary, made.tokens, made.joined) == (measured.vocabulary, measured.tokens, measured.joined)
    assert recipe.map is not None and recipe.map.sharpness == SHARPNESS


def test_jobs_take_turns_and_warm_up_does_not_count() -> None:
    called: list[str] = []
    times = side_by_side({name: lambda name=name: called.append(name) for name in "ab"}, 3, warm_up=1)
    assert {name: len(one.seconds) for name, one in times.items()} == {"a": 3, "b": 3}
    assert called == ["b", "a", "a", "b", "b", "a", "a", "b"]


@pytest.mark.parametrize(
    ("row", "reached"),
    [
        (Row("f", "c", "o", 1.04, at_most=1.05), True),
        (Row("f", "c", "o", 1.06, at_most=1.05), False),
        (Row("f", "c", "o", 2.0, at_least=2.2), False),
        (Row("f", "c", "o", 0.0, at_most=0), True),
        (Row("f", "c", "o", 2.0), None),
        (Row("f", "c", "o", at_least=2.2, skipped="no GPU"), None),
    ],
)
def test_a_row_says_whether_it_is_what_it_is_to_be(row: Row, reached: bool | None) -> None:
    assert row.reached is reached
    assert report.line(row).count(" | ") == report.HEAD.count(" | ")


def test_a_job_holds_its_model_and_the_most_that_lives_at_once() -> None:
    model = torch.nn.Linear(1000, 1000, bias=False)  # 4 MB
    size = 4 * 1000 * 1000

    living = []

    def one_after_the_other() -> None:
        for _ in range(3):
            torch.empty(1000, 1000)

    def at_once() -> None:
        kept = [torch.empty(1000, 1000) for _ in range(3)]
        kept[0].view(-1)[1:].neg_()  # The same storage.

    def left_behind() -> None:
        living.append(torch.empty(1000, 1000))

    def left_in_a_ring() -> None:
        ring: list[object] = [torch.empty(1000, 1000)]
        ring.append(ring)

    def swept() -> None:
        gc.collect()
        one_after_the_other()

    assert peak(one_after_the_other, model, "cpu") == 2 * size
    assert peak(at_once, model, "cpu") == 4 * size
    for _ in range(2):
        assert peak(left_behind, model, "cpu") == 2 * size
    peak(left_in_a_ring, model, "cpu")
    assert peak(swept, model, "cpu") == 2 * size
    assert peak(one_after_the_other, model, "cpu") == 2 * size

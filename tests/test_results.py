"""Results on disk: what a method wrote is what a report reads."""

import json
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from newtongue import NewtongueError
from newtongue_evaluation import environment as where
from newtongue_evaluation.environment import commit_of, environment, imitates_bfloat16
from newtongue_evaluation.results import Cost, Result, Row, read_results, write_result

ROWS = (Row("1", "Başkent?", ("Paris",), "Paris", 1.5, "capital", "Capital?", {"at 1": 1.0}), Row("2", "?", ("a", "b")))


def test_a_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    result = Result("LoRA on raw text", "atlas", "tr", ROWS, data={"pairs": 1e3}, seed=2, cost=Cost(bytes=7))
    path = write_result(result, tmp_path / "made")
    assert path.name == "atlas-tr-en-LoRA_on_raw_text-pairs1000-seed2.result.json"
    assert read_results([tmp_path]) == [result]


def test_a_cost_that_is_no_longer_measured_does_not_spoil_an_old_result(tmp_path: Path) -> None:
    result = Result("adapter", "atlas", "tr", ROWS, cost=Cost(bytes=7))
    path = write_result(result, tmp_path)
    values = json.loads(path.read_text())
    assert "prefill_seconds" not in values["cost"]
    path.write_text(json.dumps({**values, "cost": {**values["cost"], "prefill_seconds": 2.0}}))
    assert read_results([tmp_path]) == [result]


def test_subjects_are_kept_and_an_older_result_has_none(tmp_path: Path) -> None:
    result = Result("adapter", "atlas", "tr", (Row("1", "?", ("Paris",), "Rome", subject="France"),))
    path = write_result(result, tmp_path)
    assert read_results([tmp_path]) == [result]
    values = json.loads(path.read_text())
    del values["rows"][0]["subject"]
    path.write_text(json.dumps(values))
    assert read_results([tmp_path])[0].rows[0].subject == ""


@pytest.mark.parametrize("rows", [pytest.param((), id="none"), pytest.param((ROWS[0], ROWS[0]), id="twice the same")])
def test_rows_have_keys_of_their_own(rows: tuple[Row, ...]) -> None:
    with pytest.raises(NewtongueError, match="key"):
        Result("adapter", "atlas", "tr", rows)


def test_a_result_of_which_nothing_could_be_scored_is_refused_with_its_file(tmp_path: Path) -> None:
    with pytest.raises(NewtongueError, match="nothing that could be scored"):
        Result("adapter", "atlas", "tr", (ROWS[1],))
    path = write_result(Result("adapter", "atlas", "tr", (Row("1", "?", ("Paris",), nats=1.0),)), tmp_path)
    path.write_text(path.read_text().replace("1.0", "null"))
    with pytest.raises(NewtongueError, match=re.escape(f"{path}: 'adapter' on 'atlas'")):
        read_results([tmp_path])


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format_version": 1}', '{"format_version": 1, "rows": [{}]}'])
def test_a_file_that_is_no_result_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.result.json").write_text(text)
    with pytest.raises(NewtongueError, match=r"bad\.result\.json"):
        read_results([tmp_path])


def test_a_folder_without_results_is_named(tmp_path: Path) -> None:
    with pytest.raises(NewtongueError, match="holds no"):
        read_results([tmp_path])


def test_figures_name_the_commit_they_were_made_at_where_there_is_one(tmp_path: Path) -> None:
    ours, others = tmp_path / "ours.py", tmp_path / "others.py"
    for file in (ours, others):
        file.write_text("")
    assert commit_of(ours) == ""
    own = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    for words in (("init", "-q"), ("add", "ours.py"), (*own, "commit", "-qm", "All")):
        subprocess.run(["git", "-C", tmp_path, *words], check=True)
    commit_of.cache_clear()
    assert re.fullmatch(r"\+[0-9a-f]{7,}", commit_of(ours))
    assert commit_of(others) == ""  # As an environment in another's checkout.
    ours.write_text("changed")
    commit_of.cache_clear()
    assert re.fullmatch(r"\+[0-9a-f]{7,}\.dirty", commit_of(ours))
    assert environment()["versions"]["newtongue"] == version("newtongue") + commit_of(Path(where.__file__))


@pytest.mark.parametrize(
    ("told", "gpu", "imitates"),
    [
        pytest.param("model name : Xeon\nflags : fpu avx512f avx512_vnni", False, True, id="x86 without"),
        pytest.param("flags\t: fpu avx512f avx512_bf16", False, False, id="x86 with"),
        pytest.param("Features : fp asimd", False, True, id="ARM without"),
        pytest.param("Features : fp asimd bf16", False, False, id="ARM with"),
        pytest.param("flags : fpu\n\nflags : fpu avx512_bf16", False, True, id="the first processor counts"),
        pytest.param("flags : fpu", True, False, id="a GPU beside it"),
        pytest.param(None, False, False, id="a system that does not tell"),
    ],
)
def test_a_cpu_without_bfloat16_is_known_by_what_linux_tells(
    told: str | None, gpu: bool, imitates: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where, "CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr("torch.cuda.is_available", lambda: gpu)
    if told is not None:
        where.CPUINFO.write_text(told)
    assert imitates_bfloat16() == imitates

"""`newtongue recipes` as a user meets it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from newtongue_recipes.recipe import load_recipe, shipped
from newtongue_recipes.recipe.shipped import launches


def recipes(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "newtongue_recipes.cli", "recipes", *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment, cwd=cwd)


@pytest.mark.parametrize("name", shipped())
def test_check_accepts_a_shipped_recipe(name: str) -> None:
    done = recipes("check", name, "tune.training.steps=2")
    assert done.returncode == 0, done.stderr
    assert f"OK {name}" in done.stdout
    assert "2 steps" in done.stdout


def test_check_says_what_a_recipe_comes_to() -> None:
    done = recipes("check", "phi-2-turkish", "represent.start_from=some/encoder", "tune.training.batch=8")
    told = " ".join(done.stdout.split())
    assert "starts from some/encoder" in told
    assert "tune 6,000 steps of 32 rows" in told  # 8, four times.


@pytest.mark.parametrize(
    "language,told",
    [
        ("turkish", "no language is known by the tag 'turkish'"),
        ("und", "no language is known by the tag 'und'"),
        ("tur", "in BCP 47 Turkish is 'tr', not 'tur'"),
        ("tr", ""),
        ("zh-Hant", ""),
    ],
)
def test_check_doubts_a_word_for_a_language(language: str, told: str) -> None:
    done = recipes("check", "phi-2-turkish", f"language={language}")
    assert done.returncode == 0
    said = " ".join(done.stdout.split())
    assert told in said if told else "BCP 47" not in said


def test_check_doubts_data_that_no_stage_reads() -> None:
    changes = ["represent=null", "encoder=dbmdz/bert-base-turkish-cased"]
    assert "Note: data.text is not read" in recipes("check", "phi-2-turkish", *changes).stdout
    assert "Note" not in recipes("check", "phi-2-turkish", *changes, "data.text=[]").stdout


@pytest.mark.parametrize("what", [("show", "odd.yaml"), ("copy", "odd.yaml", "mine.yaml"), ("check", "odd.yaml")])
def test_a_file_that_is_not_utf_8_is_one_message(what: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "odd.yaml").write_bytes("language: tr  # Türkçe".encode("latin-1"))
    done = recipes(*what, cwd=tmp_path)
    assert done.returncode == 2
    assert "odd.yaml is not UTF-8 (line 1). Save it as UTF-8." in done.stderr


def test_list_names_them_all_without_loading_torch() -> None:
    done = recipes("list")
    assert [name for name in (*shipped(), *launches()) if name not in done.stdout] == []
    code = "import sys; from newtongue_recipes.recipe import load_recipe; load_recipe('phi-2-turkish')"
    quick = subprocess.run([sys.executable, "-c", f"{code}; sys.exit('torch' in sys.modules)"], check=False)
    assert quick.returncode == 0


def test_show_prints_the_file() -> None:
    assert recipes("show", "low-resource").stdout.startswith("# A language with little text")


def test_a_copy_is_a_recipe_that_names_itself_and_is_not_written_over(tmp_path: Path) -> None:
    assert recipes("copy", "phi-2-turkish", "mine.yaml", cwd=tmp_path).returncode == 0
    mine = tmp_path / "mine.yaml"
    assert "newtongue train mine.yaml --output" in mine.read_text(encoding="utf-8")
    assert load_recipe(mine) == load_recipe("phi-2-turkish")
    again = recipes("copy", "demo-turkish", "mine.yaml", cwd=tmp_path)
    assert again.returncode == 2
    assert "--force" in again.stderr
    assert recipes("copy", "demo-turkish", "mine.yaml", "--force", cwd=tmp_path).returncode == 0
    assert load_recipe(mine) == load_recipe("demo-turkish")


def test_settings_for_several_gpus_are_copied_like_a_recipe(tmp_path: Path) -> None:
    done = recipes("copy", "multi_gpu", "gpus.yaml", cwd=tmp_path)
    assert "accelerate launch --config_file gpus.yaml -m newtongue_recipes.cli train" in done.stdout
    assert (tmp_path / "gpus.yaml").read_bytes() == launches()["multi_gpu"].read_bytes()


def test_errors_are_one_message_and_exit_code_2() -> None:
    done = recipes("check", "phi-2-turkish", "tune.rnk=3", "data.text=[1]", "base.name=[b]")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "3 errors" in done.stderr
    assert "data.text.0" in done.stderr
    assert "['b']" in done.stderr or "[b]" in done.stderr


def test_the_schema_is_one_that_editors_read() -> None:
    schema = json.loads(recipes("schema").stdout)
    assert schema["properties"]["language"]["description"]
    assert schema["additionalProperties"] is False

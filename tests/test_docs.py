"""The documentation: links lead somewhere, code is code, commands and errors are those there are."""

import ast
import json
import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer

from newtongue_recipes.cli import app
from newtongue_recipes.experiments.load import load_experiment
from newtongue_recipes.experiments.plan import plan
from newtongue_recipes.recipe import load_recipe, shipped

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SOURCE = "".join(
    path.read_text(encoding="utf-8")
    for room in ("adapters", "recipes", "evaluation")
    for path in sorted((ROOT / room).rglob("*.py"))
)
OF_TORCH = "a view of a leaf Variable that requires grad is being used in an in-place operation"

page = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)


def blocks(page: Path, kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


@page
def test_links_lead_to_what_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"\w+:|#", target):
            assert (page.parent / target.partition("#")[0]).exists(), target
    for named in re.findall(r"`((?:examples|tests|docs|adapters|recipes|evaluation|benchmarks)/[\w./]+\.\w+)`", text):
        assert (ROOT / named).exists(), named


@page
def test_python_is_python(page: Path) -> None:
    for block in blocks(page, "python"):
        ast.parse(block.replace("...,", "None,").replace(", ...", ""))


@page
def test_commands_and_options_are_those_there_are(page: Path) -> None:
    command: Any = typer.main.get_command(app)
    text = page.read_text(encoding="utf-8")
    lines = [line for block in blocks(page, "console") for line in block.splitlines() if line.startswith("$ newtongue")]
    lines += re.findall(r"`(newtongue [a-z][^`]*)`", text)
    for line in lines:
        words = line.removeprefix("$ ").partition("#")[0].split()[1:]
        found = command
        while words and words[0] in getattr(found, "commands", {}):
            found = found.commands[words.pop(0)]
        assert found is not command, line
        options = {option for one in found.params for option in (*one.opts, *one.secondary_opts)}
        hands_on = found.context_settings.get("ignore_unknown_options")  # To another program.
        for word in words:
            if word.startswith("--") and not hands_on:
                assert word.partition("=")[0] in options | {"--help"}, line


def commands(page: Path) -> list[list[str]]:
    """Words of each command shown, over several lines too; not of those whose errors are shown with them."""
    shown = [block.replace("\\\n", " ") for block in blocks(page, "console") if "Error:" not in block]
    lines = [line.partition(" #")[0] for block in shown for line in block.splitlines() if line.startswith("$ ")]
    return [shlex.split(line[2:]) for line in lines]


@page
def test_overrides_of_shipped_recipes_are_taken(page: Path) -> None:
    for words in commands(page):
        name = next((word for word in words[2:] if word in shipped()), None)
        overrides = [word for word in words if re.match(r"[a-z][\w.]*=", word)]
        if words[0] == "newtongue" and name and overrides:
            load_recipe(name, overrides)


@pytest.mark.parametrize(
    "where", [*PAGES, *sorted((ROOT / "evaluation" / "results").rglob("*.json"))], ids=lambda path: path.name
)
def test_experiments_shown_and_recorded_can_be_planned(where: Path) -> None:
    if where.suffix == ".json":
        told = [shlex.split(line) for line in json.loads(where.read_text(encoding="utf-8"))["commands"]]
    else:
        told = commands(where)
    for words in told:
        if words[:2] == ["newtongue", "experiment"] and len(words) > 3:
            named = dict(pairwise(words))
            overrides = [word for word in words if re.match(r"[a-z][\w.]*=", word)]
            overrides += [f"{one}=[{named[f'--{one}']}]" for one in ("languages", "seeds") if f"--{one}" in named]
            methods = named["--methods"].split(",") if "--methods" in named else ()
            assert plan(load_experiment(words[2], overrides), methods)


def test_errors_explained_are_errors_there_are() -> None:
    joined = re.sub(r'"\s*\n\s*f?"', "", SOURCE)
    headings = re.findall(
        r"^## (.*»)$", (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(headings) >= 10
    for quoted in (quote for heading in headings for quote in re.findall(r"«(.*?)»", heading)):
        for part in (part.strip() for part in quoted.split("…") if part.strip()):
            assert part in joined or part == OF_TORCH or _with_values(part, joined), quoted


def _with_values(part: str, source: str) -> bool:
    """Whether a message of the source gives these words when its values are filled in."""
    pattern = r"[^\"]*?".join(re.escape(word) for word in part.split())
    return re.search(pattern, source) is not None


@pytest.mark.slow
@pytest.mark.skipif(not find_spec("sphinx"), reason="sphinx is not installed: pip install 'newtongue[docs]'")
def test_the_documentation_builds_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sphinx", "-q", "-W", str(ROOT / "docs"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "name_base" in (tmp_path / "reference.html").read_text(encoding="utf-8")

"""The recipes that come with newtongue: each is read, commented truly, and says how it is run."""

import re
from pathlib import Path

import pytest
import yaml

from newtongue_recipes.recipe import Recipe, load_recipe, shipped
from newtongue_recipes.recipe.comments import commented, in_full
from newtongue_recipes.recipe.keys import RECIPE
from newtongue_recipes.recipe.shipped import CONFIGS

BASES = ("phi-2", "phi-3.5-mini", "phi-4-mini")


def text_of(name: str) -> str:
    return (CONFIGS / f"{name}.yaml").read_text(encoding="utf-8")


def test_each_phi_has_a_recipe_for_turkish_and_japanese() -> None:
    wanted = {f"{base}-{language}" for base in BASES for language in ("turkish", "japanese")}
    others = {"phi-2-turkish-bert", "phi-2-japanese-bert", "low-resource", "demo-turkish", "demo-japanese"}
    assert set(shipped()) == wanted | others


@pytest.mark.parametrize("name", shipped())
def test_a_recipe_is_read(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.map is not None
    assert recipe.tune is not None
    assert recipe.represent or recipe.encoder


@pytest.mark.parametrize("name", shipped())
def test_a_recipe_opens_with_the_command_that_runs_it(name: str) -> None:
    head = text_of(name).partition("\nlanguage:")[0]
    command = re.search(r"^#   newtongue train (\S+) --output (\S+)(?: \S+=\S+)*$", head, re.MULTILINE)
    assert command is not None
    assert command.groups() == (name, f"runs/{name}")


@pytest.mark.parametrize("name", shipped())
def test_every_key_has_its_type_and_default_beside_it(name: str) -> None:
    assert text_of(name) == commented(text_of(name)), "run python -m newtongue_recipes.recipe.comments"


@pytest.mark.parametrize("name", shipped())
def test_comments_tell_the_schemas_default(name: str) -> None:
    """Without the code that writes them: the last key of each line against the field it is checked by."""
    beside = re.findall(
        r"^ *-? *(\w+):.*  # ([^,]+), (required|default (\S+?))(?::? .*)?$", text_of(name), re.MULTILINE
    )
    assert len(beside) == sum(1 for line in text_of(name).splitlines() if re.match(r" *-? *\w+:", line))
    fields = {**Recipe.model_fields, **Recipe.model_fields["base"].annotation.model_fields}
    for key, _, said, default in beside:
        if key in fields and key not in ("watch", "language", "encoder", "revision"):
            field = fields[key]
            assert (said == "required") == field.is_required()
            assert field.is_required() or yaml.safe_load(default) == field.default


@pytest.mark.parametrize("name", shipped())
def test_a_source_on_the_hub_tells_its_licence(name: str) -> None:
    data = load_recipe(name).data
    assert all(source.licence for source in (*data.text, *data.pairs, *data.questions) if source.hub)


@pytest.mark.parametrize("name", shipped())
def test_a_recipe_in_full_is_the_same_recipe_with_every_key(name: str, tmp_path: Path) -> None:
    text = in_full(load_recipe(name))
    (tmp_path / "full.yaml").write_text(text, encoding="utf-8")
    assert load_recipe(tmp_path / "full.yaml") == load_recipe(name)


def test_every_key_says_what_it_is() -> None:
    nameless = [place for place in RECIPE.every_place() if not RECIPE.at(place).description]
    assert not nameless


def test_what_a_key_is_fits_the_line_it_stands_on() -> None:
    assert not [place for place in RECIPE.every_place() if "\n" in RECIPE.at(place).description]


@pytest.mark.parametrize("language,tag", [("turkish", "tr"), ("japanese", "ja")])
def test_the_demos_recipes_are_the_demos_settings(language: str, tag: str) -> None:
    from newtongue_recipes.demo.teach import demo_curriculum

    recipe, curriculum = load_recipe(f"demo-{language}"), demo_curriculum()
    assert recipe.language == tag
    assert (recipe.represent, recipe.map, recipe.tune) == (curriculum.represent, curriculum.map, curriculum.tune)


def test_the_demos_recipes_find_the_lessons_that_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from newtongue_recipes.demo import lessons

    short = lessons.lessons
    monkeypatch.setattr(lessons, "lessons", lambda language, seed: short(language, seed, raw=20, translations=20))
    lessons.write_lessons(tmp_path / "lessons")
    for name in ("demo-turkish", "demo-japanese"):
        recipe = load_recipe(name)
        data = recipe.data
        assert (tmp_path / recipe.base.name / "config.json").is_file()
        assert all((tmp_path / str(one.path)).stat().st_size for one in (*data.text, *data.pairs, *data.questions))

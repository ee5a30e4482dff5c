"""`newtongue recipes`: list, show, copy and check recipe files."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from newtongue_recipes.commands import console
from newtongue_recipes.commands.options import Overrides

if TYPE_CHECKING:
    from rich.table import Table

    from newtongue_recipes.recipe import Recipe

recipes = typer.Typer(help="List, show, copy and check recipes.", no_args_is_help=True)

Named = Annotated[str, typer.Argument(metavar="RECIPE", help="Name of a shipped recipe, or a file.")]


@recipes.command("list")
def list_recipes() -> None:
    """List the recipes that come with newtongue.

    Example: `newtongue recipes list`
    """
    from rich.table import Column, Table

    from newtongue.languages import language_name
    from newtongue_recipes.recipe import load_recipe, shipped
    from newtongue_recipes.recipe.shipped import launches

    table = Table(
        Column("name", no_wrap=True), "language", Column("base", overflow="fold"), "tokens", "needs", box=None
    )
    for name in shipped():
        recipe = load_recipe(name)
        tokens = f"{recipe.data.tokens / 1e6:g} M" if recipe.data.tokens else "all"
        table.add_row(name, language_name(recipe.language), recipe.base.name, tokens, _needs(recipe))
    console.print(table)
    console.print(f"\nFor several GPUs, accelerate's settings: {', '.join(launches())}. Copy one.", highlight=False)


@recipes.command()
def show(
    recipe: Named,
    full: Annotated[bool, typer.Option("--full", help="With every key there is, at its value.")] = False,
) -> None:
    """Print a recipe.

    Example: `newtongue recipes show phi-2-turkish`
    """
    from rich.syntax import Syntax

    from newtongue_recipes.recipe import load_recipe
    from newtongue_recipes.recipe.comments import in_full
    from newtongue_recipes.recipe.reading import read_text

    text = in_full(load_recipe(recipe)) if full else read_text(_file(recipe))
    if console.is_terminal:
        console.print(Syntax(text, "yaml", background_color="default"))
    else:
        typer.echo(text, nl=False)


@recipes.command()
def copy(
    recipe: Named,
    file: Annotated[Path, typer.Argument(help="File to write.")],
    force: Annotated[bool, typer.Option("--force", help="Replace the file if there is one.")] = False,
) -> None:
    """Copy a recipe, to make one of your own, or accelerate's settings for several GPUs.

    Example: `newtongue recipes copy phi-2-turkish my-recipe.yaml`
    """
    from newtongue import NewtongueError
    from newtongue.saving.whole import write_whole
    from newtongue_recipes.recipe.reading import read_text
    from newtongue_recipes.recipe.shipped import launches

    text = read_text(_file(recipe))
    if file.is_dir():
        raise NewtongueError(f"{file} is a folder. Give the name of a file.")
    if file.exists() and not force:
        raise NewtongueError(f"{file} is there already. Choose another name, or pass --force to replace it.")
    named = shlex.quote(str(file))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, text.replace(f"newtongue train {recipe} ", f"newtongue train {named} "))
    except OSError as error:
        raise NewtongueError(f"{file} could not be written ({error}). Name a file in a folder of your own.") from error
    then = f"Check it with: newtongue recipes check {named}"
    if recipe in launches():
        then = f"Use it with: accelerate launch --config_file {named} -m newtongue_recipes.cli train RECIPE"
    console.print(f"{file} is yours. {then}", markup=False, highlight=False, soft_wrap=True)


@recipes.command()
def check(recipe: Named, overrides: Overrides = None) -> None:
    """Check a recipe and say what it comes to, or all that is wrong with it.

    Example: `newtongue recipes check my-recipe.yaml tune.rank=64 data.tokens=1_000_000`
    """
    from newtongue_recipes.recipe import load_recipe
    from newtongue_recipes.recipe.doubts import doubts

    checked = load_recipe(recipe, overrides or ())
    console.print(f"[green]OK[/] {recipe}", highlight=False)
    console.print(_summary(checked))
    for doubt in doubts(checked):
        console.print(doubt, markup=False, highlight=False)


@recipes.command()
def schema() -> None:
    """Print the JSON schema of recipes, for editors that complete and check YAML.

    Example: `newtongue recipes schema > recipe.schema.json`
    """
    import json

    from newtongue_recipes.recipe import Recipe

    typer.echo(json.dumps(Recipe.model_json_schema(), ensure_ascii=False, indent=2))


def _file(name: str) -> Path:
    from newtongue_recipes.recipe.shipped import find_recipe, launches

    return launches().get(name) or find_recipe(name)


def _needs(recipe: "Recipe") -> str:
    from newtongue_recipes.estimates import GIB, expect_memory, suits_cpu

    expected = expect_memory(recipe)
    if suits_cpu(recipe):
        return "CPU"
    return f"GPU, {expected.total / GIB:.0f} GiB" if expected else "unknown"


def _summary(recipe: "Recipe") -> "Table":
    from rich.markup import escape
    from rich.table import Table

    from newtongue.languages import language_name
    from newtongue_recipes.estimates import GIB, expect_memory
    from newtongue_recipes.recipe.conflicts import trainings

    table = Table(box=None, show_header=False)
    table.add_row("language", f"{language_name(recipe.language)} ({recipe.language})")
    table.add_row("base", escape(recipe.base.name) + (", NF4" if recipe.base.four_bit else ""))
    for kind in ("text", "pairs", "questions"):
        sources = [source.name for source in getattr(recipe.data, kind)]
        table.add_row(kind, escape(", ".join(sources)) or "–")
    table.add_row("tokens", f"{recipe.data.tokens:,} a stage at most" if recipe.data.tokens else "all there are")
    continued = recipe.represent and recipe.represent.start_from
    table.add_row("starts from", escape(recipe.encoder or recipe.adapter or continued or "nothing"))
    for (stage, part), training in trainings(dict(recipe)):
        name = stage if part == "training" else f"{stage}, {part}"
        table.add_row(name, f"{training.steps:,} steps of {training.rows} rows, rate {training.rate:g}")
    expected = expect_memory(recipe)
    if expected:
        parts = ", ".join(f"{name} {size / GIB:.1f}" for name, size in expected.parts.items())
        table.add_row("memory", f"about {expected.total / GIB:.1f} GiB, in {expected.stage}: {parts}")
    return table

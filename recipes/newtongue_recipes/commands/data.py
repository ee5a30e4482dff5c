"""`newtongue data`: what a recipe would train on."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from newtongue_recipes.commands import console
from newtongue_recipes.commands.options import Overrides, Recipe


def data(
    recipe: Recipe,
    overrides: Overrides = None,
    output: Annotated[Path | None, typer.Option(help="Folder for data.json and data.md.")] = None,
) -> None:
    """Read a recipe's data, without training, and report on it: rows, reasons, tokens, samples, languages.

    Example: `newtongue data recipe.yaml data.tokens=1000000 --output runs/data`
    """
    from rich.markdown import Markdown
    from rich.panel import Panel
    from rich.text import Text

    from newtongue_recipes.data.files import check_apart
    from newtongue_recipes.data.markdown import as_markdown
    from newtongue_recipes.data.preview import preview
    from newtongue_recipes.data.reporting import check_free, write_report
    from newtongue_recipes.folders import make_folder
    from newtongue_recipes.recipe import load_recipe

    chosen = load_recipe(recipe, overrides or [])
    if output is not None:
        check_apart(chosen.data.sources, output)
        check_free(output)
        make_folder(output)
    made = preview(chosen, bars=console.is_terminal)
    console.print(Markdown(as_markdown(replace(made, warnings=[]))))
    for warning in made.warnings:
        console.print(Panel(Text(warning), title="Warning", border_style="bold red"))
    if output is not None:
        plain, readable = write_report(made, output)
        console.print(f"Report: {readable}, {plain}", markup=False, highlight=False)

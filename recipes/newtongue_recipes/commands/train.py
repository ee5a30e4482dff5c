"""`newtongue train`: from a recipe to an adapter."""

from pathlib import Path
from typing import Annotated

import typer

from newtongue_recipes.commands.options import Overrides, Recipe


def train(
    recipe: Recipe,
    overrides: Overrides = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder of the run; runs/NAME if not given.", show_default=False)
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was stopped.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be done, and stop.")] = False,
) -> None:
    """Make an adapter: read the language, map it into the base, tune the answers.

    Example: `newtongue train phi-2-turkish tune.rank=64 --output runs/phi-2-turkish`

    Stopped at any moment, the same command with `--resume` goes on from the last checkpoint. Several GPUs:
    `newtongue recipes copy multi_gpu gpus.yaml`, then put
    `accelerate launch --config_file gpus.yaml -m newtongue_recipes.cli` in the place of `newtongue`.
    """
    from newtongue_recipes.recipe import load_recipe
    from newtongue_recipes.recipe.shipped import stem_of
    from newtongue_recipes.train import train as run

    checked = load_recipe(recipe, overrides or [])
    run(checked, output or Path("runs") / stem_of(recipe), resume=resume, dry_run=dry_run)

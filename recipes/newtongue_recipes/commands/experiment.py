"""`newtongue experiment`: adapters beside their alternatives, on the same data at the same cost."""

from pathlib import Path
from typing import Annotated

import typer

from newtongue_recipes.commands import console
from newtongue_recipes.commands.options import Overrides


def experiment(
    name: Annotated[
        str, typer.Argument(help="atlas, transfer, voice, data, low-resource, or the path of a YAML file of settings.")
    ],
    overrides: Overrides = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder of the results; runs/NAME if not given.", show_default=False)
    ] = None,
    data: Annotated[
        Path | None, typer.Option(envvar="NEWTONGUE_DATA", help="Folder of real text, of all but atlas.")
    ] = None,
    base: Annotated[
        Path | None, typer.Option(help="Folder of the base, of all but atlas; made if it is not there.")
    ] = None,
    methods: Annotated[str, typer.Option(help="Only these, by comma; --list names them.")] = "",
    languages: Annotated[str, typer.Option(help="Only these, by comma.")] = "",
    seeds: Annotated[str, typer.Option(help="Only these, by comma.")] = "",
    scale: Annotated[float, typer.Option(min=0, max=1e6, help="All steps of all stages times this.")] = 1.0,
    list_: Annotated[bool, typer.Option("--list", help="List methods and runs, and stop.")] = False,
) -> None:
    """Run an experiment: every method on the same rows and base, with the same steps or the same seconds.

    Example: `newtongue experiment atlas --methods ours,raw-lora --seeds 0 --languages tr --output runs/atlas`

    Each run is written when it is known. Stopped at any moment, the same command goes on with those that are missing.
    """
    from newtongue import NewtongueError
    from newtongue_recipes.experiments.load import load_experiment

    changes = [f"languages=[{languages}]"] * bool(languages) + [f"seeds=[{seeds}]"] * bool(seeds)
    settings = load_experiment(name, [*changes, *(overrides or [])], scale)
    wanted = [one.strip() for one in methods.split(",") if one.strip()]
    if base is not None and settings.experiment == "atlas":
        raise NewtongueError("The base of atlas is the demo's phi-nano. Leave --base out: it is for real text.")
    if list_:
        from newtongue_recipes.experiments.listing import listing

        console.print(listing(settings, wanted))
        return
    from rich.markdown import Markdown

    from newtongue_evaluation.report import write_report
    from newtongue_recipes.experiments.run import run_experiment
    from newtongue_recipes.experiments.summary import summary
    from newtongue_recipes.recipe.shipped import stem_of

    into = output or Path("runs") / stem_of(name)
    results = run_experiment(settings, into, data=data, base=base, methods=wanted, console=console)
    console.print(Markdown(summary(results)))
    write_report(into, f"Experiment: {stem_of(name)}")
    console.print(f"Report: {into / 'report.html'}", highlight=False)

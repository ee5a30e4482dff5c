"""The command line, `newtongue`: what there is; each command is a file of `commands/`."""

import sys
from errno import EDQUOT, ENOSPC
from io import TextIOWrapper
from shutil import Error as CopyError
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from newtongue_recipes.commands.ask import ask
from newtongue_recipes.commands.chat import chat
from newtongue_recipes.commands.data import data
from newtongue_recipes.commands.demo import demo
from newtongue_recipes.commands.doctor import doctor
from newtongue_recipes.commands.evaluate import evaluate
from newtongue_recipes.commands.experiment import experiment
from newtongue_recipes.commands.harness import harness
from newtongue_recipes.commands.inspect import inspect
from newtongue_recipes.commands.pull import pull
from newtongue_recipes.commands.push import push
from newtongue_recipes.commands.recipes import recipes
from newtongue_recipes.commands.space import space
from newtongue_recipes.commands.train import train

app = typer.Typer(
    help="Teach a language model a new language as a modality.",
    epilog="Start with: newtongue demo --output demo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


@app.callback()
def options(
    context: typer.Context,
    debug: Annotated[bool, typer.Option(help="Show the traceback of an error.")] = False,
) -> None:
    """Options before the command."""
    context.obj = debug


for command in (demo, train, data, experiment, ask, chat, evaluate, inspect, push, pull, space, doctor):
    app.command()(command)
app.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})(harness)
app.add_typer(recipes, name="recipes")


def main() -> None:
    """Run the command line; errors of ours, and of the machine's files, are one readable message and exit code 2."""
    from newtongue.errors import NewtongueError

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # Where a terminal has no sign for a letter.
    try:
        app(standalone_mode=True)
    except (NewtongueError, OSError) as error:
        said = _of_files(error) if isinstance(error, OSError) else str(error)
        if "--debug" in sys.argv or not said:
            raise
        Console(stderr=True).print(f"[bold red]Error:[/] {escape(said)}", highlight=False, soft_wrap=True)
        raise SystemExit(2) from None


def _of_files(error: OSError) -> str:
    """What the machine says of a file or a disk; nothing where it says so little that a traceback tells more."""
    if isinstance(error, CopyError):  # Of a whole folder: where from, where to and why, of each file.
        return "; ".join(f"{why}" for *_, why in error.args[0][:3])
    if error.errno in (ENOSPC, EDQUOT):
        return (
            f"The disk is full{f', at {error.filename}' if error.filename else ''}. Make room, and run the same again."
        )
    if error.filename is None or not error.strerror:
        return ""
    return f"{error.filename}: {error.strerror}. See that it is there, and yours to read and write."


if __name__ == "__main__":
    main()

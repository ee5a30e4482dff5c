"""The command line, `newtongue`: what there is; each command is a file of `commands/`."""

import sys
from io import TextIOWrapper
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
    """Run the command line; errors of ours are one readable message and exit code 2."""
    from newtongue.errors import NewtongueError

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # Where a terminal has no sign for a letter.
    try:
        app(standalone_mode=True)
    except NewtongueError as error:
        if "--debug" in sys.argv:
            raise
        Console(stderr=True).print(f"[bold red]Error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()

"""The command line, `newtongue`: what there is; each command is a file of `commands/`."""

import sys
from typing import Annotated

import typer
from rich.console import Console

from newtongue_recipes.commands.ask import ask
from newtongue_recipes.commands.demo import demo

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


for command in (demo, ask):
    app.command()(command)


def main() -> None:
    """Run the command line; errors of ours are one readable message and exit code 2."""
    from newtongue.errors import NewtongueError

    try:
        app(standalone_mode=True)
    except NewtongueError as error:
        if "--debug" in sys.argv:
            raise
        Console(stderr=True).print(f"[bold red]Error:[/] {error}", highlight=False)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()

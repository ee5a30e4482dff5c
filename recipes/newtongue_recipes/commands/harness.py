"""`newtongue harness`: the tasks of lm-evaluation-harness."""

from typing import Annotated

import typer


def harness(
    arguments: Annotated[list[str] | None, typer.Argument(help="As for `lm-eval`.", show_default=False)] = None,
) -> None:
    """Run lm-evaluation-harness, which then knows `--model newtongue` and tasks over files of this machine.

    Example: `newtongue harness run --model newtongue --model_args adapter=runs/tr/adapter --tasks xcopa_tr`

    Its own tasks fetch their data from the Hub. Those named `newtongue_…` read `DIR/eval` of
    `--metadata '{"data": "DIR"}'`, or of NEWTONGUE_DATA: `newtongue harness ls tasks`. Needs the extra `harness`.
    """
    from importlib.util import find_spec

    from newtongue import NewtongueError

    if find_spec("lm_eval") is None:
        raise NewtongueError("lm-evaluation-harness is not installed. Get it with: pip install 'newtongue[harness]'.")
    from newtongue_recipes.harness import run_harness

    arguments = arguments or ["--help"]
    if arguments[0] in ("-h", "--help"):
        from inspect import getdoc

        from rich.markdown import Markdown

        from newtongue_recipes.commands import console

        console.print(Markdown(getdoc(harness) or ""))
    run_harness(arguments)

"""`newtongue space`: a folder that is a ready Hugging Face Space."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from newtongue_recipes.commands import console
from newtongue_recipes.commands.options import Base


def space(
    adapters: Annotated[list[str], typer.Argument(help="Adapters of one base: folders or Hub ids.")],
    output: Annotated[Path, typer.Option(help="Folder to write.")] = Path("space"),
    base: Base = None,
) -> None:
    """Write the chat page of some adapters as a Hugging Face Space.

    What is on the Hub is named in it, folders of this machine are copied into it.

    Example: `newtongue space you/phi-2-turkish you/phi-2-japanese --output space`
    """
    from newtongue_recipes.space import write_space

    write_space(adapters, output, base=base)
    here, page = (shlex.quote(str(path)) for path in (output, output / "app.py"))
    console.out(
        f"{output}: try it with `python {page}`; put it on the Hub with\n"
        f"hf repos create you/chat --type space --space-sdk gradio && hf upload you/chat {here} . --type space",
        highlight=False,
    )

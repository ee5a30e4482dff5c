"""`newtongue push`: an adapter to the Hub."""

from pathlib import Path
from typing import Annotated

import typer

from newtongue_recipes.commands import console
from newtongue_recipes.commands.options import Token


def push(
    adapter: Annotated[Path, typer.Argument(help="Folder of the adapter.")],
    name: Annotated[str, typer.Argument(help="Hub id, you/name; made if there is none.")],
    base: Annotated[str | None, typer.Option(help="Hub id of its base, if it was made with a folder here.")] = None,
    private: Annotated[bool, typer.Option(help="Make a new repository private.")] = False,
    revision: Annotated[str | None, typer.Option(help="Branch to push to; made if there is none.")] = None,
    message: Annotated[str | None, typer.Option(help="Message of the commit.")] = None,
    token: Token = None,
) -> None:
    """Share an adapter on the Hugging Face Hub.

    Where its base was a folder here, the adapter knows that folder's name and no more; --base says what others load.

    Example: `newtongue push runs/tr/adapter you/phi-2-turkish --base microsoft/phi-2 --private`
    """
    from newtongue_recipes.sharing import loading_lines, push_adapter

    address, config = push_adapter(
        adapter, name, base=base, private=private, revision=revision, message=message, token=token
    )
    console.out(address, highlight=False)
    console.out(f"\n{loading_lines(name, config, revision=revision)}", highlight=False)
    if not config.base.on_hub:
        known = f"the folder name {config.base.id!r}" if config.base.id else "a model built in memory"
        console.out(
            f"\nThe adapter knows its base as {known}, which others cannot load. Push it again with --base and the "
            "base's Hub id.",
            highlight=False,
        )

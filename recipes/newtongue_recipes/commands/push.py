"""`newtongue push`: an adapter to the Hub."""

from pathlib import Path
from typing import Annotated

import typer

from newtongue_recipes.commands import console


def push(
    adapter: Annotated[Path, typer.Argument(help="Folder of the adapter.")],
    name: Annotated[str, typer.Argument(help="Hub id, you/name; made if there is none.")],
    private: Annotated[bool, typer.Option(help="Make a new repository private.")] = False,
    revision: Annotated[str | None, typer.Option(help="Branch to push to; made if there is none.")] = None,
    message: Annotated[str | None, typer.Option(help="Message of the commit.")] = None,
    token: Annotated[str | None, typer.Option(help="Token; else HF_TOKEN, else what `hf auth login` kept.")] = None,
) -> None:
    """Share an adapter on the Hugging Face Hub.

    Example: `newtongue push demo/tr you/phi-nano-turkish --private`
    """
    from newtongue_recipes.sharing import base_is_here_only, loading_lines, push_adapter

    address, config = push_adapter(adapter, name, private=private, revision=revision, message=message, token=token)
    console.out(address, highlight=False)
    console.out(f"\n{loading_lines(name, config, revision=revision)}", highlight=False)
    if base_is_here_only(config):
        console.out(
            f"\nThe adapter knows its base as {config.base.id or 'a model built in memory'}, which others do not have. "
            "Say in the card which base it needs.",
            highlight=False,
        )

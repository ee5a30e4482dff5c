"""`newtongue pull`: an adapter from the Hub."""

from pathlib import Path
from typing import Annotated

import typer

from newtongue_recipes.commands import console
from newtongue_recipes.commands.options import Token


def pull(
    name: Annotated[str, typer.Argument(help="Hub id, you/name.")],
    output: Annotated[Path | None, typer.Option(help="Folder to write; ./name by default.")] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit.")] = None,
    token: Token = None,
    overwrite: Annotated[bool, typer.Option(help="Replace an adapter in the folder.")] = False,
) -> None:
    """Get an adapter from the Hugging Face Hub into a folder, each part checked.

    After a broken download run the same command again: parts that came whole do not come twice.

    Example: `newtongue pull you/phi-nano-turkish --output adapters/tr`
    """
    from newtongue.languages import language_name
    from newtongue_recipes.sharing import loading_lines, pull_adapter

    folder, config = pull_adapter(name, output, revision=revision, token=token, overwrite=overwrite)
    console.out(
        f"{folder}: {language_name(config.language)} ({config.language}) for {config.base.id or 'an unnamed base'}; "
        f"sha256 of all {len(config.files)} parts verified.\n",
        highlight=False,
    )
    console.out(loading_lines(str(folder), config), highlight=False)

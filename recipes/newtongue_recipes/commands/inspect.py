"""`newtongue inspect`: what an adapter is."""

from typing import Annotated

import typer

from newtongue_recipes.commands import console
from newtongue_recipes.commands.options import Adapter, AsJson, Token


def inspect(
    adapter: Adapter,
    as_json: AsJson = False,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit, on the Hub.")] = None,
    token: Token = None,
) -> None:
    """Say what an adapter is, without its base: language, shapes, sizes, health, checksums, data and licence.

    Of an adapter on the Hub only the small files and the mapper are downloaded. A damaged adapter is shown as far as
    it can be read, and is an error.

    Example: `newtongue inspect demo/tr`
    """
    import json

    from newtongue import AdapterFormatError
    from newtongue_recipes.inspecting.facts import facts_of
    from newtongue_recipes.inspecting.parts import find_parts
    from newtongue_recipes.inspecting.table import render

    facts = facts_of(find_parts(adapter, revision=revision, token=token))
    if as_json:
        typer.echo(json.dumps(facts, ensure_ascii=False, indent=2))
    else:
        console.print(render(facts))
    if facts["problem"]:
        raise AdapterFormatError(facts["problem"])

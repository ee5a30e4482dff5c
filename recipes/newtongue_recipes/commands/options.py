"""Arguments and options that several commands take."""

from typing import Annotated

import typer

Adapter = Annotated[str, typer.Argument(help="Adapter: a folder or a Hub id.")]
Recipe = Annotated[str, typer.Argument(help="Recipe: a name of one that comes with newtongue, or a file.")]
Overrides = Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Changes to it.")]
Base = Annotated[str | None, typer.Option(help="Base model, where it is not the one the adapter names.")]
FourBit = Annotated[
    bool | None, typer.Option("--four-bit/--no-four-bit", help="Load the base in NF4, or not; else as it was trained.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Token = Annotated[str | None, typer.Option(help="Token; else HF_TOKEN, else what `hf auth login` kept.")]

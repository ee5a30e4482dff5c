"""`newtongue doctor`: what this machine can run."""

from typing import Annotated

import typer

from newtongue_recipes.commands import console
from newtongue_recipes.commands.options import AsJson


def doctor(
    as_json: AsJson = False,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for the Hub.")] = 3.0,
) -> None:
    """Look at versions, GPU, memory, 4-bit weights and the Hub, and say which recipes fit.

    The exit code is 1 where something is broken without which nothing can be trained.

    Example: `newtongue doctor`
    """
    import json
    from dataclasses import asdict

    from rich.text import Text

    from newtongue_recipes.doctor import examine

    signs = {"ok": ("✓", "green"), "bad": ("✗", "red"), "none": ("–", "dim")}
    checks = []
    for check in examine(timeout=timeout):
        checks.append(check)
        if not as_json:
            sign, style = signs[check.state]
            console.print(Text.assemble((sign, style), f" {check.name:<22}{check.found}"), soft_wrap=True)
            if check.state == "bad" and check.fix:
                console.print(Text(f"  {'':<22}{check.fix}", style="yellow"), soft_wrap=True)
    if as_json:
        typer.echo(json.dumps([asdict(check) for check in checks], ensure_ascii=False, indent=2))
    if any(check.state == "bad" and check.essential for check in checks):
        raise typer.Exit(1)

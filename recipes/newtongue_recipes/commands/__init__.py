"""The commands of `newtongue`, a file each. Heavy imports wait inside a command until it runs."""

from rich.console import Console

console = Console()

"""The chat page of a Space; `newtongue space` writes it."""

import json
from pathlib import Path

import torch
from rich.console import Console

from newtongue_recipes.attaching import attach_all, load_adapters
from newtongue_recipes.chat.web.page import build, launch

HERE = Path(__file__).parent
console = Console()


def place(name: str) -> str:
    """A folder beside this file, or a Hub id."""
    return str(HERE / name) if (HERE / name).is_dir() else name


about = json.loads((HERE / "space.json").read_text(encoding="utf-8"))
adapters = [place(name) for name in about["adapters"]]
model = attach_all(
    adapters,
    load_adapters(adapters, console),
    base=about["base"] and place(about["base"]),
    four_bit=torch.cuda.is_available(),
    console=console,
)
page = build(model)

if __name__ == "__main__":
    launch(page)

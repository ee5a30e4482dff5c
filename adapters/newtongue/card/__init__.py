"""The model card of an adapter, written from what the adapter knows about itself.

`config.notes` is where what it cannot know by itself is said (`adapter.describe(...)`):

- `licence`, an identifier of the Hub's list; `datasets`, Hub ids;
- `data`, `positions`, `training`, `cost`, `limits`, `misuse`, `citation`, each a section, and sections of your own:
  text, a list, or a table (a list of dictionaries with the same keys);
- `example`, a sentence in the language for the code in the card;
- `results`, as `newtongue.card.results` has it.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from huggingface_hub import ModelCard

from newtongue.saving.config import ModalityConfig

from .metadata import metadata
from .text import body

if TYPE_CHECKING:
    from peft import LoraConfig  # Slow to import, and nothing here needs more than its fields.

CARD = "README.md"
HERE = "you/this-adapter"  # Stands for the adapter's own Hub id until it is pushed and has one.


def write_card(folder: Path, config: ModalityConfig, lora: "LoraConfig | None") -> None:
    """Write the card into an adapter's folder."""
    (folder / CARD).write_text(render_card(config, lora), encoding="utf-8")


def render_card(config: ModalityConfig, lora: "LoraConfig | None", name: str = HERE) -> str:
    """The card: the Hub's metadata, then the text, in which the adapter goes by `name`.

    Raises:
        ValueError: the metadata are not what the Hub's card takes.
    """
    text = f"---\n{metadata(config, lora).to_yaml()}\n---\n\n{body(config, lora, name)}"
    return str(ModelCard(text))


def read_card(folder: Path) -> str:
    """The card in an adapter's folder; empty where there is none."""
    path = folder / CARD
    return path.read_bytes().decode(errors="replace") if path.is_file() else ""


def name_in(card: str) -> str:
    """The Hub id by which a card loads its adapter: that of its page, once it was pushed."""
    found = re.search(r'ModalityAdapter\.from_pretrained\("([^"]+)"\)', card)
    return found[1] if found else HERE

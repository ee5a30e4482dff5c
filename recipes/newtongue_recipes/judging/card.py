"""Scores in an adapter's folder, in which nothing else is touched."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from newtongue import ModalityAdapter, NewtongueError
from newtongue.card import CARD, name_in, read_card, render_card
from newtongue.saving.config import CONFIG_NAME
from newtongue.saving.whole import write_whole
from newtongue_recipes.sharing import written_by_hand


def write_scores(folder: Path, rows: list[dict[str, Any]]) -> bool:
    """Note results in an adapter's config and write its card anew, unless it was written by hand.

    Args:
        folder: the adapter's.
        rows: as `newtongue.card.results` has them.

    Returns:
        Whether they are in the card.

    Raises:
        NewtongueError: the adapter is damaged, or the disk refused.
    """
    adapter = ModalityAdapter.from_pretrained(folder)
    by_hand = written_by_hand(folder, adapter)
    config = adapter.describe(results=rows).config
    card = render_card(config, adapter.lora, name_in(read_card(folder)))
    try:
        write_whole(folder / CONFIG_NAME, json.dumps(asdict(config), ensure_ascii=False, indent=2) + "\n")
        if not by_hand:
            write_whole(folder / CARD, card)
    except OSError as error:
        raise NewtongueError(
            f"The scores could not be written into {folder} ({error}). Free some space, or make it writable."
        ) from error
    return not by_hand

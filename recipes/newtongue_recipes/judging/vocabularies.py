"""Vocabularies to count positions in beside the base's own, each under a name of its own."""

from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from newtongue import NewtongueError
from newtongue.tokenizer.loading import load_tokenizer


def read_vocabularies(given: Sequence[str]) -> dict[str, Any]:
    """Tokenizers by where they are, as `place_of` says it.

    Raises:
        NewtongueError: one cannot be read.
    """
    return {place_of(one): _read(one) for one in given}


def place_of(name: str) -> str:
    """Where a folder is, however it is written; a Hub id as it is."""
    return str(Path(name).resolve()) if Path(name).is_dir() else name


def named(read: Mapping[str, Any], base: str, place: str) -> dict[str, Any]:
    """The same by name: the last part of where they are; of doubles a Hub id in full, a folder with its number.

    Folders are not spelled out: the report may be shared, and where they lie is of no use to others.

    Args:
        base, place: what the base is called and where it is; its own vocabulary is counted anyway.
    """
    found: dict[str, Any] = {}
    for where, one in read.items():
        if where == place:
            continue
        short = Path(where).name
        names = [short] if Path(where).is_dir() else [short, where]
        name = next((free for free in names if free not in (base, *found)), None)
        found[name or next(free for at in count(2) if (free := f"{short} ({at})") not in found)] = one
    return found


def _read(name: str) -> Any:
    try:
        return load_tokenizer(name)
    except (OSError, ValueError) as error:
        raise NewtongueError(
            f"--tokenizer {name} cannot be read as a tokenizer: {error} Name a folder or a Hub id that holds one."
        ) from error

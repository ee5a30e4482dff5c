"""Writing a Space: its card, its requirements, its page, and what of it is not on the Hub."""

import json
import shutil
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from itertools import count
from pathlib import Path

from huggingface_hub import SpaceCard, SpaceCardData

from newtongue import ModalityAdapter, NewtongueError, __version__
from newtongue.base import is_hub_id
from newtongue.languages import language_name
from newtongue.saving.folder import write_folder
from newtongue.sharing.hub import check_shareable
from newtongue_recipes.loading import base_of

from .fit import check_fit

APP = Path(__file__).with_name("app.py")
_COPIES = "adapters"
_TEXT = """---
{metadata}
---

# {title}

A chat with {base} in {spoken}, by way of modality adapters of newtongue: an encoder
reads the language, a mapper carries what it read into the base's embedding space. Each message says in which
language it was read, how many positions it took against raw text, and how long the answer took.

{adapters}

Run it on your own machine: `pip install -r requirements.txt && python app.py`.
"""


def write_space(adapters: Sequence[str], output: Path, *, base: str | None = None) -> None:
    """Write a Space for adapters of one base, whole or not at all.

    Adapters and a base that are folders here are copied into it; those on the Hub are named.

    Args:
        adapters: folders or Hub ids.
        output: the folder to write.
        base: folder or Hub id, where it is not the one that the first adapter names.

    Raises:
        NewtongueError: an adapter or its base cannot be found, two are of one language, they do not belong together, or
            `output` exists.
    """
    if output.exists():
        raise NewtongueError(f"{output} exists already. Name another folder with --output.")
    loaded = [ModalityAdapter.from_pretrained(name) for name in adapters]
    twice = [one for one, times in Counter(one.language.lower() for one in loaded).items() if times > 1]
    if twice:
        raise NewtongueError(f"Two adapters are for {twice[0]!r}, and one base carries one a language. Leave one out.")
    found = base or base_of(adapters[0], loaded[0].config.base)
    check_fit({name: one.config.base for name, one in zip(adapters, loaded, strict=True)}, found, given=bool(base))
    copies = _places([name for name in adapters if Path(name).is_dir()])
    for name in copies:
        check_shareable(Path(name))
    if Path(found).is_dir():
        copies[found] = "base"
    placed = [copies.get(name, name) for name in adapters]

    def fill(folder: Path) -> None:
        for name, place in copies.items():
            shutil.copytree(name, folder / place)
        about = {"adapters": placed, "base": copies.get(found, found)}
        (folder / "space.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
        (folder / "requirements.txt").write_text(f"newtongue[web]=={__version__}\n", encoding="utf-8")
        (folder / ".gitattributes").write_text("*.safetensors filter=lfs diff=lfs merge=lfs -text\n", encoding="utf-8")
        (folder / "README.md").write_text(
            _card(loaded, placed, copies.get(found, found), Path(found).resolve().name), encoding="utf-8"
        )
        shutil.copyfile(APP, folder / "app.py")

    write_folder(output, fill)


def _card(loaded: Sequence[ModalityAdapter], placed: Sequence[str], base: str, base_name: str) -> str:
    spoken = " and ".join(language_name(one.language) for one in loaded)
    on_hub = [name for name in (*placed, base) if is_hub_id(name) and not name.startswith(f"{_COPIES}/")]
    metadata = SpaceCardData(
        title=f"{base_name} in {spoken}",
        sdk="gradio",
        sdk_version=version("gradio") if find_spec("gradio") else None,
        app_file="app.py",
        python_version="3.11",
        models=on_hub or None,
        emoji="👅",
        colorFrom="blue",
        colorTo="yellow",
        pinned=False,
    )
    listed = "\n".join(f"- {language_name(one.language)}: `{name}`" for one, name in zip(loaded, placed, strict=True))
    text = _TEXT.format(
        metadata=metadata.to_yaml(), title=metadata.title, base=base_name, spoken=spoken, adapters=listed
    )
    return str(SpaceCard(text))


def _places(folders: Sequence[str]) -> dict[str, str]:
    """Where each folder goes; two of one name are told apart."""
    places: dict[str, str] = {}
    for folder in folders:
        place = f"{_COPIES}/{Path(folder).resolve().name}"
        free = (f"{place}-{number}" if number else place for number in count())
        places[folder] = next(one for one in free if one not in places.values())
    return places

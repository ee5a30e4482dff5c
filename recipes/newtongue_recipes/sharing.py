"""Adapters to and from the Hub, folder for folder: what is pushed is what was saved, what is pulled is checked."""

import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from newtongue import AdapterFormatError, ModalityAdapter, NewtongueError
from newtongue.card import CARD, name_in, read_card, render_card
from newtongue.languages import language_name
from newtongue.saving.config import CONFIG_NAME, ModalityConfig
from newtongue.saving.folder import check_folder, write_folder
from newtongue.saving.precision import dtype_of
from newtongue.sharing import hub


def push_adapter(
    adapter: Path,
    name: str,
    *,
    base: str | None = None,
    private: bool = False,
    revision: str | None = None,
    message: str | None = None,
    token: str | None = None,
) -> tuple[str, ModalityConfig]:
    """Upload an adapter's folder as it is, its card included, after loading it once to see that it can be.

    Args:
        adapter: its folder.
        name: Hub id.
        base: Hub id of its base, where the adapter knows it by a folder's name alone.
        private: whether a new repository is private.
        revision: branch to push to, made if there is none.
        message: of the commit.
        token: None for the one logged in with.

    Returns:
        The address of the commit, and what the adapter says of itself there.

    Raises:
        AdapterFormatError: the folder is damaged.
        NewtongueError: there is no such folder, or the Hub refuses or cannot be reached.
    """
    if not adapter.is_dir():
        raise NewtongueError(f"{adapter} is no folder. Name the folder of an adapter that training or a pull wrote.")
    loaded = ModalityAdapter.from_pretrained(adapter)
    text = message or f"Adapter for {language_name(loaded.language)}, made with newtongue"
    with TemporaryDirectory() as scratch:
        folder = adapter
        if base:
            folder = Path(scratch) / "adapter"
            by_hand = written_by_hand(adapter, loaded)
            loaded.name_base(base).save_pretrained(folder, dtype=dtype_of(adapter))
            if by_hand:
                shutil.copyfile(adapter / CARD, folder / CARD)
        address = hub.push(folder, name, private=private, token=token, message=text, revision=revision)
    return address, loaded.config


def written_by_hand(folder: Path, adapter: ModalityAdapter) -> bool:
    """Whether an adapter's folder has a card that is not the one it writes itself, pushed or not."""
    card = read_card(folder)
    return bool(card) and card != render_card(adapter.config, adapter.lora, name_in(card))


def pull_adapter(
    name: str,
    output: Path | None = None,
    *,
    revision: str | None = None,
    token: str | None = None,
    overwrite: bool = False,
) -> tuple[Path, ModalityConfig]:
    """Download an adapter, check each part's sha256, and write its folder: whole, or not at all.

    It comes through the Hub's cache, so after a broken download only the parts that are missing come anew.

    Args:
        name: Hub id.
        output: the folder to write; named like the repository, in the working directory, when not given.
        revision: branch, tag or commit.
        token: None for the one logged in with.
        overwrite: replace an adapter that is there already.

    Returns:
        The folder, and what the adapter says of itself.

    Raises:
        AdapterFormatError: what came is damaged or no adapter; nothing is written then.
        NewtongueError: the folder exists, or the Hub refuses or cannot be reached.
    """
    hub.check_id(name)
    output = output or Path(name.rpartition("/")[2])
    if output.exists() and not overwrite:
        raise NewtongueError(
            f"{output} exists already. Add --overwrite to replace it, or name another folder with --output."
        )
    try:
        snapshot = hub.download(name, revision=revision, token=token)
    except NewtongueError as error:
        if (Path(name) / CONFIG_NAME).is_file():
            raise NewtongueError(f"{error} The folder {name} here is an adapter, and needs no pulling.") from error
        raise
    try:
        config = ModalityConfig.read(snapshot)
        check_folder(snapshot, config.files)
    except AdapterFormatError as error:
        again = f"The next pull asks the Hub for it anew after `hf cache rm model/{name}`."
        raise AdapterFormatError(f"{error} {again}") from error

    def fill(folder: Path) -> None:
        for part in (CONFIG_NAME, CARD, *config.files):
            if (snapshot / part).is_file():
                (folder / part).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(snapshot / part, folder / part)

    write_folder(output, fill, overwrite=overwrite)
    return output, config


def loading_lines(adapter: str, config: ModalityConfig, *, revision: str | None = None) -> str:
    """The three lines of Python that load an adapter onto its base."""
    base = config.base.id if config.base.on_hub else "path/to/its/base"
    name, load = (json.dumps(one, ensure_ascii=False) for one in (adapter, base))  # A path may hold a quote.
    at = f', revision="{revision}"' if revision else ""
    return (
        "from newtongue import ModalityAdapter\n"
        "from newtongue_recipes.loading import load_base\n"
        f"model = ModalityAdapter.from_pretrained({name}{at}).attach(load_base({load}))"
    )

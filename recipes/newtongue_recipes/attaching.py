"""Several adapters on the base that they name, with something to watch while they load."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.text import Text
from transformers.utils import logging

from newtongue import AttachedModel, BaseMismatchError, ModalityAdapter
from newtongue_recipes.loading import base_of, load_base_of


def load_adapters(names: Sequence[str], console: Console) -> list[ModalityAdapter]:
    """Load adapters from folders or the Hub, watched on `console`.

    Raises:
        NewtongueError: one cannot be loaded.
    """
    loaded = []
    for name in names:
        with _watched(console, f"Loading the adapter {name}", local=Path(name).is_dir()):
            loaded.append(ModalityAdapter.from_pretrained(name))
    return loaded


def attach_all(
    names: Sequence[str],
    adapters: Sequence[ModalityAdapter],
    *,
    base: str | None = None,
    four_bit: bool | None = None,
    console: Console,
) -> AttachedModel:
    """Load the base and attach adapters to it in order.

    Args:
        names: where the adapters came from; the base is looked for beside the first one too.
        adapters: one at least.
        base: the base, where it is not the one that the first adapter names.
        four_bit: as for `load_base_of`.
        console: shows what is being loaded.

    Raises:
        NewtongueError: the base cannot be loaded, or they do not belong together.
    """
    named = base or base_of(names[0], adapters[0].config.base)
    with _watched(console, f"Loading the base {named}", local=Path(named).is_dir()):
        found = load_base_of(names[0], adapters[0], base, four_bit=four_bit)
        for name, adapter in zip(names, adapters, strict=True):
            try:
                model = adapter.attach(found, ignore_base_name=base is not None)
            except BaseMismatchError as error:
                raise BaseMismatchError(f"{name}: {error}") from error
    return model


@contextmanager
def _watched(console: Console, what: str, *, local: bool) -> Iterator[None]:
    """A spinner for what lies here; for what may have to be downloaded the bars of the libraries that do it."""
    if not local:
        console.print(f"{what} …", style="dim", markup=False, highlight=False)
        yield
        return
    had_bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        with console.status(Text(f"{what} …", style="dim")):
            yield
    finally:
        if had_bars:
            logging.enable_progress_bar()

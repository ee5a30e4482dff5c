"""The folder of a run: whether it may be used, what is written into it once, what an earlier run left."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from newtongue import NewtongueError
from newtongue.saving.whole import write_whole
from newtongue_evaluation.environment import environment
from newtongue_recipes.data import write_report
from newtongue_recipes.data.files import check_apart
from newtongue_recipes.folders import make_folder
from newtongue_recipes.recipe import Recipe
from newtongue_recipes.recipe.comments import in_full

ABOUT = "run.json"
DRAFTS = "run.*.draft"  # What is left where the very first file of a run was cut short.


def check_folder(recipe: Recipe, output: Path, *, resume: bool) -> None:
    """Refuse a folder that another run, or something else, is in, or that lies among the data.

    Raises:
        NewtongueError: as said, or a run is in it and is not to be resumed.
    """
    check_apart(recipe.data.sources, output)
    about = output / ABOUT
    if output.exists() and not output.is_dir():
        raise NewtongueError(f"{output} is a file. Give --output the name of a folder.")
    if not output.exists() or all(path.match(DRAFTS) for path in output.iterdir()):
        return
    if not about.is_file():
        raise NewtongueError(f"{output} is not empty and holds no run. Choose another --output.")
    try:
        before = json.loads(about.read_text(encoding="utf-8"))
        known, now = {key: before[key] for key in _about(recipe)}, _about(recipe)
    except (ValueError, LookupError, TypeError) as error:
        raise NewtongueError(f"{about} cannot be read ({error}). Choose another --output.") from error
    if known != now:
        raise NewtongueError(
            f"{output} holds another recipe's run: {known['language']!r} into {known['base']!r}, not "
            f"{now['language']!r} into {now['base']!r}. Choose another --output."
        )
    if not resume:
        raise NewtongueError(f"{output} holds a run already. Go on with it by --resume, or choose another --output.")


@contextmanager
def alone(output: Path) -> Iterator[None]:
    """Hold a folder against other trainings on this machine, by a lock beside it that a kill sets free.

    Raises:
        NewtongueError: another one holds it, or there is nowhere to put the lock.
    """
    output = output.absolute()
    make_folder(output.parent)
    lock = FileLock(output.with_name(f".{output.name}.lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise NewtongueError(
            f"{output} is being trained into by another process now. Wait until it has ended, or choose another "
            "--output."
        ) from error
    try:
        yield
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def describe_run(recipe: Recipe, output: Path, made: Any) -> None:
    """Write what the run is, its recipe in full and the report on its data."""
    output.mkdir(parents=True, exist_ok=True)
    write_whole(output / ABOUT, json.dumps({**_about(recipe), **environment()}, indent=2) + "\n")
    write_whole(output / "recipe.yaml", in_full(recipe))
    write_report(made, output / "data")


def set_aside(folder: Path) -> Path | None:
    """Keep what an earlier run left under another name, and tell which; None if it left nothing."""
    if not folder.exists():
        return None
    number = 1
    while (aside := folder.with_name(f"{folder.name}.before-{number}")).exists():
        number += 1
    folder.rename(aside)
    return aside


def tidy(folder: Path) -> None:
    """Remove the drafts of adapters whose writing was cut short."""
    for draft in folder.glob(".adapter.*"):
        shutil.rmtree(draft, ignore_errors=True)


def _about(recipe: Recipe) -> dict[str, Any]:
    name = recipe.base.name
    folder = Path(name)  # Found again from any directory.
    return {"language": recipe.language, "base": str(folder.resolve()) if folder.is_dir() else name}

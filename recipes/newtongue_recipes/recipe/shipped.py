"""The recipes that come with the package, and accelerate's settings for them, by name."""

from pathlib import Path

from newtongue import NewtongueError

from .nearest import nearest

CONFIGS = Path(__file__).parents[1] / "configs"
SUFFIXES = (".yaml", ".yml")


def shipped() -> list[str]:
    """Names of the shipped recipes."""
    return sorted(path.stem for path in CONFIGS.glob("*.yaml"))


def launches() -> dict[str, Path]:
    """Files for `accelerate launch --config_file`, by name."""
    return {path.stem: path for path in sorted((CONFIGS / "accelerate").glob("*.yaml"))}


def stem_of(name_or_path: str | Path) -> str:
    """A recipe's name without a file's ending: `phi-3.5-mini-turkish` has none."""
    path = Path(name_or_path)
    return path.stem if path.suffix in SUFFIXES else path.name


def find_recipe(name_or_path: str | Path) -> Path:
    """The file of a recipe: a shipped one by its name, any other by its path.

    Raises:
        NewtongueError: there is none; the message names the nearest shipped one.
    """
    given = str(name_or_path)
    if given in shipped():
        return CONFIGS / f"{given}.yaml"
    path = Path(given)
    if path.is_file():
        return path
    near = nearest(stem_of(path), shipped())
    meant = f"Did you mean {near}? " if near else ""
    kind = "directory, not a recipe file" if path.is_dir() else "recipe of that name or file"
    raise NewtongueError(
        f"{given!r} is {'a' if path.is_dir() else 'no'} {kind}. {meant}`newtongue recipes list` names those that come "
        "with newtongue; give the path of a file for one of your own."
    )

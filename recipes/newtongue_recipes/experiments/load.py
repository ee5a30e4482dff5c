"""From a name, a path and overrides to an experiment's settings, or to all that is wrong with them at once."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from newtongue import NewtongueError
from newtongue_recipes.recipe.keys import Keys
from newtongue_recipes.recipe.nearest import nearest
from newtongue_recipes.recipe.overrides import override
from newtongue_recipes.recipe.problems import Problem, problems, told
from newtongue_recipes.recipe.reading import read_recipe

from .schema import FOLDER, Settings

KEYS = Keys(Settings)


def load_experiment(name_or_path: str | Path, overrides: Sequence[str] = (), scale: float = 1.0) -> Settings:
    """Read and check an experiment's settings.

    Args:
        name_or_path: name of a shipped experiment, or path of a YAML file.
        overrides: `key.path=value` each, put over the file's values in order.
        scale: all steps of all stages times this, at least one each.

    Raises:
        NewtongueError: there is no such experiment, or its settings are wrong.
    """
    document = read_recipe(_find(str(name_or_path)))
    found: list[Problem] = [(place, "is given twice. Keep one of them.") for place in document.twice]
    lines = override(document.values, overrides, document.lines)
    settings = None
    try:
        settings = Settings.model_validate(_scaled(document.values, scale))
    except ValidationError as error:
        found += problems(error, document.values, KEYS)
    if settings is None or found:
        raise NewtongueError(told(name_or_path, found, lines))
    return settings


def _find(given: str) -> Path:
    shipped = sorted(path.stem for path in FOLDER.glob("*.yaml"))
    if given in shipped:
        return FOLDER / f"{given}.yaml"
    if Path(given).is_file():
        return Path(given)
    near = nearest(Path(given).stem, shipped)
    meant = f"Did you mean {near}? " if near else ""
    raise NewtongueError(
        f"{given!r} is no experiment. {meant}There are {', '.join(shipped)}; or give the path of a YAML file."
    )


def _scaled(value: Any, scale: float) -> Any:
    """The same with every `steps` times `scale`."""
    if scale == 1 or not isinstance(value, dict):
        return value
    return {
        key: max(1, round(inner * scale)) if key == "steps" and isinstance(inner, int) else _scaled(inner, scale)
        for key, inner in value.items()
    }

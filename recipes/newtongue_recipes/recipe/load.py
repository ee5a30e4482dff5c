"""From a name, a path and overrides to a recipe, or to all that is wrong with it at once."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from newtongue import NewtongueError

from .overrides import override
from .problems import Problem, problems, told
from .reading import read_recipe
from .schema import Recipe
from .shipped import find_recipe


def load_recipe(name_or_path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read and check a recipe.

    Args:
        name_or_path: name of a shipped recipe, or path of a YAML file.
        overrides: `key.path=value` each, put over the file's values in order: `data.text.0.rows=100`.

    Raises:
        NewtongueError: there is no such recipe, or it is wrong; one message holds every error with its key, line,
            value and fix.
    """
    path = find_recipe(name_or_path)
    document = read_recipe(path)
    found: list[Problem] = [(place, "is given twice. Keep one of them.") for place in document.twice]
    lines = override(document.values, overrides, document.lines)
    recipe = None
    try:
        recipe = Recipe.model_validate(document.values)
    except ValidationError as error:
        found += problems(error, document.values)
    if recipe is None or found:
        raise NewtongueError(told(name_or_path, found, lines))
    return recipe

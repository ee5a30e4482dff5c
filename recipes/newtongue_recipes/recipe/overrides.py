"""Values given beside a recipe, `key.path=value`, put over those of its file."""

from collections.abc import Mapping, Sequence
from typing import Any

from newtongue import NewtongueError

from .conflicts import Place
from .reading import parse


def override(values: dict[str, Any], given: Sequence[str], lines: Mapping[Place, Any]) -> dict[Place, Any]:
    """Put each `key.path=value` into `values`, in order; a value is read as YAML, a number indexes a list.

    What is missing or null on the way becomes keys; the index after a list's last adds to it.

    Args:
        values: of a file.
        given: what is put over them.
        lines: the line of the file that each place stands on.

    Returns:
        The same, with the override in the line's stead at the places that it has set; of what was below these nothing
        is left.

    Raises:
        NewtongueError: an override is no assignment, or leads through a value that holds no keys.
    """
    origins = dict(lines)
    for one in given:
        path, equals, text = one.partition("=")
        names = path.strip().split(".")
        if not equals or not all(names):
            raise NewtongueError(f"{one!r} is no override. Write key.path=value, for example data.tokens=1_000_000.")
        place = _set(values, names, parse(text, f"The value of {one!r}").values, one)
        origins = {other: line for other, line in origins.items() if other[: len(place)] != place} | {place: one}
    return origins


def _set(values: Any, names: list[str], value: Any, one: str) -> Place:
    place: list[str | int] = []
    for depth, name in enumerate(names):
        last = depth == len(names) - 1
        if isinstance(values, list):
            part: str | int = _index(values, name, ".".join(names[:depth]), one)
            if part == len(values):
                values.append(None)
        elif isinstance(values, dict):
            part = name
        else:
            raise NewtongueError(
                f"{one!r} leads through {'.'.join(names[:depth])}, which is {values!r} and holds no keys. "
                "Shorten the path."
            )
        place.append(part)
        if last:
            values[part] = value
        elif isinstance(values, list) or values.get(part) is not None:
            values[part] = {} if values[part] is None else values[part]
        else:
            values[part] = [] if names[depth + 1].isdecimal() else {}
        values = values[part]
    return tuple(place)


def _index(values: list[Any], name: str, where: str, one: str) -> int:
    if not name.isdecimal() or int(name) > len(values):
        raise NewtongueError(f"{one!r}: {where} is a list of {len(values)}; {name!r} is no place in it. Count from 0.")
    return int(name)

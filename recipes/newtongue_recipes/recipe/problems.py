"""Errors of a recipe in the words of its reader: where, what was given, what is wrong, how to mend it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from .conflicts import Place
from .keys import RECIPE, Key, Keys
from .nearest import nearest

UNKNOWN = {"extra_forbidden", "unexpected_keyword_argument"}
MAPPINGS = {"model_type", "dataclass_type", "dict_type"}
OURS = {"value_error", "assertion_error", "together"}
Problem = tuple[Place, str]


def problems(error: ValidationError, values: Any, keys: Keys = RECIPE) -> list[Problem]:
    """Where each error stands, and a sentence on it; the branches of a union become one.

    Args:
        error: what the schema says.
        values: what was given.
        keys: of the schema.
    """
    found: dict[Place, str] = {}
    for one in error.errors(include_url=False):
        place, kind, given = _place(one["loc"], values, keys), one["type"], one["input"]
        if kind in UNKNOWN:
            said = f"unknown key. {_meant(place, keys)}"
        elif kind in OURS:
            said = one["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
        elif kind.startswith("missing"):
            said = f"is missing. {_fix(keys.at(place))}"
        else:
            wrong = "should be keys with values" if kind in MAPPINGS else one["msg"].replace("Input should", "should")
            said = f"{_short(given)} {wrong}. {_fix(keys.at(place))}"
        found.setdefault(place, said)
    return list(found.items())


def written(place: Place) -> str:
    """A place as it is written in an override."""
    return ".".join(map(str, place))


def _place(location: Place, values: Any, keys: Keys) -> Place:
    """The location without the names pydantic gives to branches of a union: these are no keys of the values."""
    place: list[str | int] = []
    for part in location:
        inside = isinstance(values, list) and isinstance(part, int) and part < len(values)
        if inside or (isinstance(values, dict) and part in values):
            values = values[part]
        elif keys.at((*place, part)) is None:
            break
        else:
            values = None
        place.append(part)
    return tuple(place)


def _meant(place: Place, keys: Keys) -> str:
    """The nearest key beside the unknown one, else the place of a key of that name elsewhere, else all beside it."""
    *above, name = place
    holder = keys.at(tuple(above))
    known = holder.below if holder else ()
    near = nearest(name, known)
    if near:
        return f"Did you mean '{near}'?"
    elsewhere = [one for one in keys.every_place() if one[-1] == name]
    near_by = [one for one in elsewhere if one[0] == place[0]] or elsewhere
    if near_by:
        return f"It belongs at {' or '.join(map(written, near_by[:3]))}."
    return f"Known here: {', '.join(known)}." if known else "Nothing is known here."


def _fix(key: Key | None) -> str:
    if key is None:
        return "Mend or remove it."
    default = "" if key.required else f" (default {shown(key.default)})"
    return f"Give {key.kind}{default}: {uncapitalized(key.description)}".rstrip(":. ") + "."


def uncapitalized(text: str) -> str:
    """A sentence as it goes on after a colon; an acronym keeps its capitals."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def shown(value: Any) -> str:
    """A value as YAML writes it on one line."""
    words = {None: "null", True: "true", False: "false"}
    if value is None or isinstance(value, bool):
        return words[value]
    if isinstance(value, dict) and value:
        return "{" + ", ".join(f"{key}: {shown(item)}" for key, item in value.items()) + "}"
    return str(value) if not isinstance(value, str) else value or '""'


def _short(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else shown(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def told(name: str | Path, found: list[Problem], lines: dict[Place, Any]) -> str:
    """All that is wrong with a file of that name, as one message."""
    many = f"{len(found)} errors" if len(found) > 1 else "an error"
    return "\n  ".join([f"{name} has {many}:", *_listing(found, lines)])


def _listing(found: list[Problem], lines: dict[Place, Any]) -> Iterator[str]:
    """A line for each, with the line of the file or the override it came from, in the file's order."""

    def origin(place: Place) -> Any:
        while place not in lines:
            below = [where for one, where in lines.items() if one[: len(place)] == place]
            if below or not place:  # An override has made what is above it.
                return below[-1] if below else 1
            place = place[:-1]
        return lines[place]

    for place, said in sorted(found, key=lambda one: (isinstance(origin(one[0]), str), str(origin(one[0])).zfill(8))):
        where = origin(place)
        yield f"{written(place) or 'the recipe'} ({where if isinstance(where, str) else f'line {where}'}): {said}"

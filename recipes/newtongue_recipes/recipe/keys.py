"""The keys a recipe may hold, or settings of another schema: for comments, suggestions and messages."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import BaseModel

from .conflicts import Place
from .schema import Recipe

TYPES = {"integer": "int", "number": "float", "string": "str", "boolean": "bool", "object": "mapping", "null": "null"}


@dataclass(frozen=True)
class Key:
    """One key: its type in words, whether it must be given, its default, its meaning in a line, and the keys below."""

    kind: str
    required: bool
    default: Any
    description: str
    below: tuple[str, ...]


class Keys:
    """The keys of all that a schema describes."""

    def __init__(self, schema: type[BaseModel]) -> None:
        self.schema = schema

    def at(self, place: Place) -> Key | None:
        """The key at a place such as `("data", "text", 0, "rows")`, or None if the schema has none there."""
        node, required = self._root, True
        for part in place:
            holder = self._opened(node)
            required = isinstance(part, int) or part in holder.get("required", ())
            found = holder.get("items") if isinstance(part, int) else holder.get("properties", {}).get(part)
            if found is None:
                return None
            node = found
        opened = self._opened(node)
        empty: Any = {"array": [], "object": {}}.get(opened.get("type", ""))
        default = None if required else node.get("default", empty)
        described = node.get("description") or opened.get("description", "")  # Pydantic drops one of two alike.
        below = self._opened(node, lists=True).get("properties", ())
        return Key(_kind(node), required, default, " ".join(described.split()), tuple(below))

    def every_place(self, inside: Place = ()) -> Iterator[Place]:
        """All places of the schema, items of lists at index 0."""
        key = self.at(inside)
        if key is None:
            return
        for name in key.below:
            index: Place = (0,) if key.kind.startswith("list") else ()
            yield (*inside, *index, name)
            yield from self.every_place((*inside, *index, name))

    @cached_property
    def _root(self) -> dict[str, Any]:
        return self.schema.model_json_schema()

    def _opened(self, node: dict[str, Any], lists: bool = False) -> dict[str, Any]:
        """A node of the schema with its reference followed, and the one branch that is not null taken."""
        branches = [one for one in node.get("anyOf", ()) if one.get("type") != "null"]
        if len(branches) == 1:
            return self._opened(branches[0], lists)
        if "$ref" in node:
            return self._opened(self._root["$defs"][node["$ref"].rpartition("/")[2]], lists)
        if lists and "items" in node:
            return self._opened(node["items"], lists)
        return node


def _kind(node: dict[str, Any]) -> str:
    if "anyOf" in node:
        return " or ".join(map(_kind, node["anyOf"]))
    if "$ref" in node:
        return "keys"
    if "enum" in node:
        return " or ".join(node["enum"])
    if node.get("type") == "array":
        return f"list of {_kind(node['items'])}"
    return TYPES.get(node.get("type", ""), "anything")


RECIPE = Keys(Recipe)

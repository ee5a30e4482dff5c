"""Reading a recipe file: YAML 1.2's plain values, with the line of every key, and nothing that runs code."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from newtongue import NewtongueError

from .conflicts import Place

NULL, BOOL, INT, FLOAT, STR = (f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str"))
VALUES: dict[str, Callable[[str], Any]] = {
    NULL: lambda text: None,
    BOOL: lambda text: text.lower() == "true",
    INT: lambda text: int(text.replace("_", "")),
    FLOAT: lambda text: float(text.replace("_", "")),
    STR: str,
}


@dataclass
class Document:
    """The values of a file, the line each key stands on, and the keys that were given twice."""

    values: Any
    lines: dict[Place, int] = field(default_factory=dict)
    twice: list[Place] = field(default_factory=list)


def read_text(path: Path) -> str:
    """Read a file as text.

    Raises:
        NewtongueError: it cannot be read, or is no UTF-8, with the line.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise NewtongueError(f"{path} is not UTF-8 (line {line}). Save it as UTF-8.") from None
    except OSError as error:
        raise NewtongueError(f"{path} cannot be read: {error.strerror}. Check the name and who may read it.") from None


def read_recipe(path: Path) -> Document:
    """Read a file.

    Raises:
        NewtongueError: it cannot be read, is empty, no UTF-8 or no YAML, with line and column.
    """
    document = parse(read_text(path), str(path))
    if document.values is None:
        raise NewtongueError(
            f"{path} is empty. Begin with a copy of a recipe: newtongue recipes copy phi-2-turkish FILE."
        )
    if not isinstance(document.values, dict):
        raise NewtongueError(
            f"{path} holds a {type(document.values).__name__}, not keys with values. Begin with a copy of a recipe: "
            "newtongue recipes copy phi-2-turkish FILE."
        )
    return document


def parse(text: str, name: str) -> Document:
    """Parse YAML that is called `name` in errors."""
    try:
        root = yaml.compose(text, Loader=_Loader)
        document = Document(None)
        if root is not None:
            document.values = _plain(root, (), document)
        return document
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        said = ", ".join(part for part in (error.context, error.problem) if part)
        raise NewtongueError(f"{name} is not YAML{where}: {said}. Look there for a bracket, quote or indent.") from None
    except yaml.reader.ReaderError as error:
        raise NewtongueError(f"{name} holds a character YAML does not allow at {error.position}. Remove it.") from None
    except RecursionError:
        raise NewtongueError(
            f"{name} is nested too deeply to be a recipe. Look for brackets that do not close."
        ) from None


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Words are words: `no` is Norwegian, not false, and 1e-3 is a number."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 (PyYAML's own name; it copies it per class)

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.composer.ComposerError(None, None, "a recipe has no anchors and aliases; write it out", mark)
        return super().compose_node(parent, index)


for tag, pattern, first in (
    (NULL, r"null|Null|NULL|~|", ["n", "N", "~", ""]),
    (BOOL, r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    (INT, r"[-+]?[0-9][0-9_]*", list("-+0123456789")),
    (FLOAT, r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
):
    _Loader.add_implicit_resolver(tag, re.compile(f"(?:{pattern})$"), first)


def _plain(node: Any, place: Place, document: Document) -> Any:
    document.lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*place, index), document) for index, item in enumerate(node.value)]
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    values: dict[str, Any] = {}
    for key, item in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise yaml.composer.ComposerError(None, None, "a key is a word", key.start_mark)
        inside = (*place, key.value)
        if key.value in values:
            document.twice.append(inside)
        document.lines[inside] = key.start_mark.line + 1
        values[key.value] = _plain(item, inside, document)
    return values


def _scalar(node: Any) -> Any:
    try:
        return VALUES[node.tag](node.value)
    except (KeyError, ValueError):
        said = f"{node.value!r} cannot be read as {node.tag}"
        raise yaml.composer.ComposerError(None, None, said, node.start_mark) from None

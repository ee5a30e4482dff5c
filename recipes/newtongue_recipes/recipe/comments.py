"""The comments of a recipe file: beside every key its type and default, the first time with its meaning.

They are made from the schema. After a change to either, write those of the shipped files anew with
`python -m newtongue_recipes.recipe.comments`.
"""

import re
from typing import Any

import yaml

from .conflicts import Place
from .keys import RECIPE, Key
from .problems import shown, uncapitalized
from .reading import parse
from .schema import Recipe
from .shipped import CONFIGS

WIDEST = 44  # Comments stand in one column, but for lines longer than this.


def commented(text: str) -> str:
    """A recipe's text with a comment beside every key of the schema; whole lines of comment stay as they are."""
    lines = text.splitlines()
    keys: dict[int, Key] = {}
    for place, line in parse(text, "The recipe").lines.items():
        key = RECIPE.at(place) if place and isinstance(place[-1], str) else None
        if key is not None:
            keys.setdefault(line - 1, key)
    code = {line: _without_comment(lines[line]) for line in keys}
    column = max((len(one) for one in code.values() if len(one) <= WIDEST), default=0)
    met: set[str] = set()
    for line, key in sorted(keys.items()):
        lines[line] = f"{code[line]:<{column}}  # {comment(key, meaning=key.description not in met)}"
        met.add(key.description)
    return "\n".join(lines) + "\n"


def comment(key: Key, meaning: bool = True) -> str:
    """Type and default of a key, and its meaning up to the first stop."""
    said = re.split(r"(?<!e\.g)[.;:](?:\s|$)", key.description)[0]
    default = "required" if key.required else f"default {shown(key.default)}"
    return f"{key.kind}, {default}" + (f": {uncapitalized(said)}" if meaning else "")


def in_full(recipe: Recipe) -> str:
    """A recipe with every key of the schema, as YAML with comments."""
    values = _inline(recipe.model_dump(mode="json"), ())
    return commented(yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000))


class _Inline(dict[str, Any]):
    """A mapping that is written on one line."""


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """Writes names of a user's own choosing, as in `extra` and `columns`, on one line."""


_Dumper.add_representer(
    _Inline, lambda dumper, values: dumper.represent_mapping("tag:yaml.org,2002:map", values, flow_style=True)
)


def _inline(values: Any, place: Place) -> Any:
    if isinstance(values, list):
        return [_inline(item, (*place, index)) for index, item in enumerate(values)]
    key = RECIPE.at(place)
    if not isinstance(values, dict) or key is None:
        return values
    inside = {name: _inline(item, (*place, name)) for name, item in values.items()}
    return inside if key.below else _Inline(inside)


def _without_comment(line: str) -> str:
    try:
        ends = [one.end_mark.column for one in yaml.scan(line) if not isinstance(one, _NOTHING)]
    except yaml.YAMLError:  # The value goes on in the next line.
        return line.rstrip()
    return line[: max(ends)]


_NOTHING = (yaml.StreamStartToken, yaml.StreamEndToken, yaml.BlockEndToken)


def main() -> None:
    """Write the comments of the shipped recipes anew."""
    for path in CONFIGS.glob("*.yaml"):
        path.write_text(commented(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()

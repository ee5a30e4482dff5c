"""The command line of this run, as results and cards record it for others."""

import re
import shlex
import sys
from pathlib import Path

_PATH = re.compile(r"(?<![^\s=,{\[('\"])[~/][^\s,}\])'\"]+")  # Among the words of a value in YAML.


def recorded_command() -> str:
    """What was typed, quoted so that it can be typed again; of a path of this machine its last name alone.

    Where things lie here is of no use to others and tells them about the machine; relative paths stay as they are.
    """
    return shlex.join(["newtongue", *map(_shared, sys.argv[1:])])


def _shared(word: str) -> str:
    if word.startswith("~") or Path(word).is_absolute():
        return Path(word).name or word
    option, equals, value = word.partition("=")  # --base=/models/phi-2
    if equals:
        return f"{option}={_shared(value)}"
    return _PATH.sub(lambda found: Path(found[0]).name or found[0], word)

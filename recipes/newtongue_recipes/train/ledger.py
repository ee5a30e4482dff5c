"""What a run folder remembers of its stages: what each was made from, and whether it is finished."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from newtongue.saving.whole import write_whole

Inputs = dict[str, Any]


@dataclass(frozen=True)
class Ledger:
    """One JSON file a stage in `folder`, each written whole or not at all."""

    folder: Path

    def read(self, stage: str) -> dict[str, Any] | None:
        """What is known of a stage: `inputs`, `finished`, `seconds` if not resumed, `curves`; None if never begun.

        A file of its name that others wrote, as a model's folder may hold, says nothing of it.
        """
        path = self._path(stage)
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
        return known if isinstance(known, dict) and "inputs" in known else None

    def write(self, stage: str, inputs: Inputs, *, finished: bool, **found: Any) -> None:
        """Note that a stage was begun, or is finished."""
        self.folder.mkdir(parents=True, exist_ok=True)
        known = {"inputs": inputs, "finished": finished, **found}
        write_whole(self._path(stage), json.dumps(known, indent=2, ensure_ascii=False) + "\n")

    def forget(self, stage: str) -> None:
        """As if a stage had never been begun."""
        self._path(stage).unlink(missing_ok=True)

    def changed(self, stage: str, inputs: Inputs) -> list[str]:
        """The inputs that are others than when the stage was begun, as `key: before → now`.

        A setting that an earlier version did not have, and is off, changes nothing.
        """
        known = self.read(stage)
        if known is None:
            return []
        before, now = dict(_flat(known["inputs"])), dict(_flat(json.loads(json.dumps(inputs))))
        keys = [key for key in {**before, **now} if (before.get(key) or None) != (now.get(key) or None)]
        return [f"{key}: {_short(before.get(key))} → {_short(now.get(key))}" for key in keys]

    def _path(self, stage: str) -> Path:
        return self.folder / f"{stage}.json"


def switched_on(inputs: Inputs) -> dict[str, Any]:
    """What is not off, by its place, so that a setting that is new and off changes no digest."""
    return {key: value for key, value in _flat(inputs) if value}


def digest(value: Any) -> str:
    """A short hash of plain values."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]


def _flat(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{place}.{key}" if place else key)
    else:
        yield place, value


def _short(value: Any) -> str:
    return "nothing" if value is None else str(value)

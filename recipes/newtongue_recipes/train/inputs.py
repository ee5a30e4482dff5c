"""What a stage is made from: when it is the same as before, so is what the stage made."""

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

from newtongue_recipes.data import Gathered
from newtongue_recipes.recipe import Recipe

from .ledger import Inputs, digest, switched_on

ENDS = 2**20  # Bytes at either end of a file by which it is known: weights are too large to be read twice.
SAME = {"save_steps", "gradient_checkpointing"}  # Settings that change how long it takes, not what comes out.


def inputs_of(recipe: Recipe, stage: str, data: dict[str, Gathered], before: Inputs | None) -> Inputs:
    """All that a stage's result hangs on.

    Args:
        recipe: whose stage.
        stage: its name.
        data: the rows of each stage, and of what else stage 3 learns from.
        before: the inputs of the stage that it starts from, if that is part of the recipe.
    """
    settings = dataclasses.asdict(getattr(recipe, stage))
    inputs: Inputs = {
        stage: _telling(settings),
        "data": _of_rows(data[stage]),
    }
    if stage == "tune" and "twins" in data:
        inputs["twins"] = _of_rows(data["twins"])
    if stage == "represent":
        return inputs | {"start_from": fingerprint(settings["start_from"])}
    inputs["base"] = _telling(recipe.base.model_dump()) | {"files": fingerprint(recipe.base.name)}
    if before is not None:
        return inputs | {"stage before": digest(switched_on(before))}
    return inputs | {"start_from": fingerprint(recipe.encoder if stage == "map" else recipe.adapter)}


def _of_rows(data: Gathered) -> dict[str, Any]:
    return {"rows": len(data.rows), "hash": digest([data.table["side"][:], data.table["row"][:]])}


def fingerprint(name: str | None) -> str | None:
    """What tells a folder's files from others: their names, sizes and ends; a Hub id is its own name.

    Checkpoints do not count: they may be deleted.
    """
    if name is None or not Path(name).is_dir():
        return name
    found = hashlib.sha256()
    for path in sorted(Path(name).rglob("*")):
        if path.is_file() and not any(part.startswith((".", "checkpoint-")) for part in path.relative_to(name).parts):
            size = path.stat().st_size
            found.update(f"{path.relative_to(name).as_posix()} {size} ".encode())
            with path.open("rb") as file:
                found.update(file.read(ENDS))
                file.seek(max(0, size - ENDS))
                found.update(file.read(ENDS))
    return found.hexdigest()[:16]


def _telling(settings: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _telling(value) if isinstance(value, dict) else value for key, value in settings.items() if key not in SAME
    }

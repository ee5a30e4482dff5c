"""The rows that the stages of a recipe learn from."""

from typing import Any

from newtongue_recipes.data import Gathered, Report, gather, report
from newtongue_recipes.data.schema import Kind
from newtongue_recipes.recipe import Recipe

from .check import aligned
from .plan import stages_of

Rows = dict[str, Gathered]  # By stage; and the translations that stage 3 takes for twins, if it does.
KINDS: dict[str, Kind] = {"represent": "text", "map": "pairs", "tune": "questions"}


def gather_rows(recipe: Recipe, tokenizer: Any) -> Rows:
    """Read the data of all stages, or take it from the caches."""
    wanted = {stage: KINDS[stage] for stage in stages_of(recipe)}
    if recipe.tune and recipe.tune.twins:
        wanted["twins"] = "pairs"
    return {
        name: gather(recipe.data, kind, recipe.language, tokenizer=tokenizer, seed=recipe.seed)
        for name, kind in wanted.items()
    }


def report_on(recipe: Recipe, data: Rows, **tokenizers: Any) -> Report:
    """Report on the data, each kind of it once: twins are stage 2's pairs."""
    return report(list({one.kind: one for one in data.values()}.values()), recipe.data, **tokenizers)


def counts(data: Rows) -> dict[str, int]:
    """Rows of each training's data."""
    rows = {stage: len(one.rows) for stage, one in data.items()}
    if "map" in data:
        rows |= {"words": aligned(data["map"]), "toward": rows["map"], "through": rows["map"]}
    return rows

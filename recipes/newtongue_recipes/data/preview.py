"""A recipe's data, read and reported on without training, as far as what is at hand allows."""

from typing import TYPE_CHECKING, Any, get_args

from newtongue.errors import NewtongueError
from newtongue.tokenizer.loading import load_tokenizer

from .gathering import gather
from .reporting import Report, report
from .schema import Data, Kind

if TYPE_CHECKING:
    from newtongue_recipes.recipe import Recipe

UNBOUNDED = 10_000  # Rows of a Hub dataset that are read where a budget cannot be kept.


def preview(recipe: "Recipe", *, bars: bool = True) -> Report:
    """Gather all kinds of a recipe's data and report on them.

    Where the base's tokenizer is not at hand, nothing is counted in it, the budget is not kept and only the first
    rows of a Hub dataset are read; the report says so. Likewise the encoder's.

    Args:
        recipe: whose data.
        bars: show progress bars.

    Raises:
        NewtongueError: the recipe names no data, or a source cannot be read or has no usable row.
    """
    import datasets

    data = recipe.data
    kinds: list[Kind] = [kind for kind in get_args(Kind) if getattr(data, kind)]
    if not kinds:
        raise NewtongueError("The recipe names no data. Give data.text, data.pairs or data.questions a source.")
    notes: list[str] = []
    tokenizer = _tokenizer(recipe.base.name, "Tokens of the base", notes, revision=recipe.base.revision)
    own = _own(recipe, notes)
    if tokenizer is None and data.tokens is not None:
        data = _without_budget(data, notes)
    as_is = bars or datasets.are_progress_bars_disabled()
    if not as_is:
        datasets.disable_progress_bars()
    try:
        gathered = [gather(data, kind, recipe.language, tokenizer=tokenizer, seed=recipe.seed) for kind in kinds]
        return report(gathered, data, tokenizer=tokenizer, own=own, notes=notes)
    finally:
        if not as_is:
            datasets.enable_progress_bars()


def _own(recipe: "Recipe", notes: list[str]) -> Any:
    """The tokenizer of the language, where one exists before training."""
    what = "Tokens of the language's own vocabulary"
    if recipe.adapter is not None:
        return _tokenizer(recipe.adapter, what, notes, subfolder="encoder")
    name = recipe.represent.start_from if recipe.represent else recipe.encoder
    if name is None:
        notes.append(f"{what} are not counted: stage 1 is yet to make it.")
        return None
    return _tokenizer(name, what, notes)


def _tokenizer(name: str, what: str, notes: list[str], **options: Any) -> Any:
    try:
        return load_tokenizer(name, **options)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        notes.append(f"{what} are not counted: the tokenizer of {name} cannot be loaded ({reason}).")
        return None


def _without_budget(data: Data, notes: list[str]) -> Data:
    notes.append(
        f"The budget of {data.tokens:,} tokens is not kept, for it is counted in the base's; of each Hub dataset the "
        f"first {UNBOUNDED:,} usable rows are read."
    )
    some = {
        kind: [
            one.model_copy(update={"rows": min(one.rows or UNBOUNDED, UNBOUNDED)}) if one.hub else one
            for one in getattr(data, kind)
        ]
        for kind in get_args(Kind)
    }
    return data.model_copy(update={"tokens": None, **some})

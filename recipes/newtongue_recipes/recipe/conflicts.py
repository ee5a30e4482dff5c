"""What no key alone shows to be wrong: stages without what they start from or learn from, options unknown."""

from collections.abc import Iterator, Mapping
from typing import Any

from newtongue_recipes.settings import PARTS, TRAININGS

from .options import refuse_option

Place = tuple[str | int, ...]

NEEDS = {"represent": ("text", "raw text"), "map": ("pairs", "translations"), "tune": ("questions", "answers")}


def conflicts(given: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    """Errors of a recipe as given, checked or not: where, and what is wrong and how to mend it."""
    yield from _starts(
        **{key: given.get(key) is not None for key in ("represent", "encoder", "map", "adapter", "tune")}
    )
    for stage, (kind, what) in NEEDS.items():
        if given.get(stage) is not None and "data" in given and not _get(given["data"], kind):
            yield (
                ("data", kind),
                f"is empty and stage '{stage}' learns from it. Name a source of {what}, or leave the stage out.",
            )
    if _get(given.get("tune"), "twins") and "data" in given and not _get(given["data"], "pairs"):
        yield (
            ("data", "pairs"),
            "is empty and tune.twins is not 0: they are translations. Name a source of them, or leave twins out.",
        )
    if isinstance(given.get("map"), Mapping) and not any(_get(given["map"], part) for part in PARTS):
        yield ("map",), "trains nothing: words, toward and through are all null. Give steps to one of them at least."
    for (stage, part), training in trainings(given):
        extra = _get(training, "extra")
        rows = {
            "packing": _get(given[stage], "packing") is True,
            "twins": bool(_get(given[stage], "twins")),
            "writes": _get(given[stage], "answer") == "own",
        }
        for option, value in extra.items() if isinstance(extra, Mapping) else ():
            said = refuse_option(option, value, stage=stage, **rows)
            if said is not None:
                yield (stage, part, "extra", option), said


def trainings(given: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], Any]]:
    """The trainings of a recipe and where they stand."""
    for stage, part in TRAININGS:
        training = _get(given.get(stage), part)
        if training is not None:
            yield (stage, part), training


def _starts(*, represent: bool, encoder: bool, map: bool, adapter: bool, tune: bool) -> Iterator[tuple[Place, str]]:
    """Each stage starts from what the one before made, or from what is named in its place; nothing goes unused."""
    if not (represent or map or tune):
        yield (), "no stage is given. Give at least one of represent, map and tune."
    if encoder and represent:
        yield (
            ("encoder",),
            "stage 1 makes an encoder too. Leave one out; to continue from this one, name it in represent.start_from.",
        )
    elif encoder and not map:
        yield ("encoder",), "only stage 2 starts from it and there is none. Leave it out, or add map."
    if map and not (represent or encoder):
        yield (
            ("encoder",),
            "is missing: stage 2 has no encoder to start from. Name a folder or Hub id, or add represent.",
        )
    if adapter and (represent or map):
        yield ("adapter",), "stages 1 and 2 make an adapter too. Leave them out, or leave this out."
    elif adapter and not tune:
        yield ("adapter",), "only stage 3 starts from it and there is none. Leave it out, or add tune."
    if tune and not (map or adapter):
        yield ("adapter",), "is missing: stage 3 has no adapter to start from. Name a folder or Hub id, or add map."


def _get(thing: Any, key: str) -> Any:
    return thing.get(key) if isinstance(thing, Mapping) else getattr(thing, key, None)

"""Which runs an experiment consists of, in an order in which each finds what it builds on."""

from collections.abc import Collection
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from newtongue import NewtongueError
from newtongue_evaluation.results import SUFFIX, Result, read_results
from newtongue_recipes.atlas import LANGUAGES

from .methods import METHODS, Ours, check_methods, has_budget
from .schema import Settings
from .world import Part

EQUAL = {"steps": "", "seconds": ", equal seconds", "tuning": ", as long as stage 3"}  # As it stands in tables.


@dataclass(frozen=True)
class Run:
    """One training of one method, and its exam."""

    method: str
    language: str
    seed: int
    text: int | None = None
    pairs: int | None = None
    equal: str = "steps"

    @property
    def title(self) -> str:
        """As it stands in tables."""
        return METHODS[self.method].title + EQUAL[self.equal]

    @property
    def data(self) -> dict[str, float]:
        """The amounts it was limited to."""
        amounts = {"text": self.text, "pairs": self.pairs}
        return {kind: float(amount) for kind, amount in amounts.items() if amount is not None}


def plan(settings: Settings, methods: Collection[str] = ()) -> list[Run]:
    """All runs, without repeats, those of ours first; only `methods` if there are any.

    Raises:
        NewtongueError: one is no method, or none of the experiment's runs is of it; a language cannot be learned.
    """
    for language in settings.languages:
        _check_language(settings, language)
    check_methods([*methods, *(name for group in settings.runs for name in group.methods)])
    found: dict[Run, None] = {}
    for group in settings.runs:
        every = product(settings.seeds, settings.languages, group.text, group.pairs, group.equal, group.methods)
        for seed, language, text, pairs, equal, method in every:
            if not methods or method in methods:
                found[Run(method, language, seed, text, pairs, equal if has_budget(method) else "steps")] = None
    idle = [name for name in methods if all(run.method != name for run in found)]
    if idle:
        raise NewtongueError(
            f'This experiment runs no {", ".join(idle)}. Give it runs: "runs=[{{methods: [{", ".join(idle)}]}}]", or '
            "choose among those that --list counts."
        )
    order = list(METHODS)
    return sorted(found, key=lambda run: (run.seed, order.index(run.method) > 0, not _trains(run.method)))


def _trains(name: str) -> bool:
    return isinstance(METHODS[name], Ours) or has_budget(name)


def _check_language(settings: Settings, language: str) -> None:
    """Raise NewtongueError where there is nothing to learn a language from."""
    known = [one for one in LANGUAGES if one != "en"]
    if settings.experiment == "atlas" and language not in known:
        raise NewtongueError(f"The atlas is not written in {language!r}, only in {', '.join(known)}. Name one.")


def part_name(one: Part | Result) -> str:
    """What a part of an exam is called, before it is asked and in its results."""
    return f"{one.task}-{one.answered_in}"


def finished(output: Path, runs: list[Run]) -> dict[Run, list[Result]]:
    """The runs that have all results in `output`, with them; what `newtongue evaluate` wrote there is no run's."""
    if not any(output.rglob(f"*{SUFFIX}")):
        return {}
    results: dict[Any, list[Result]] = {}
    for one in read_results([output]):
        named = (one.settings.get("method"), one.method)
        learned = one.settings.get("learned", one.language)
        results.setdefault((named, learned, one.seed, tuple(sorted(one.data.items()))), []).append(one)
    keys = {run: ((run.method, run.title), run.language, run.seed, tuple(sorted(run.data.items()))) for run in runs}
    return {run: results[key] for run, key in keys.items() if _whole(results.get(key, []))}


def _whole(results: list[Result]) -> bool:
    """Whether these are all of a run's results, each of which names all parts of the exam."""
    wanted = {part for one in results for part in one.settings.get("parts", ())}
    return bool(results) and wanted <= {part_name(one) for one in results}

"""An experiment: every run that has no results yet, one after the other, watched."""

from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import Progress, TaskID
from transformers import TrainerCallback

from newtongue import NewtongueError
from newtongue_evaluation.environment import environment
from newtongue_evaluation.results import Cost, Result, write_result
from newtongue_recipes.bars import Bars
from newtongue_recipes.folders import make_folder
from newtongue_recipes.recorded import recorded_command
from newtongue_recipes.train.inputs import fingerprint
from newtongue_recipes.train.ledger import Inputs, Ledger
from newtongue_recipes.train.quiet import mute

from .english import is_made
from .methods import METHODS
from .perform import Workshop
from .plan import Run, finished, part_name, plan
from .schema import Settings
from .summary import score_of
from .world import World

EXPERIMENT, FILES = "experiment", "experiment-files"  # Names of what the ledger keeps: settings, and what they read.
PARTS = ("qa", "parallel", "mono", "eval")  # Folders of the real text.


def run_experiment(
    settings: Settings,
    output: Path,
    *,
    data: Path | None = None,
    base: Path | None = None,
    methods: Sequence[str] = (),
    console: Console,
) -> list[Result]:
    """Perform what is not yet in `output`, and give all results of what was asked for.

    Args:
        settings: of the experiment.
        output: gets a `*.result.json` a run and language of answers, as soon as it is known, and a folder `work`.
        data: folder of the real text, where the experiment is on real text.
        base: folder of the base, if one is there already or is to be kept elsewhere; `output/base` if not given.
        methods: only these.
        console: where it is watched.

    Raises:
        NewtongueError: `output` was begun with other settings, or something to learn from is missing.
    """
    runs = plan(settings, methods)
    _check_data(settings, data)
    _begin(settings, output)
    mute(torch.get_num_threads())
    done = finished(output, runs)
    open_runs = [run for run in runs if run not in done]
    console.print(f"{len(runs)} runs, {len(done)} of them finished before. Results: {output}", highlight=False)
    with Bars(console) as progress:
        overall = progress.add_task("all runs", total=len(runs), completed=len(done))
        make = cache(partial(_world, settings, output, data, base, progress))
        for run in open_runs:
            bar = progress.add_task(f"{run.language} seed {run.seed}: {run.title}", total=None)
            world = make(run.language, run.seed, run.text, run.pairs).scored(settings.scored)
            shop = Workshop(world, settings, run, output / "work", [Watched(progress, bar)])
            done[run] = [write(one, output) for one in _results(shop)]
            progress.remove_task(bar)
            console.print(told(run, done[run]), highlight=False)
            progress.advance(overall)
    return [one for run in runs for one in done[run]]


class Watched(TrainerCallback):
    """Moves a bar on with a trainer's steps."""

    def __init__(self, progress: Progress, bar: TaskID) -> None:
        self.progress, self.bar = progress, bar

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """A part begins."""
        self.progress.reset(self.bar, total=state.max_steps)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Another step is done."""
        self.progress.update(self.bar, completed=state.global_step)


def told(run: Run, results: Sequence[Result]) -> str:
    """A finished run in one line."""
    exact = ", ".join(f"{score_of(one, 'exact match'):.3f} from {one.language} in {one.answered_in}" for one in results)
    amounts = "".join(f", {kind} {amount:g}" for kind, amount in run.data.items())
    seconds = results[0].cost.training_seconds or 0
    return f"{run.language}, seed {run.seed}{amounts}: {run.title}: exact match {exact}; {seconds:.0f} s of training"


def write(result: Result, output: Path) -> Result:
    """Write a result and give it back."""
    write_result(result, output)
    return result


def _results(shop: Workshop) -> list[Result]:
    run, role = shop.run, METHODS[shop.run.method].role
    parts = shop.world.parts(english=role in ("ours", "baseline"))
    learned, ask = shop.perform()
    cost = Cost(training_seconds=learned.seconds, training_steps=learned.steps, trained_parameters=learned.trained)
    return [
        Result(
            method=run.title,
            task=part.task,
            language=part.language,
            rows=ask(part.questions),
            role=role,
            answered_in=part.answered_in,
            data=run.data,
            seed=run.seed,
            cost=cost,
            settings={
                **shop.settings.made_from(),
                "method": run.method,
                "budget": learned.settings,
                "learned": run.language,
                "parts": [part_name(one) for one in parts],
            },
            command=recorded_command(),
            environment=environment(),
        )
        for part in parts
    ]


def _check_data(settings: Settings, data: Path | None) -> None:
    if settings.experiment != "atlas" and (data is None or not data.is_dir()):
        got = "" if data is None else f" {data} is none."
        raise NewtongueError(f"{settings.experiment} learns from real text.{got} Name its folder with --data.")


def _world(
    settings: Settings,
    output: Path,
    data: Path | None,
    base: Path | None,
    progress: Progress,
    language: str,
    seed: int,
    text: int | None,
    pairs: int | None,
) -> World:
    if settings.experiment == "atlas":
        from .atlas import atlas_world

        return atlas_world(settings, language, seed, text, pairs)
    from .real import real_world

    assert data is not None  # `_check_data` has seen it.
    base = base or output / "base"
    _check_same(output, FILES, _files(data, base))
    callbacks = [] if is_made(base) else [Watched(progress, progress.add_task("the English-only base", total=None))]
    world = real_world(settings, data, base, language, seed, text, pairs, callbacks)
    Ledger(output).write(FILES, _files(data, base), finished=False)  # Now that there is a base.
    return world


def _files(data: Path, base: Path) -> Inputs:
    """What tells text and base from others, wherever they lie; None for a base that is yet to be made."""
    return {
        "base": fingerprint(str(base)) if is_made(base) else None,
        "data": {part: fingerprint(str(data / part)) for part in PARTS if (data / part).is_dir()},
    }


def _begin(settings: Settings, output: Path) -> None:
    searched = settings.search.model_dump(mode="json") if settings.search else None
    inputs = settings.made_from() | {"search": searched}
    _check_same(output, EXPERIMENT, inputs)
    make_folder(output)
    Ledger(output).write(EXPERIMENT, inputs, finished=False)


def _check_same(output: Path, entry: str, inputs: Inputs) -> None:
    """Raise NewtongueError where the ledger of `output` knows other inputs; it knows none before the first run."""
    changed = Ledger(output).changed(entry, inputs)
    if changed:
        raise NewtongueError(
            f"{output} was begun with other settings or files ({'; '.join(changed[:5])}). Name another --output, or "
            "give the same to go on."
        )

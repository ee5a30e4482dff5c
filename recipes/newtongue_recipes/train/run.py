"""Run a recipe: its stages in order, each skipped if it is finished, gone on with if it was stopped."""

import os
import shlex
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list
from rich.console import Console
from rich.markdown import Markdown
from transformers import TrainerCallback

from newtongue import ModalityAdapter
from newtongue.tokenizer.loading import load_tokenizer
from newtongue_evaluation.report import draw_losses
from newtongue_recipes import card
from newtongue_recipes.data import write_report
from newtongue_recipes.recipe import Recipe
from newtongue_recipes.stages.checkpoints import write_once

from .check import Start, base_tokenizer, notes, start_of
from .exam import exam_of, write_exam
from .folder import alone, check_folder, describe_run, set_aside, tidy
from .inputs import inputs_of
from .job import Job
from .ledger import Inputs, Ledger
from .perform import perform
from .plan import make_plan, stages_of
from .quiet import quiet
from .refusals import check_disk, check_options
from .rows import KINDS, Rows, counts, gather_rows, report_on
from .trouble import explained
from .watch import Bar, Curves, Health, Pace

PATIENCE = timedelta(hours=12)  # That processes wait for the first, which reads the data.
NOTHING = "it has saved no checkpoint yet, as a training does each 'save_steps' steps, unless that is 0"
RESULTS = {"represent": "config.json", "map": "adapter/modality_config.json", "tune": "adapter/modality_config.json"}


def train(
    recipe: Recipe, output: Path, *, resume: bool = False, dry_run: bool = False, console: Console | None = None
) -> Path | None:
    """Make an adapter as a recipe says.

    Args:
        recipe: what to make.
        output: folder of the run; the finished adapter is `output/adapter`.
        resume: go on with a run that was stopped.
        dry_run: read the data, tell what would be done, and stop there; nothing is written into `output`.
        console: where it is told.

    Returns:
        What the last stage made: the adapter's folder, or the encoder's; None after a dry run.

    Raises:
        NewtongueError: the folder is in use, data or models cannot be read, there is no room, memory or disk.
    """
    first = PartialState(cpu=not torch.cuda.is_available(), timeout=PATIENCE).is_main_process
    job = Job(recipe, output, Ledger(output / "stages"), console or Console(quiet=not first), _shares_the_base())
    with quiet(job.tell, bars=job.console.is_terminal and first, first=first), explained(output), ExitStack() as held:
        with _first_alone():
            if first:
                if not dry_run:
                    held.enter_context(alone(output))
                check_folder(recipe, output, resume=resume or dry_run)
                check_options(recipe)
                tokenizer = base_tokenizer(recipe.base)
                start, data = start_of(recipe), gather_rows(recipe, tokenizer)
                _announce(job, tokenizer, start, data, dry_run)
        if dry_run:
            return None
        if not first:
            data = gather_rows(recipe, base_tokenizer(recipe.base))  # From the caches, in which the first has put it.
        _run_stages(job, data)
        write_once(lambda: _finish(job, data))
    job.tell(f"{'Adapter' if job.result.name == 'adapter' else 'Encoder'}: {job.result}")
    exam = exam_of(output, recipe.language)
    if recipe.tune and exam.is_file():
        words = ["newtongue", "evaluate", job.result, "--data", exam, "--output", output / "judged"]
        job.tell(f"Its exam: {shlex.join(map(str, words))}")
    return job.result


def _shares_the_base() -> bool:
    """Whether accelerate was told to use FSDP. It is for the base alone here, so accelerate hears no more of it.

    It would shard what is trained as well, and write the base into every checkpoint.
    """
    return os.environ.pop("ACCELERATE_USE_FSDP", "false").lower() == "true"


@contextmanager
def _first_alone() -> Iterator[None]:
    """What the first process does here, the others wait for, and leave quietly where it failed."""
    whole = [False]
    try:
        yield
        whole = [True]
    finally:
        broadcast_object_list(whole)
    if not whole[0]:
        raise SystemExit(2)


def _announce(job: Job, tokenizer: Any, start: Start, data: Rows, dry_run: bool) -> None:
    """See that nothing stands in the way, tell what will be done, and note in the run's folder what it is."""
    recipe = job.recipe
    said = notes(recipe, tokenizer, start, data)
    plan = make_plan(recipe, counts(data), start)
    check_disk(plan, job.output)
    made = report_on(recipe, data, tokenizer=tokenizer)
    job.console.print(Markdown(plan.as_markdown()))
    for line in (*said, *(f"Warning: {warning}" for warning in made.warnings)):
        job.tell(line)
    if not dry_run:
        describe_run(recipe, job.output, made)
        if recipe.tune:
            write_exam(data["tune"].held_out, recipe.language, job.output, own=recipe.tune.answer == "own")


def _run_stages(job: Job, data: Rows) -> None:
    before: Inputs | None = None
    anew = False
    for stage in stages_of(job.recipe):
        inputs = before = inputs_of(job.recipe, stage, data, before)
        known, changed = job.ledger.read(stage), job.ledger.changed(stage, inputs)
        whole = (job.output / stage / RESULTS[stage]).is_file()
        PartialState().wait_for_everyone()  # All have read what the first is about to write.
        if known and known["finished"] and whole and not changed and not anew:
            job.tell(f"Stage {stage}: finished before, not run again.")
            continue
        resume = known is not None and not changed and not (known["finished"] and anew)
        if changed:
            job.tell(f"Stage {stage}: run anew, for its inputs changed ({'; '.join(changed)}).")
        elif known and resume:
            saved = _has_saved(job, stage)
            said = "going on from its last checkpoint." if saved else "run anew, for it had saved no checkpoint yet."
            job.tell(f"Stage {stage}: {said}")
        elif known:
            job.tell(f"Stage {stage}: run anew, for the stage before it was.")
        anew = True  # What follows starts from something else than before.
        _run_stage(job, stage, inputs, data, resume)


def _run_stage(job: Job, stage: str, inputs: Inputs, data: Rows, resume: bool) -> None:
    folder, started = job.output / stage, time.monotonic()
    write_once(lambda: tidy(folder) if resume else _begin(job, stage, inputs))
    curves = Curves()
    bar = job.console.is_terminal and not job.console.quiet
    callbacks: list[TrainerCallback] = [Pace(job.tell, plain=not bar), curves, *([Bar()] if bar else [])]
    if stage != "represent":
        callbacks.append(Health(job.tell))
    try:
        perform(stage, job, data, folder, resume=resume, callbacks=callbacks)
    except KeyboardInterrupt:
        then = "goes on from its last checkpoint" if _has_saved(job, stage) else f"begins it anew: {NOTHING}"
        job.tell(f"Stage {stage}: stopped. The same command with --resume {then}.")
        raise
    seconds = None if resume else round(time.monotonic() - started, 1)  # Those before the resume nobody counted.
    write_once(lambda: _end(job, stage, inputs, seconds, curves))


def _has_saved(job: Job, stage: str) -> bool:
    return any((job.output / stage).rglob("checkpoint-*"))


def _begin(job: Job, stage: str, inputs: Inputs) -> None:
    """In this order, so that at no moment the ledger tells of a folder that is not there, or of another."""
    job.ledger.forget(stage)
    aside = set_aside(job.output / stage)
    if aside is not None:
        job.tell(f"Stage {stage}: what was there before is kept as {aside}.")
    job.ledger.write(stage, inputs, finished=False)


def _end(job: Job, stage: str, inputs: Inputs, seconds: float | None, curves: Curves) -> None:
    shown = {part: {job.recipe.language: points} for part, points in curves.of.items() if points}
    if shown:
        draw_losses(shown, job.output / f"{stage}.png")
    job.ledger.write(stage, inputs, finished=True, seconds=seconds, curves=curves.of)


def _finish(job: Job, data: Rows) -> None:
    """The report on the data again, with the language's own tokens; the adapter, which says what made it.

    It is written at half the size of the last stage's, which is kept as it was trained.
    """
    recipe, stages = job.recipe, stages_of(job.recipe)
    last = job.output / stages[-1]
    adapter = None if stages[-1] == "represent" else ModalityAdapter.from_pretrained(last / "adapter")
    own = adapter.encoder.tokenizer if adapter else load_tokenizer(last)
    made = report_on(recipe, data, tokenizer=base_tokenizer(recipe.base), own=own)
    write_report(made, job.output / "data")
    if adapter is None:
        return
    hub = (source.hub for stage in stages for source in getattr(recipe.data, KINDS[stage]) if source.hub)
    adapter.describe(
        data=card.sources(made),
        datasets=list(dict.fromkeys(hub)),
        positions=card.positions(made),
        training=card.training(
            {stage: getattr(recipe, stage) for stage in stages},
            {stage: (job.ledger.read(stage) or {}).get("seconds") for stage in stages},
            recipe.seed,
        ),
    )
    tidy(job.output)
    adapter.save_pretrained(job.output / "adapter", overwrite=True, dtype=torch.float16)

"""Run a recipe: its stages in order, each skipped if it is finished, gone on with if it was stopped."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list
from rich.console import Console
from rich.markdown import Markdown
from tqdm import tqdm
from transformers import TrainerCallback

from newtongue import ModalityAdapter
from newtongue.tokenizer import load_tokenizer
from newtongue_evaluation.report import draw_losses
from newtongue_recipes import card
from newtongue_recipes.data import Gathered, Report, gather, report, write_report
from newtongue_recipes.data.schema import Kind
from newtongue_recipes.loading import load_base
from newtongue_recipes.recipe import Recipe
from newtongue_recipes.settings import Map, Represent, Training, Tune
from newtongue_recipes.stages import map_language, represent, tune, twins_of
from newtongue_recipes.stages.checkpoints import write_once

from .check import Start, aligned, base_tokenizer, notes, start_of
from .folder import alone, check_folder, describe_run, set_aside, tidy
from .inputs import inputs_of
from .ledger import Inputs, Ledger
from .plan import check_disk, check_options, make_plan, stages_of
from .quiet import quiet
from .samples import Samples
from .trouble import explained
from .watch import Bar, Curves, Health, Pace

PATIENCE = timedelta(hours=12)  # That processes wait for the first, which reads the data.
Rows = dict[str, Gathered]  # By stage.
KINDS: dict[str, Kind] = {"represent": "text", "map": "pairs", "tune": "questions"}
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
    run = _Run(recipe, output, Ledger(output / "stages"), console or Console(quiet=not first), _shares_the_base())
    with quiet(run.tell, bars=run.console.is_terminal and first, first=first), explained(output), ExitStack() as held:
        with _first_alone():
            if first:
                if not dry_run:
                    held.enter_context(alone(output))
                check_folder(recipe, output, resume=resume or dry_run)
                check_options(recipe)
                tokenizer = base_tokenizer(recipe.base)
                _announce(run, tokenizer, start_of(recipe), _gather(recipe, tokenizer), dry_run)
        if dry_run:
            return None
        data = _gather(recipe, base_tokenizer(recipe.base))  # From the caches, in which the first has put it.
        _run_stages(run, data)
        write_once(lambda: run.finish(data))
    run.tell(f"{'Adapter' if run.result.name == 'adapter' else 'Encoder'}: {run.result}")
    return run.result


@dataclass(frozen=True)
class _Run:
    recipe: Recipe
    output: Path
    ledger: Ledger
    console: Console
    sharded: bool

    def tell(self, said: str) -> None:
        with tqdm.external_write_mode():  # Above the progress bar, if there is one.
            self.console.print(said, highlight=False, markup=False, soft_wrap=True)

    @property
    def result(self) -> Path:
        last = stages_of(self.recipe)[-1]
        return self.output / ("represent" if last == "represent" else "adapter")

    def base(self) -> Any:
        base = self.recipe.base
        self.tell(f"Loading the base {base.name}.")
        return load_base(
            base.name,
            four_bit=base.four_bit,
            dtype=getattr(torch, base.dtype) if base.dtype else None,
            trainable=True,
            attention=base.attention,
            revision=base.revision,
            sharded=self.sharded,
        )

    def prepared(self, training: Training, through_base: bool) -> Training:
        """With what the recipe says of base and watching, which holds for all stages."""
        extra: dict[str, Any] = {
            "report_to": self.recipe.watch.report_to,
            "include_num_input_tokens_seen": "all",
            "disable_tqdm": True,  # There is a `Bar` of ours.
        }
        if through_base and self.recipe.base.gradient_checkpointing:
            extra |= {
                "activation_checkpointing": True,
                "activation_checkpointing_kwargs": {"use_reentrant": False},
            }
        return replace(training, extra={**extra, **training.extra})

    def finish(self, data: Rows) -> None:
        """The report on the data again, with the language's own tokens; the adapter, which says what made it.

        It is written at half the size of the last stage's, which is kept as it was trained.
        """
        recipe, stages = self.recipe, stages_of(self.recipe)
        last = self.output / stages[-1]
        adapter = None if stages[-1] == "represent" else ModalityAdapter.from_pretrained(last / "adapter")
        own = adapter.encoder.tokenizer if adapter else load_tokenizer(last)
        made = _report(recipe, data, tokenizer=base_tokenizer(recipe.base), own=own)
        write_report(made, self.output / "data")
        if adapter is None:
            return
        hub = (source.hub for stage in stages for source in getattr(recipe.data, KINDS[stage]) if source.hub)
        adapter.describe(
            data=card.sources(made),
            datasets=list(dict.fromkeys(hub)),
            positions=card.positions(made),
            training=card.training(
                {stage: getattr(recipe, stage) for stage in stages},
                {stage: (self.ledger.read(stage) or {}).get("seconds") for stage in stages},
                recipe.seed,
            ),
        )
        tidy(self.output)
        adapter.save_pretrained(self.output / "adapter", overwrite=True, dtype=torch.float16)


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


def _gather(recipe: Recipe, tokenizer: Any) -> Rows:
    """By stage; and the translations that stage 3 takes for twins, if it does."""
    wanted = {stage: KINDS[stage] for stage in stages_of(recipe)}
    if recipe.tune and recipe.tune.twins:
        wanted["twins"] = "pairs"
    return {
        name: gather(recipe.data, kind, recipe.language, tokenizer=tokenizer, seed=recipe.seed)
        for name, kind in wanted.items()
    }


def _report(recipe: Recipe, data: Rows, **tokenizers: Any) -> Report:
    """On the data, each kind of it once: twins are stage 2's pairs."""
    return report(list({one.kind: one for one in data.values()}.values()), recipe.data, **tokenizers)


def _announce(run: _Run, tokenizer: Any, start: Start, data: Rows, dry_run: bool) -> None:
    """See that nothing stands in the way, tell what will be done, and note in the run's folder what it is."""
    recipe = run.recipe
    said = notes(recipe, tokenizer, data)
    plan = make_plan(recipe, _rows(data), start)
    check_disk(plan, run.output)
    made = _report(recipe, data, tokenizer=tokenizer)
    run.console.print(Markdown(plan.as_markdown()))
    for line in (*said, *(f"Warning: {warning}" for warning in made.warnings)):
        run.tell(line)
    if not dry_run:
        describe_run(recipe, run.output, made)


def _rows(data: Rows) -> dict[str, int]:
    """Rows of each training's data."""
    rows = {stage: len(one.rows) for stage, one in data.items()}
    if "map" in data:
        rows |= {"words": aligned(data["map"]), "toward": rows["map"], "through": rows["map"]}
    return rows


def _run_stages(run: _Run, data: Rows) -> None:
    before: Inputs | None = None
    anew = False
    for stage in stages_of(run.recipe):
        inputs = before = inputs_of(run.recipe, stage, data, before)
        known, changed = run.ledger.read(stage), run.ledger.changed(stage, inputs)
        whole = (run.output / stage / RESULTS[stage]).is_file()
        PartialState().wait_for_everyone()  # All have read what the first is about to write.
        if known and known["finished"] and whole and not changed and not anew:
            run.tell(f"Stage {stage}: finished before, not run again.")
            continue
        resume = known is not None and not changed and not (known["finished"] and anew)
        if changed:
            run.tell(f"Stage {stage}: run anew, for its inputs changed ({'; '.join(changed)}).")
        elif known and resume:
            saved = next((run.output / stage).rglob("checkpoint-*"), None)
            said = "going on from its last checkpoint." if saved else "run anew, for it had saved no checkpoint yet."
            run.tell(f"Stage {stage}: {said}")
        elif known:
            run.tell(f"Stage {stage}: run anew, for the stage before it was.")
        anew = True  # What follows starts from something else than before.
        _run_stage(run, stage, inputs, data, resume)


def _run_stage(run: _Run, stage: str, inputs: Inputs, data: Rows, resume: bool) -> None:
    folder, started = run.output / stage, time.monotonic()
    write_once(lambda: tidy(folder) if resume else _begin(run, stage, inputs))
    curves = Curves()
    bar = run.console.is_terminal and not run.console.quiet
    callbacks: list[TrainerCallback] = [Pace(run.tell, plain=not bar), curves, *([Bar()] if bar else [])]
    if stage == "represent":
        _represent(run, data, folder, resume, callbacks)
    else:
        callbacks.append(Health(run.tell))
        (_map if stage == "map" else _tune)(run, data, folder, resume, callbacks)
    seconds = None if resume else round(time.monotonic() - started, 1)  # Those before the resume nobody counted.
    write_once(lambda: _end(run, stage, inputs, seconds, curves))


def _begin(run: _Run, stage: str, inputs: Inputs) -> None:
    """In this order, so that at no moment the ledger tells of a folder that is not there, or of another."""
    run.ledger.forget(stage)
    aside = set_aside(run.output / stage)
    if aside is not None:
        run.tell(f"Stage {stage}: what was there before is kept as {aside}.")
    run.ledger.write(stage, inputs, finished=False)


def _end(run: _Run, stage: str, inputs: Inputs, seconds: float | None, curves: Curves) -> None:
    shown = {part: {run.recipe.language: points} for part, points in curves.of.items() if points}
    if shown:
        draw_losses(shown, run.output / f"{stage}.png")
    run.ledger.write(stage, inputs, finished=True, seconds=seconds, curves=curves.of)


def _represent(run: _Run, data: Rows, folder: Path, resume: bool, callbacks: Sequence[TrainerCallback]) -> None:
    settings = cast(Represent, run.recipe.represent)
    settings = replace(settings, training=run.prepared(settings.training, through_base=False))
    represent(data["represent"].rows, settings, folder, resume=resume, callbacks=callbacks)


def _map(run: _Run, data: Rows, folder: Path, resume: bool, callbacks: Sequence[TrainerCallback]) -> None:
    recipe, settings = run.recipe, cast(Map, run.recipe.map)
    parts = {
        name: training and run.prepared(training, through_base=name == "through")
        for name, training in (
            ("words", settings.words),
            ("toward", settings.toward),
            ("through", settings.through),
        )
    }
    map_language(
        run.base(),
        recipe.encoder or run.output / "represent",
        data["map"].rows,
        replace(settings, **cast(Any, parts)),
        folder,
        language=recipe.language,
        sharded=run.sharded,
        resume=resume,
        callbacks=callbacks,
    )


def _tune(run: _Run, data: Rows, folder: Path, resume: bool, callbacks: Sequence[TrainerCallback]) -> None:
    recipe, settings = run.recipe, cast(Tune, run.recipe.tune)
    watch = recipe.watch
    asked = data["tune"].held_out[: watch.samples]
    tune(
        run.base(),
        ModalityAdapter.from_pretrained(recipe.adapter or run.output / "map" / "adapter"),
        data["tune"].rows,
        replace(settings, training=run.prepared(settings.training, through_base=True)),
        folder,
        twins=twins_of(data["twins"].rows, recipe.language) if settings.twins else (),
        sharded=run.sharded,
        resume=resume,
        callbacks=[*callbacks, Samples(asked, watch.every, run.output / "samples.jsonl", run.tell)],
    )

"""Run a recipe: its stages in order, each skipped if it is finished, gone on with if it was stopped."""

import dataclasses
import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
from accelerate import PartialState
from rich.console import Console
from rich.markdown import Markdown
from transformers import TrainerCallback

from newtongue import ModalityAdapter, NewtongueError
from newtongue.tokenizer import load_tokenizer
from newtongue_evaluation.report import draw_losses, environment
from newtongue_recipes.data import Gathered, gather, report, write_report
from newtongue_recipes.data.schema import Kind
from newtongue_recipes.loading import load_base
from newtongue_recipes.recipe import Recipe
from newtongue_recipes.recipe.comments import in_full
from newtongue_recipes.settings import Map, Represent, Training, Tune
from newtongue_recipes.stages import map_language, represent, tune
from newtongue_recipes.stages.checkpoints import write_once

from .ledger import Inputs, Ledger, digest
from .plan import check_disk, make_plan, stages_of
from .trouble import explained
from .watch import Curves, Health, Pace, Samples

KINDS: dict[str, Kind] = {"represent": "text", "map": "pairs", "tune": "questions"}


def train(
    recipe: Recipe, output: Path, *, resume: bool = False, dry_run: bool = False, console: Console | None = None
) -> Path | None:
    """Make an adapter as a recipe says.

    Args:
        recipe: what to make.
        output: folder of the run; the finished adapter is `output/adapter`.
        resume: go on with a run that was stopped.
        dry_run: read the data, tell what would be done, and stop there.
        console: where it is told.

    Returns:
        The adapter's folder; None after a dry run.

    Raises:
        NewtongueError: the folder is in use, data or models cannot be read, there is no room, memory or disk.
    """
    processes = PartialState(cpu=not torch.cuda.is_available())
    run = _Run(recipe, output, Ledger(output / "stages"), console or Console(quiet=not processes.is_main_process))
    if processes.is_main_process:
        _make_room(recipe, output, resume)
    processes.wait_for_everyone()
    tokenizer = load_tokenizer(recipe.base.name, revision=recipe.base.revision)
    with processes.main_process_first():  # The others find the rows in the cache.
        data = {stage: _gather(recipe, KINDS[stage], tokenizer) for stage in stages_of(recipe)}
    made = report(list(data.values()), recipe.data, tokenizer=tokenizer)
    plan = make_plan(recipe, {stage: len(one.rows) for stage, one in data.items()})
    check_disk(plan, output)
    run.console.print(Markdown(plan.as_markdown()))
    for warning in made.warnings:
        run.tell(f"Warning: {warning}")
    if dry_run:
        return None
    write_once(lambda: _describe_run(recipe, output, made))
    with explained():
        _run_stages(run, data)
        write_once(run.finish)
    run.console.print(f"Adapter: {output / 'adapter'}")
    return output / "adapter"


@dataclass(frozen=True)
class _Run:
    recipe: Recipe
    output: Path
    ledger: Ledger
    console: Console

    def tell(self, said: str) -> None:
        self.console.print(said, highlight=False, markup=False)

    def base(self) -> Any:
        base = self.recipe.base
        return load_base(
            base.name,
            four_bit=base.four_bit,
            dtype=getattr(torch, base.dtype) if base.dtype else None,
            trainable=True,
            attention=base.attention,
            revision=base.revision,
        )

    def prepared(self, training: Training, through_base: bool) -> Training:
        """With what the recipe says of base and watching, which holds for all stages."""
        extra: dict[str, Any] = {
            "report_to": self.recipe.watch.report_to,
            "include_num_input_tokens_seen": "all",
            "disable_tqdm": not self.console.is_terminal,
        }
        if through_base and self.recipe.base.gradient_checkpointing:
            extra |= {
                "activation_checkpointing": True,
                "activation_checkpointing_kwargs": {"use_reentrant": False},
            }
        return replace(training, extra={**extra, **training.extra})

    def finish(self) -> None:
        """The finished adapter and its losses, at the top of the run's folder."""
        last = stages_of(self.recipe)[-1]
        if last == "represent":
            return
        adapter = ModalityAdapter.from_pretrained(self.output / last / "adapter")
        licences = sorted({source.licence or "unknown" for source in _sources(self.recipe)})
        adapter.describe(
            data=", ".join(dict.fromkeys(source.name for source in _sources(self.recipe)))
            + f" (licences: {', '.join(licences)})",
            training={stage: _steps(getattr(self.recipe, stage)) for stage in stages_of(self.recipe)},
        )
        adapter.save_pretrained(self.output / "adapter", overwrite=True)


def _run_stages(run: _Run, data: dict[str, Gathered]) -> None:
    parent = digest([run.recipe.base.model_dump(), run.recipe.encoder, run.recipe.adapter])
    again = False
    for stage in stages_of(run.recipe):
        inputs: Inputs = {
            "settings": dataclasses.asdict(getattr(run.recipe, stage)),
            "data": digest(data[stage].table["row"][:]),
            "parents": parent,
        }
        known, changed = run.ledger.read(stage), run.ledger.changed(stage, inputs)
        parent = digest(inputs)
        if known and known["finished"] and not changed and not again:
            run.tell(f"Stage {stage}: finished before, not run again.")
            continue
        if changed:
            run.tell(f"Stage {stage}: run anew, its inputs changed ({'; '.join(changed)}).")
        elif known:
            run.tell(f"Stage {stage}: going on from its last checkpoint.")
        again = True  # What follows a stage that was run starts from something else than before.
        resume = known is not None and not known["finished"] and not changed
        _run_stage(run, stage, inputs, data[stage], resume)


def _run_stage(run: _Run, stage: str, inputs: Inputs, data: Gathered, resume: bool) -> None:
    folder, started = run.output / stage, time.monotonic()
    if not resume:
        write_once(lambda: _set_aside(folder))
        write_once(lambda: run.ledger.write(stage, inputs, finished=False))
    curves = Curves()
    callbacks: list[TrainerCallback] = [Pace(run.tell), curves]
    if stage == "represent":
        _represent(run, data, folder, resume, callbacks)
    else:
        callbacks.append(Health(run.tell))
        (_map if stage == "map" else _tune)(run, data, folder, resume, callbacks)
    seconds = round(time.monotonic() - started, 1)
    write_once(lambda: run.ledger.write(stage, inputs, finished=True, seconds=seconds, curves=curves.of))
    if any(curves.of.values()):
        language = run.recipe.language
        shown = {part: {language: points} for part, points in curves.of.items() if points}
        write_once(lambda: draw_losses(shown, run.output / f"{stage}.png"))


def _represent(run: _Run, data: Gathered, folder: Path, resume: bool, callbacks: Sequence[TrainerCallback]) -> None:
    settings = cast(Represent, run.recipe.represent)
    settings = replace(settings, training=run.prepared(settings.training, through_base=False))
    represent(data.rows, settings, folder, resume=resume, callbacks=callbacks)


def _map(run: _Run, data: Gathered, folder: Path, resume: bool, callbacks: Sequence[TrainerCallback]) -> None:
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
        data.rows,
        replace(settings, **cast(Any, parts)),
        folder,
        language=recipe.language,
        resume=resume,
        callbacks=callbacks,
    )


def _tune(run: _Run, data: Gathered, folder: Path, resume: bool, callbacks: Sequence[TrainerCallback]) -> None:
    recipe, settings = run.recipe, cast(Tune, run.recipe.tune)
    watch = recipe.watch
    asked = data.held_out[: watch.samples]
    tune(
        run.base(),
        ModalityAdapter.from_pretrained(recipe.adapter or run.output / "map" / "adapter"),
        data.rows,
        replace(settings, training=run.prepared(settings.training, through_base=True)),
        folder,
        resume=resume,
        callbacks=[*callbacks, Samples(asked, watch.every, run.output / "samples.jsonl", run.tell)],
    )


def _gather(recipe: Recipe, kind: Kind, tokenizer: Any) -> Gathered:
    return gather(recipe.data, kind, recipe.language, tokenizer=tokenizer, seed=recipe.seed)


def _make_room(recipe: Recipe, output: Path, resume: bool) -> None:
    about = output / "run.json"
    if output.exists() and not output.is_dir():
        raise NewtongueError(f"{output} is a file. Give --output the name of a folder.")
    if not output.exists() or not any(output.iterdir()):
        return
    if not about.is_file():
        raise NewtongueError(f"{output} is not empty and holds no run. Choose another --output.")
    if not resume:
        raise NewtongueError(f"{output} holds a run already. Go on with it by --resume, or choose another --output.")
    before, now = json.loads(about.read_text(encoding="utf-8")), _about(recipe)
    if {key: before.get(key) for key in now} != now:
        raise NewtongueError(
            f"{output} holds another recipe's run: {before['language']!r} into {before['base']!r}, not "
            f"{now['language']!r} into {now['base']!r}. Choose another --output."
        )


def _about(recipe: Recipe) -> dict[str, Any]:
    return {"language": recipe.language, "base": recipe.base.name}


def _describe_run(recipe: Recipe, output: Path, made: Any) -> None:
    output.mkdir(parents=True, exist_ok=True)
    (output / "run.json").write_text(json.dumps({**_about(recipe), **environment()}, indent=2) + "\n")
    (output / "recipe.yaml").write_text(in_full(recipe), encoding="utf-8")
    write_report(made, output / "data")


def _set_aside(folder: Path) -> None:
    """What an earlier run left is kept, under another name."""
    if not folder.exists():
        return
    number = 1
    while (aside := folder.with_name(f"{folder.name}.before-{number}")).exists():
        number += 1
    shutil.move(folder, aside)


def _sources(recipe: Recipe) -> list[Any]:
    return [source for stage in stages_of(recipe) for source in getattr(recipe.data, KINDS[stage])]


def _steps(stage: Any) -> dict[str, int]:
    found = {field.name: getattr(stage, field.name) for field in dataclasses.fields(stage)}
    return {name: one.steps for name, one in found.items() if isinstance(one, Training)}

"""Each stage of a recipe, with what the recipe gives it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from transformers import TrainerCallback

from newtongue import ModalityAdapter
from newtongue_recipes.settings import Map, Represent, Tune
from newtongue_recipes.stages import map_language, represent, tune, twins_of

from .job import Job
from .rows import Rows
from .samples import Samples


def perform(
    stage: str, job: Job, data: Rows, folder: Path, *, resume: bool, callbacks: Sequence[TrainerCallback]
) -> None:
    """Train one stage.

    Args:
        stage: its name.
        job: whose.
        data: the rows of all stages.
        folder: of this one; stage 2 finds stage 1's encoder beside it, stage 3 what stage 2 made.
        resume: go on from the last checkpoint there, if there is one.
        callbacks: of the trainers.
    """
    {"represent": _represent, "map": _map, "tune": _tune}[stage](job, data, folder, resume, callbacks)


def _represent(job: Job, data: Rows, folder: Path, resume: bool, callbacks: Sequence[TrainerCallback]) -> None:
    settings = cast(Represent, job.recipe.represent)
    settings = replace(settings, training=job.prepared(settings.training, through_base=False))
    represent(data["represent"].rows, settings, folder, resume=resume, callbacks=callbacks)


def _map(job: Job, data: Rows, folder: Path, resume: bool, callbacks: Sequence[TrainerCallback]) -> None:
    recipe, settings = job.recipe, cast(Map, job.recipe.map)
    parts = {name: job.prepared(training, through_base=name == "through") for name, training in settings.parts.items()}
    map_language(
        job.base(),
        recipe.encoder or job.output / "represent",
        data["map"].rows,
        replace(settings, **cast(Any, parts)),
        folder,
        language=recipe.language,
        sharded=job.sharded,
        resume=resume,
        callbacks=callbacks,
    )


def _tune(job: Job, data: Rows, folder: Path, resume: bool, callbacks: Sequence[TrainerCallback]) -> None:
    recipe, settings = job.recipe, cast(Tune, job.recipe.tune)
    watch = recipe.watch
    asked = data["tune"].held_out[: watch.samples]
    tune(
        job.base(),
        ModalityAdapter.from_pretrained(recipe.adapter or job.output / "map" / "adapter"),
        data["tune"].rows,
        replace(settings, training=job.prepared(settings.training, through_base=True)),
        folder,
        twins=twins_of(data["twins"].rows, recipe.language) if settings.twins else (),
        sharded=job.sharded,
        resume=resume,
        callbacks=[*callbacks, Samples(asked, watch.every, job.output / "samples.jsonl", job.tell)],
    )

"""Teaching phi-nano one language: the three stages on the atlas, in a process of its own."""

import random
import time
import traceback
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from newtongue import Encoder, ModalityAdapter
from newtongue_recipes import card
from newtongue_recipes.demo.lessons import lessons
from newtongue_recipes.demo.nano import load_nano
from newtongue_recipes.recipe import load_recipe
from newtongue_recipes.stages import map_language, represent, tune, twins_of
from newtongue_recipes.stages.curriculum import Curriculum
from newtongue_recipes.train.quiet import mute


def demo_curriculum() -> Curriculum:
    """The settings of the demo's recipes, which are the same for both languages."""
    recipe = load_recipe("demo-turkish")
    assert recipe.represent and recipe.map and recipe.tune
    return Curriculum(recipe.represent, recipe.map, recipe.tune)


class Reports(TrainerCallback):
    """Tells the parent process how far a stage is: `(language, stage, step, loss or None)`."""

    def __init__(self, queue: "Queue[Any]", language: str, stage: str) -> None:
        self.queue, self.language, self.stage = queue, language, stage

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Another step is done."""
        self.queue.put(("step", self.language, self.stage, state.global_step, None))

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **kwargs: Any) -> None:
        """A loss is known."""
        if logs and "loss" in logs:
            self.queue.put(("loss", self.language, self.stage, state.global_step, float(logs["loss"])))


def teach(
    language: str,
    base: Path,
    output: Path,
    curriculum: Curriculum,
    seed: int,
    threads: int,
    queue: "Queue[Any]",
) -> None:
    """Teach `base` one language and write the adapter to `output/language`; events go to `queue`.

    Ends with `("done", language, seconds by stage)` or `("failed", language, traceback)`.
    """
    try:
        mute(threads)
        seconds = _stages(language, base, output, curriculum.seeded(seed), seed, queue)
        queue.put(("done", language, seconds))
    except BaseException:
        queue.put(("failed", language, traceback.format_exc()))
        raise


def _stages(
    language: str, base: Path, output: Path, curriculum: Curriculum, seed: int, queue: "Queue[Any]"
) -> dict[str, float]:
    work = output / "stages" / language
    seconds: dict[str, float] = {}
    taught = lessons(language, seed, voice=curriculum.tune.answer == "own")

    started = time.monotonic()
    represent(taught.raw, curriculum.represent, work / "encoder", callbacks=[Reports(queue, language, "represent")])
    seconds["represent"] = time.monotonic() - started

    started = time.monotonic()
    adapter = map_language(
        load_nano(base),
        Encoder.from_pretrained(work / "encoder", attn_implementation="eager"),
        taught.pairs,
        curriculum.map,
        work / "map",
        language=language,
        callbacks=[_MapReports(queue, language)],
    )
    seconds["map"] = time.monotonic() - started

    started = time.monotonic()
    conversations = list(taught.conversations)
    random.Random(seed).shuffle(conversations)
    adapter = tune(
        load_nano(base),
        adapter,
        conversations,
        curriculum.tune,
        work / "tune",
        twins=twins_of(taught.pairs, language),
        callbacks=[Reports(queue, language, "tune")],
    )
    seconds["tune"] = time.monotonic() - started
    _describe(adapter, curriculum, seed, seconds).save_pretrained(output / language)
    return seconds


class _MapReports(Reports):
    """Names the part of stage 2 by the trainer that runs it."""

    def __init__(self, queue: "Queue[Any]", language: str) -> None:
        super().__init__(queue, language, "map")

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """A part begins; its folder bears its name."""
        self.stage = f"map {Path(args.output_dir).name}"


def _describe(
    adapter: ModalityAdapter, curriculum: Curriculum, seed: int, seconds: dict[str, float]
) -> ModalityAdapter:
    return adapter.describe(
        licence="apache-2.0",
        data="The atlas: true facts about countries, elements and animals, written for newtongue, and sentences "
        "about them. Facts of 30% of the subjects are never asked or stated in the language.",
        training=card.training(curriculum.stages(), seconds, seed),
        limits="Knows the atlas and nothing else; made to show the method, not to be used.",
    )

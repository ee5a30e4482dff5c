"""Teaching phi-nano one language: the three stages on the atlas, in a process of its own."""

import os
import random
import time
import traceback
import warnings
from dataclasses import dataclass, field, replace
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

import datasets
import torch
import transformers
from transformers import TrainerCallback

from newtongue import Encoder, ModalityAdapter
from newtongue_recipes import card
from newtongue_recipes.demo.lessons import SAY, lessons
from newtongue_recipes.demo.nano import load_nano
from newtongue_recipes.stages import Map, Represent, Training, Tune, map_language, represent, tune, twins_of
from newtongue_recipes.train.quiet import OLD_NAMES

FAST = {"bf16": True, "train_sampling_strategy": "group_by_length"}  # Rows of like length pad little.
NIMBLE = {"adam_beta1": 0.8, "adam_beta2": 0.99}  # Forgets sooner, and so leaves the plateau of the means sooner.


@dataclass(frozen=True)
class Curriculum:
    """The settings of the demo's three stages."""

    represent: Represent = field(
        default_factory=lambda: Represent(
            Training(steps=600, batch=48, rate=3e-3, extra=FAST),
            vocabulary=3_000,
            width=128,
            layers=3,
            heads=4,
            positions=64,
        )
    )
    map: Map = field(
        default_factory=lambda: Map(
            words=Training(steps=300, batch=96, rate=3e-3, extra={**FAST, **NIMBLE}),
            toward=Training(steps=2_500, batch=48, rate=2e-3, extra=FAST),
            contrast=0.3,
            sharpness=8.0,
            settled=0.5,
            say=SAY,
        )
    )
    tune: Tune = field(
        default_factory=lambda: Tune(
            Training(steps=1_200, batch=32, rate=2e-3, extra=FAST),
            rank=32,
            alpha=64,
            encoder_rate=0.3,
            max_length=128,
            answer="own",
            twins=0.25,
        )
    )

    def without_voice(self) -> "Curriculum":
        """The same with answers in a language spelled in the base's tokens."""
        return replace(self, tune=replace(self.tune, answer="base"))

    def seeded(self, seed: int) -> "Curriculum":
        """The same with another seed throughout; progress bars are the caller's."""

        def with_seed(training: Training) -> Training:
            return replace(training, seed=seed, extra={**training.extra, "disable_tqdm": True})

        words, toward, through = (one and with_seed(one) for one in (self.map.words, self.map.toward, self.map.through))
        return Curriculum(
            replace(self.represent, training=with_seed(self.represent.training)),
            replace(self.map, words=words, toward=toward, through=through),
            replace(self.tune, training=with_seed(self.tune.training)),
        )

    def stages(self) -> dict[str, Represent | Map | Tune]:
        """The settings by stage."""
        return {"represent": self.represent, "map": self.map, "tune": self.tune}

    def steps(self) -> dict[str, int]:
        """Steps of each training, by the name under which it is reported."""
        mapping = {f"map {name}": part.steps for name, part in self.map.parts.items()}
        return {"represent": self.represent.training.steps, **mapping, "tune": self.tune.training.steps}


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
        quiet(threads)
        seconds = _stages(language, base, output, curriculum.seeded(seed), seed, queue)
        queue.put(("done", language, seconds))
    except BaseException:
        queue.put(("failed", language, traceback.format_exc()))
        raise


def quiet(threads: int) -> None:
    """Make this process use so many threads and leave the screen to the parent."""
    warnings.filterwarnings("ignore", OLD_NAMES, FutureWarning)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    torch.set_num_threads(threads)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    datasets.disable_progress_bars()


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

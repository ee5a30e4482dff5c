"""Our own method in an experiment: each stage made once for all methods that share it."""

import json
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from transformers import TrainerCallback, set_seed

from newtongue import Encoder, ModalityAdapter
from newtongue.saving.whole import write_whole
from newtongue_evaluation.baselines import Learned
from newtongue_evaluation.baselines.method import Stopwatch, thoughts
from newtongue_evaluation.baselines.soft_tokens import SoftTokens, disturbed
from newtongue_recipes.stages import Map, Represent, Tune, map_language, represent, tune, twins_of

from .methods import Form
from .world import World


@dataclass(frozen=True)
class Made:
    """Something a stage wrote, and what it took."""

    folder: Path
    steps: int
    seconds: float
    trained: int = 0


def encoder(world: World, settings: Represent, folder: Path, callbacks: Sequence[TrainerCallback]) -> Made:
    """Stage 1, made once for all methods that use it."""
    about = folder / "made.json"
    if not about.exists():
        watch = Stopwatch()
        represent(world.lessons.text, settings, folder, callbacks=callbacks)
        found = {"steps": settings.training.steps, "seconds": watch.seconds}
        write_whole(about, json.dumps(found) + "\n")
    return Made(folder, **json.loads(about.read_text()))


def mapped(world: World, settings: Map, read: Made, folder: Path, callbacks: Sequence[TrainerCallback]) -> Made:
    """Stage 2 on an encoder, made once for all that map alike; without pairs, a mapper that has learned nothing."""
    about = folder / "made.json"
    if not about.exists():
        watch, steps, language = Stopwatch(), read.steps, world.lessons.language
        reader = Encoder.from_pretrained(read.folder, attn_implementation="eager")
        base = world.lessons.load()
        if world.pairs:
            made = map_language(base, reader, world.pairs, settings, folder, language=language, callbacks=callbacks)
            steps += sum(part.steps for part in settings.parts.values())
        else:
            set_seed(next(iter(settings.parts.values())).seed if settings.parts else 0)
            made = ModalityAdapter.create(
                base,
                reader,
                language=language,
                hidden=settings.hidden,
                dropout=settings.dropout,
                sharpness=settings.sharpness,
                borrows=settings.borrows,
            )
            made.save_pretrained(folder / "adapter", overwrite=True)
        _write(about, made, steps, read.seconds + watch.seconds)
    return Made(folder / "adapter", **json.loads(about.read_text()))


def tuned(
    world: World,
    settings: Tune,
    before: Made,
    folder: Path,
    put: Form,
    callbacks: Sequence[TrainerCallback],
    change: SoftTokens | None = None,
) -> Made:
    """Stage 3 on what stage 2 made, made once for all that ask it; with changed soft tokens, if so wanted."""
    about = folder / "made.json"
    if not about.exists():
        watch = Stopwatch()
        made = ModalityAdapter.from_pretrained(before.folder)
        made.encoder.model.set_attn_implementation("eager")
        rows = [put(one) for one in world.lessons.questions]
        twins = [replace(one, read=put(one.read)) for one in twins_of(world.pairs, world.lessons.language)]
        settings = settings if twins else replace(settings, twins=0.0)  # Without pairs there are none to learn from.
        with disturbed(made, change) if change else nullcontext():
            made = tune(world.lessons.load(), made, rows, settings, folder, twins=twins, callbacks=callbacks)
        _write(about, made, before.steps + settings.training.steps, before.seconds + watch.seconds)
    return Made(folder / "adapter", **json.loads(about.read_text()))


def _write(about: Path, made: ModalityAdapter, steps: int, seconds: float) -> None:
    weights = sum(parameter.numel() for parameter in made.parameters())
    weights += sum(weight.numel() for weight in (made.lora_weights() or {}).values())
    found = {"steps": steps, "seconds": round(seconds, 1), "trained": weights}
    write_whole(about, json.dumps(found) + "\n")


def learned(world: World, made: Made, put: Form) -> Learned:
    """A made adapter on a fresh base, ready to be asked."""
    one = ModalityAdapter.from_pretrained(made.folder)
    one.encoder.model.set_attn_implementation("eager")
    model = one.attach(world.lessons.load(), tokenizer=world.lessons.tokenizer)
    return Learned(
        model,
        model.tokenizer,
        lambda asked: put(asked.messages),
        made.steps,
        made.seconds,
        made.trained,
        thoughts=thoughts(world.exam),
    )

"""What a training will do, told before it begins: stages, parameters, memory, room on the disk."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import PartialState, init_empty_weights
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM

from newtongue import ModalityAdapter, NewtongueError
from newtongue.answering.lora import check_lora
from newtongue.base import embedding_table
from newtongue.reading.mapper import Mapper
from newtongue.saving.config import MapperConfig
from newtongue_evaluation.report import table
from newtongue_recipes.estimates import GIB, Estimate, expect_memory
from newtongue_recipes.loading import check_attention, positions_of
from newtongue_recipes.recipe import Recipe
from newtongue_recipes.recipe.conflicts import trainings
from newtongue_recipes.settings import Training, Tune
from newtongue_recipes.stages.represent import encoder_config

from .check import Start

CHECKPOINTS = 2  # Kept of each part; while one is written there is one more.
WEIGHT = 4  # Bytes of a weight: all that is trained is float32.
READS = {"represent": "text", "words": "aligned pairs", "toward": "pairs", "through": "pairs", "tune": "questions"}


@dataclass(frozen=True)
class Part:
    """A training of a stage: what it reads, how many rows there are, and how many it takes.

    Where rows are mined, there is no telling how many. `others` is the share of a step that is rows of another kind.
    `widened`: bf16 is asked for, and trained in float32.
    """

    name: str
    rows: int | None
    steps: int
    batch: int
    others: float = 0.0
    widened: bool = False

    @property
    def passes(self) -> float | None:
        """How often each row is seen; None where it is not known."""
        return None if self.rows is None else self.steps * self.batch * (1 - self.others) / max(1, self.rows)


@dataclass(frozen=True)
class Plan:
    """Numbers of a run.

    Attributes:
        parts: the trainings, in order.
        frozen: parameters of the base, which stay as they are.
        trained: parameters trained, by part of the adapter.
        memory: of the stage that wants most; None where the base's shape is not known.
        disk: bytes the run will write.
    """

    parts: list[Part]
    frozen: int
    trained: dict[str, int]
    memory: Estimate | None
    disk: int

    def as_markdown(self) -> str:
        """For the screen."""
        steps = table(
            ["training", "reads", "rows", "steps", "rows a step", "passes"],
            [
                [one.name, READS[one.name], _told(one.rows, ","), f"{one.steps:,}", one.batch, _told(one.passes, ".1f")]
                for one in self.parts
            ],
        )
        trained = ", ".join(f"{part} {count:,}" for part, count in self.trained.items())
        lines = [
            steps,
            f"Parameters trained: {trained}. Frozen: {self.frozen:,} of the base.",
            f"Disk: about {size_of(self.disk)}, checkpoints included.",
        ]
        widened = ", ".join(one.name for one in self.parts if one.widened)
        if widened:
            lines.append(f"Without bf16, which this CPU would only imitate, and slowly: {widened}.")
        if self.memory:
            parts = ", ".join(f"{part} {size_of(size)}" for part, size in self.memory.parts.items())
            lines.append(
                f"Memory, on a GPU: about {size_of(self.memory.total)}, in {self.memory.stage}, which wants most "
                f"({parts})."
            )
        return "\n\n".join(lines)


def make_plan(recipe: Recipe, rows: Mapping[str, int], start: Start) -> Plan:
    """Plan a run.

    Args:
        recipe: what is trained.
        rows: of each training's data, by its name.
        start: what the first stage starts from.

    Raises:
        NewtongueError: the base's configuration cannot be read, or the LoRA or the longest row does not fit it.
        BaseMismatchError: what it starts from is for another base.
    """
    base = _without_weights(recipe)
    if isinstance(start, ModalityAdapter):
        start.config.base.check(base)
    _check_positions(recipe, base.config)
    frozen = sum(parameter.numel() for parameter in base.parameters())
    trained: dict[str, int] = {}
    encoder = start.encoder if isinstance(start, ModalityAdapter) else start
    if encoder is not None:
        trained["encoder"], width = _count(encoder), encoder.width
    elif recipe.represent:
        with init_empty_weights():
            fresh = AutoModel.from_config(encoder_config(recipe.represent, recipe.represent.vocabulary))
        trained["encoder"], width = _count(fresh), recipe.represent.width
    if isinstance(start, ModalityAdapter):
        trained["mapper"] = _count(start.mapper)
    elif recipe.map:
        embedding = base.get_input_embeddings().weight.shape[1]
        hidden = recipe.map.hidden or 2 * max(width, embedding)
        with init_empty_weights():
            mapper = Mapper(MapperConfig(width, hidden, embedding, 1.0))
        trained["mapper"] = _count(mapper)
    if recipe.tune:
        trained["LoRA"] = _lora(base, recipe.tune, recipe.base.name)
    if recipe.tune and recipe.tune.answer == "own":
        tokens = encoder.vocabulary if encoder else recipe.represent.vocabulary if recipe.represent else 0
        embedding = base.get_input_embeddings().weight.shape[1]
        trained["voice"] = 2 * width * embedding + width + embedding + 2 * tokens
    processes = PartialState().num_processes
    parts, disk = [], 0
    for (stage, part), training in trainings(dict(recipe)):
        name = stage if part == "training" else part
        known = None if name == "words" and recipe.map and recipe.map.mined else rows[name]
        twins = recipe.tune.twins if name == "tune" and recipe.tune else 0.0
        widened = training.options != training.extra
        parts.append(Part(name, known, training.steps, training.rows * processes, twins, widened))
        disk += _written(training, _trained_by(stage, trained))
    disk += WEIGHT * (2 * sum(trained.values()) + sum(_trained_by(one, trained) for one in stages_of(recipe)))
    return Plan(parts, frozen, trained, expect_memory(recipe), disk)


def stages_of(recipe: Recipe) -> list[str]:
    """The stages a recipe has, in order."""
    return [stage for stage in ("represent", "map", "tune") if getattr(recipe, stage) is not None]


def size_of(size: float) -> str:
    """Bytes as a reader takes them in."""
    return f"{size / GIB:.1f} GiB" if size >= GIB / 10 else f"{size / 2**20:.0f} MiB"


def _told(count: float | None, how: str) -> str:
    return "–" if count is None else format(count, how)


def _written(training: Training, trained: int) -> int:
    """What the checkpoints of a training take, with the two averages of Adam."""
    if not training.save_steps:
        return 0
    kept = min(CHECKPOINTS, -(-training.steps // training.save_steps))
    averages = 2 if "8bit" in str(training.extra.get("optim")) else 8
    return kept * trained * (WEIGHT + averages)


def _trained_by(stage: str, trained: dict[str, int]) -> int:
    last = {"represent": 1, "map": 2, "tune": 4}[stage]
    return sum(trained.get(part, 0) for part in ("encoder", "mapper", "LoRA", "voice")[:last])


def _lora(base: Any, tune: Tune, name: str) -> int:
    lora = LoraConfig(r=tune.rank, target_modules=tune.target_modules, task_type="CAUSAL_LM")
    check_lora(lora, embedding_table(base).shape[1])
    try:
        with init_empty_weights():
            tuned = get_peft_model(base, lora)
    except ValueError as error:
        raise NewtongueError(
            f"tune.target_modules={tune.target_modules!r} does not fit the base {name}: {error} Name "
            "linear layers of the base, or all-linear for all of them."
        ) from error
    return sum(one.numel() for name, one in tuned.named_parameters() if "lora_" in name)


def _count(model: Any) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def _check_positions(recipe: Recipe, config: Any) -> None:
    most = positions_of(config)
    if recipe.tune and most and recipe.tune.max_length > most:
        raise NewtongueError(
            f"tune.max_length={recipe.tune.max_length} is more than the {most} positions that the base "
            f"{recipe.base.name!r} reads at once. Set it to no more."
        )


def _without_weights(recipe: Recipe) -> Any:
    """The base, as shapes alone."""
    try:
        config = AutoConfig.from_pretrained(recipe.base.name, revision=recipe.base.revision)
        with init_empty_weights(), torch.device("meta"):
            base = AutoModelForCausalLM.from_config(config, attn_implementation=recipe.base.attention)
        base.tie_weights()  # Each parameter was made anew as it was put in its place.
        return base
    except (OSError, ValueError, ImportError) as error:
        check_attention(recipe.base.attention, error)
        raise NewtongueError(
            f"The base {recipe.base.name!r} cannot be read: {error} In base.name, give a folder or a Hub id that holds "
            "a causal language model; offline, a folder or one that was loaded before."
        ) from error

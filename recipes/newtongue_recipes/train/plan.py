"""What a training will do, told before it begins: stages, parameters, memory, room on the disk."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM

from newtongue import NewtongueError
from newtongue_evaluation.report import table
from newtongue_recipes.estimates import GIB, Estimate, expect_memory
from newtongue_recipes.recipe import Recipe
from newtongue_recipes.recipe.conflicts import trainings

KEPT = 3  # Copies of what is trained that lie on the disk at once: two checkpoints and the result.
STATE = 3  # Times the size of what is trained that a checkpoint takes: with the optimizer's two averages.


@dataclass(frozen=True)
class Plan:
    """Numbers of a run.

    Attributes:
        rows: (stage, part, rows, steps, batch), in order.
        frozen: parameters of the base, which stay as they are.
        trained: parameters trained, by part of the adapter.
        memory: of the stage that wants most; None where the base's shape is not known.
        disk: bytes the run will write.
    """

    rows: list[tuple[str, str, int, int, int]]
    frozen: int
    trained: dict[str, int]
    memory: Estimate | None
    disk: int

    def as_markdown(self) -> str:
        """For the screen."""
        steps = table(
            ["stage", "part", "rows", "steps", "batch", "passes"],
            [
                [stage, part, f"{rows:,}", f"{steps:,}", batch, f"{steps * batch / max(1, rows):.1f}"]
                for stage, part, rows, steps, batch in self.rows
            ],
        )
        trained = ", ".join(f"{part} {count:,}" for part, count in self.trained.items())
        lines = [
            steps,
            f"Trained: {trained}. Frozen: the base's {self.frozen:,}.",
            f"Disk: about {self.disk / GIB:.2f} GiB.",
        ]
        if self.memory:
            parts = ", ".join(f"{part} {size / GIB:.1f}" for part, size in self.memory.parts.items())
            lines.append(
                f"Memory: about {self.memory.total / GIB:.1f} GiB on a GPU, in stage {self.memory.stage} "
                f"(GiB: {parts})."
            )
        return "\n\n".join(lines)


def make_plan(recipe: Recipe, sizes: dict[str, int]) -> Plan:
    """Plan a run.

    Args:
        recipe: what is trained.
        sizes: rows of each stage's data, by stage.

    Raises:
        NewtongueError: the base's configuration cannot be read.
    """
    base = _meta(AutoModelForCausalLM, recipe.base.name, recipe.base.revision, "base model")
    frozen = sum(parameter.numel() for parameter in base.parameters())
    trained: dict[str, int] = {}
    width, encoder = _encoder(recipe)
    if encoder:
        trained["encoder"] = encoder
    if recipe.map or recipe.adapter:
        embedding = base.get_input_embeddings().weight.shape[1]
        hidden = (recipe.map and recipe.map.hidden) or 2 * max(width, embedding)
        trained["mapper"] = hidden * (width + embedding) + hidden + embedding + 2 * width + 2 * embedding
    if recipe.tune:
        lora = LoraConfig(r=recipe.tune.rank, target_modules=recipe.tune.target_modules, task_type="CAUSAL_LM")
        with init_empty_weights():
            tuned = get_peft_model(base, lora)
        trained["LoRA"] = sum(one.numel() for name, one in tuned.named_parameters() if "lora_" in name)
    rows = []
    for (stage, part), training in trainings(dict(recipe)):
        name = stage if part == "training" else part
        rows.append((stage, name, sizes[stage], training.steps, training.batch))
    disk = 4 * sum(trained.values()) * KEPT * STATE
    return Plan(rows, frozen, trained, expect_memory(recipe), disk)


def check_disk(plan: Plan, folder: Path) -> None:
    """Refuse a run the disk has no room for.

    Raises:
        NewtongueError: as said.
    """
    standing = next(parent for parent in (folder, *folder.resolve().parents) if parent.exists())
    free = shutil.disk_usage(standing).free
    if free < plan.disk:
        raise NewtongueError(
            f"The disk of {folder} has {free / GIB:.1f} GiB free and the run will write about {plan.disk / GIB:.1f}. "
            "Make room, or choose another --output."
        )


def _encoder(recipe: Recipe) -> tuple[int, int]:
    """Width and parameters of the encoder; (0, 0) where it comes with an adapter that is not at hand yet."""
    made = recipe.represent
    if made and made.start_from is None:
        from newtongue_recipes.stages.represent import encoder_config

        config = encoder_config(made, vocabulary=made.vocabulary)
        with init_empty_weights():
            model = AutoModel.from_config(config)
    else:
        name = made.start_from if made else recipe.encoder or f"{recipe.adapter}/encoder"
        model = _meta(AutoModel, str(name), None, "encoder")
    return int(model.config.hidden_size), sum(parameter.numel() for parameter in model.parameters())


def _meta(kind: Any, name: str, revision: str | None, what: str) -> Any:
    """A model without its weights."""
    try:
        config = AutoConfig.from_pretrained(name, revision=revision)
        with init_empty_weights(), torch.device("meta"):
            return kind.from_config(config)
    except (OSError, ValueError) as error:
        raise NewtongueError(
            f"The {what} {name!r} cannot be read: {error} Name a folder or a Hub id that holds one; offline, a folder "
            "or one that was loaded before."
        ) from error


def stages_of(recipe: Recipe) -> Sequence[str]:
    """The stages a recipe has, in order."""
    return [stage for stage in ("represent", "map", "tune") if getattr(recipe, stage) is not None]

"""What this machine cannot do of a training, told before it begins: options of trainers, room on the disk."""

import shutil
from pathlib import Path

import torch
from transformers import TrainingArguments
from transformers.integrations.integration_utils import get_reporting_integration_callbacks
from transformers.utils.import_utils import is_liger_kernel_available
from trl import SFTConfig

from newtongue import NewtongueError
from newtongue_recipes.recipe import Recipe
from newtongue_recipes.recipe.conflicts import trainings

from .plan import Plan, size_of

TUNED = {"bf16": False, "activation_checkpointing": False}  # Stage 3's own defaults, for TRL's are others.


def check_options(recipe: Recipe) -> None:
    """Refuse options that a trainer will not take, hours before it is made.

    Raises:
        NewtongueError: as said; it names the keys at fault where the trainer does.
    """
    try:
        trackers = get_reporting_integration_callbacks(recipe.watch.report_to)
    except ValueError as error:
        raise NewtongueError(f"watch.report_to: {error} Name one of these, or none.") from error
    try:
        for tracker in trackers:
            tracker()  # Says whether its package is there.
    except (RuntimeError, ValueError, ImportError) as error:
        raise NewtongueError(f"watch.report_to: {error} Or name none.") from error
    for (stage, part), training in trainings(dict(recipe)):
        kind, own = (SFTConfig, TUNED) if stage == "tune" else (TrainingArguments, {})
        try:
            training.arguments(Path(stage), kind, **own)
        except (ValueError, TypeError, ImportError) as error:
            said = str(error)
            named = [key for key, value in training.extra.items() if key in said or str(value) in said.split()]
            keys = ", ".join(f"{stage}.{part}.extra.{key}" for key in named or training.extra) or f"{stage}.{part}"
            raise NewtongueError(f"{keys}: {said.rstrip('.')}. Change it, or leave it out.") from error
        for option, (there, missing) in _of_this_machine().items():
            if training.extra.get(option) and not there:
                raise NewtongueError(f"{stage}.{part}.extra.{option}: {missing}, or leave it out.")


def check_disk(plan: Plan, folder: Path) -> None:
    """Refuse a run the disk has no room for; what it has written already counts as room.

    Raises:
        NewtongueError: as said.
    """
    standing = next(parent for parent in (folder, *folder.resolve().parents) if parent.exists())
    written = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else 0
    free, wanted = shutil.disk_usage(standing).free, max(0, plan.disk - written)
    if free < wanted:
        raise NewtongueError(
            f"The disk of {folder} has {size_of(free)} free and the run will write about {size_of(wanted)}. Make "
            "room, choose another --output, or keep fewer checkpoints (save_steps: 0 keeps none)."
        )


def _of_this_machine() -> dict[str, tuple[bool, str]]:
    """Options of `extra` that hang on the machine: whether it has what they need, and what that is."""
    return {
        "use_liger_kernel": (
            is_liger_kernel_available(),
            "liger-kernel is not installed, or too old. Get it with: pip install -U liger-kernel",
        ),
        "activation_offloading": (torch.cuda.is_available(), "there is no GPU to offload from. Use one"),
    }

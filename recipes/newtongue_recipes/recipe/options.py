"""Options of the stock trainers, for `extra`: their names and types, without importing the trainers."""

import ast
import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

from .nearest import did_you_mean

SOURCES = {
    "TrainingArguments": ("transformers", "training_args.py"),
    "_BaseConfig": ("trl", "trainer/base_config.py"),
    "SFTConfig": ("trl", "trainer/sft_config.py"),
}
SIMPLE = {"bool": bool, "int": int, "float": float, "None": type(None)}  # The others take words that mean more.

# Options with a key of their own in a recipe.
OWN = {
    "max_steps": "the training's 'steps'",
    "per_device_train_batch_size": "the training's 'batch'",
    "learning_rate": "the training's 'rate'",
    "save_steps": "the training's 'save_steps'",
    "seed": "the training's 'seed'",
    "output_dir": "the command's --output",
    "gradient_checkpointing": "'base.gradient_checkpointing'",
    "activation_checkpointing": "'base.gradient_checkpointing'",
    "report_to": "'watch.report_to'",
    "max_length": "'tune.max_length'",
    "packing": "'tune.packing'",
}

# Options that would do nothing, or fail once the training has begun: at what they are by default they are let be.
VAIN = {
    "num_train_epochs": (None, "does nothing beside 'steps'. Leave it out."),
    "eval_strategy": ("no", "has no rows to evaluate on. Leave it out; 'watch.samples' asks held-out questions."),
    "eval_steps": (None, "has no rows to evaluate on. Leave it out; 'watch.every' is between held-out questions."),
    "eval_on_start": (False, "has no rows to evaluate on. Leave it out; 'watch.samples' asks held-out questions."),
    "eval_packing": (None, "has no rows to evaluate on. Leave it out."),
    "load_best_model_at_end": (False, "has nothing to tell the best by. Leave it out; the last is kept."),
    "push_to_hub": (False, "would share checkpoints. Leave it out; `newtongue push` shares the finished adapter."),
    "resume_from_checkpoint": (None, "does nothing. Leave it out; the command's --resume finds the checkpoint."),
    "save_only_model": (False, "leaves out what --resume goes on from. Leave it out; save_steps: 0 keeps none at all."),
    "ignore_data_skip": (False, "would have --resume begin the rows anew, to other weights. Leave it out."),
    "model_init_kwargs": (None, "does nothing, for the base is loaded before. Say it under 'base'."),
    "chat_template_path": (
        None,
        "comes after the rows are written. Put a chat_template.jinja beside the base in 'base.name'.",
    ),
    "dataset_text_field": ("text", "does nothing, for the rows are tokens already. Name columns in 'data.questions'."),
    "completion_only_loss": (None, "does nothing: answers alone are learned from. Leave it out."),
    "assistant_only_loss": (
        False,
        "fails, for the rows are tokens already; answers alone are learned from. Leave it out.",
    ),
}
VAIN_IN_MAP = {
    "label_smoothing_factor": (0.0, "fails in stage 2, whose losses are its own. Leave it out."),
    "neftune_noise_alpha": (
        None,
        "fails in stage 2, which makes its embeddings itself. Leave it out; see 'map.masked'.",
    ),
}
VAIN_UNPACKED = {
    "padding_free": (False, "fails where rows are not packed. Set 'tune.packing' to true, or leave it out."),
}
VAIN_BESIDE_TWINS = {
    "label_smoothing_factor": (
        0.0,
        "fails beside twins, which answer to nothing. Set 'tune.twins' to 0, or leave it out.",
    ),
}
VAIN_WRITING = {
    "label_smoothing_factor": (
        0.0,
        "is infinite where the language writes: tokens that cannot follow have no chance to smooth. Leave it out.",
    ),
}


def refuse_option(
    name: Any, value: Any, *, stage: str, packing: bool = False, twins: bool = False, writes: bool = False
) -> str | None:
    """Why the trainer of a stage does not take an option, and what to do; None where it does.

    Args:
        name, value: the option's.
        stage: the stage's name.
        packing: whether it packs its rows.
        twins: whether there are twins among them.
        writes: whether answers are in the language's own tokens.
    """
    kind = "SFTConfig" if stage == "tune" else "TrainingArguments"
    known = trainer_options(kind)
    if name in OWN:
        return f"has a key of its own. Write it as {OWN[name]}."
    if name not in known:
        return f"no option of {kind}. {did_you_mean(name, known)}"
    vain = VAIN | (VAIN_IN_MAP if stage == "map" else {}) | ({} if packing else VAIN_UNPACKED)
    vain |= (VAIN_WRITING if writes else {}) | (VAIN_BESIDE_TWINS if twins else {})
    if name in vain and value != vain[name][0]:
        return vain[name][1]
    if name == "gradient_accumulation_steps" and type(value) is int and value < 1:
        return f"{value!r} is less than 1, which takes each 'batch' as a step. Give 1 or more."
    kinds = known[name].split(" | ")
    wanted = tuple(SIMPLE[kind] for kind in kinds if kind in SIMPLE)
    if len(wanted) < len(kinds) or type(value) in wanted or (type(value) is int and float in wanted):
        return None
    return f"{value!r} is no {known[name]}. Give {'true or false' if bool in wanted else 'a number'}."


@cache
def trainer_options(kind: str = "TrainingArguments") -> dict[str, str]:
    """Names and annotated types of a trainer's options, read off the source: to import it takes seconds."""
    package, file = SOURCES[kind]
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)
    source = Path(found.submodule_search_locations[0], file).read_text(encoding="utf-8")
    [body] = [one for one in ast.parse(source).body if isinstance(one, ast.ClassDef) and one.name == kind]
    options: dict[str, str] = {}
    for base in map(ast.unparse, body.bases):
        options |= trainer_options(base) if base in SOURCES else {}
    for line in body.body:
        if isinstance(line, ast.AnnAssign):
            options[ast.unparse(line.target)] = ast.unparse(line.annotation)
    return options

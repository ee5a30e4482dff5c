"""`--model newtongue` for lm-evaluation-harness: an adapter on the base it names."""

import sys
from collections.abc import Sequence
from inspect import signature
from typing import Any
from unittest.mock import patch

from lm_eval.__main__ import cli_evaluate
from lm_eval.api.registry import register_model
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from rich.console import Console

from newtongue import NewtongueError
from newtongue_evaluation.harness import TASKS
from newtongue_evaluation.harness.model import AttachedLM
from newtongue_recipes.attaching import attach_all, load_adapters
from newtongue_recipes.recipe.nearest import nearest


@register_model("newtongue")
class NewtongueLM(AttachedLM):
    """What `--model_args` give.

    Args:
        adapter: a folder or a Hub id.
        base: the base, where it is not the one that the adapter names.
        four_bit: load it in NF4, or not; as the adapter was trained where not given.
        port: read prompts through the adapter; else the bare base reads them in its own vocabulary.
        options: those of the harness's own transformers model.

    Raises:
        NewtongueError: no adapter is named, it cannot be loaded, or an option is none of these.
    """

    def __init__(
        self,
        adapter: str | None = None,
        base: str | None = None,
        four_bit: bool | None = None,
        port: bool = True,
        device: str | None = None,
        **options: Any,
    ) -> None:
        if not adapter:
            raise NewtongueError(
                "--model newtongue has no adapter. Name a folder or a Hub id: --model_args adapter=runs/tr/adapter."
            )
        _check_options(options, port=port, four_bit=four_bit)
        console = Console(stderr=True)
        loaded = load_adapters([adapter], console)
        model = attach_all([adapter], loaded, base=base, four_bit=four_bit, console=console)
        super().__init__(model, language=loaded[0].language if port else None, **options)


def _check_options(options: dict[str, Any], **switches: Any) -> None:
    """The harness's model takes what it does not know in silence."""
    given = [*signature(NewtongueLM).parameters.values(), *signature(HFLM).parameters.values()]
    known = {one.name for one in given if one.kind is not one.VAR_KEYWORD}
    for name in options.keys() - known:
        meant = nearest(name, known)
        hint = f"Did you mean {meant}?" if meant else f"There are {', '.join(sorted(known))}."
        raise NewtongueError(f"--model_args of newtongue have no {name!r}. {hint}")
    for name, value in switches.items():
        if not isinstance(value, bool):
            raise NewtongueError(f"--model_args {name}={value}: say True or False.")


def run_harness(arguments: Sequence[str]) -> None:
    """Run the harness's own command line, which then knows `newtongue` and the tasks that come with it."""
    begin = TaskManager.__init__

    def with_ours(self: Any, *given: Any, include_path: str | None = None, **options: Any) -> None:
        """Beside those of `--include_path`, which takes a single folder, and first, so that they may replace ours."""
        begin(self, *given, include_path=[str(TASKS), *([include_path] if include_path else [])], **options)

    with (
        patch.object(sys, "argv", ["newtongue harness", *arguments]),
        patch.object(TaskManager, "__init__", with_ours),
    ):
        cli_evaluate()

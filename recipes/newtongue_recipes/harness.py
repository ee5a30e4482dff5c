"""`--model newtongue` for lm-evaluation-harness: an adapter on the base it names."""

import sys
from collections.abc import Sequence
from typing import Any
from unittest.mock import patch

from lm_eval.__main__ import cli_evaluate
from lm_eval.api.registry import register_model
from lm_eval.tasks import TaskManager
from rich.console import Console

from newtongue import NewtongueError
from newtongue_evaluation.harness import TASKS
from newtongue_evaluation.harness.model import AttachedLM
from newtongue_recipes.attaching import attach_all, load_adapters


@register_model("newtongue")
class NewtongueLM(AttachedLM):
    """What `--model_args` give.

    Args:
        adapter: a folder or a Hub id.
        base: the base, where it is not the one that the adapter names.
        four_bit: load it in NF4.
        port: read prompts through the adapter; else the bare base reads them in its own vocabulary.
        options: those of the harness's own transformers model.

    Raises:
        NewtongueError: no adapter is named, or it cannot be loaded.
    """

    def __init__(
        self,
        adapter: str | None = None,
        base: str | None = None,
        four_bit: bool = True,
        port: bool = True,
        device: str | None = None,
        **options: Any,
    ) -> None:
        if not adapter:
            raise NewtongueError(
                "--model newtongue has no adapter. Name a folder or a Hub id: --model_args adapter=runs/tr/adapter."
            )
        console = Console(stderr=True)
        loaded = load_adapters([adapter], console)
        model = attach_all([adapter], loaded, base=base, four_bit=four_bit, console=console)
        super().__init__(model, language=loaded[0].language if port else None, **options)


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

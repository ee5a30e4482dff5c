"""Held-out questions, answered while stage 3 trains."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from newtongue.saving.whole import write_whole
from newtongue_evaluation.answers import answer
from newtongue_recipes.data.conversations import contents
from newtongue_recipes.stages.checkpoints import attached


class Samples(TrainerCallback):
    """Answers held-out questions at intervals, on the screen and in a file, and leaves the training as it would be.

    Args:
        questions: messages, each with its answer last.
        every: steps between.
        path: the file, a JSON object a line: step, asked, gold, answer.
        tell: says a line.
    """

    def __init__(self, questions: Sequence[Any], every: int, path: Path, tell: Callable[[str], None]) -> None:
        self.questions, self.every, self.path, self.tell = list(questions), every, path, tell

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Forgets answers from after the checkpoint that is gone on from; they will be given again."""
        if state.is_world_process_zero and self.path.exists():
            lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)
            kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= state.global_step]
            if kept:
                write_whole(self.path, "".join(kept))
            else:
                self.path.unlink()

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        """Asks at every so many steps, and at the last."""
        due = state.global_step % self.every == 0 or state.global_step == state.max_steps
        if not self.questions or not due:
            return
        base = attached(model)
        modes = [(module, module.training) for module in base.modules()]
        devices = [base.device] if base.device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            # Every process asks, for the base's layers may be shared out among them; the first alone writes.
            given = answer(base, base.tokenizer, [one[:-1] for one in self.questions], max_new_tokens=48)
        for module, training in modes:
            module.training = training
        if state.is_world_process_zero:
            self._write(state.global_step, given)

    def _write(self, step: int, given: Sequence[str]) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            for one, said in zip(self.questions, given, strict=True):
                line = {"step": step, "asked": one[:-1], "gold": one[-1]["content"], "answer": said}
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
                self.tell(f"step {step}: {' '.join(contents(one[-2]))} → {said or '–'} (gold: {line['gold']})")

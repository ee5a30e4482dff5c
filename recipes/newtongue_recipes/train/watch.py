"""What to watch while a stage trains: pace, the health of the soft tokens, answers to held-out questions."""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import TrainerCallback

from newtongue_evaluation.answers import answer
from newtongue_recipes.stages.checkpoints import attached

Tell = Callable[[str], None]
Curve = list[tuple[int, float]]

PACED = 10  # Steps after which the time a part takes can be told.
DRIFT = 3.0  # Times the size of a base's embedding, above or below, at which soft tokens are called strange.
ALIKE = 0.95  # Length of the mean of the soft tokens' directions, 1 if all are the same.


class Pace(TrainerCallback):
    """Tells the time a part will take after its first steps, and adds positions per second to what is logged."""

    def __init__(self, tell: Tell) -> None:
        self.tell = tell

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Starts the clock."""
        self.began_at, self.began = state.global_step, time.monotonic()
        self.logged, self.positions = self.began, state.num_input_tokens_seen

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """After ten steps the rest can be estimated."""
        if state.global_step == self.began_at + PACED and state.max_steps > state.global_step:
            each = (time.monotonic() - self.began) / PACED
            rest = each * (state.max_steps - state.global_step)
            self.tell(f"{Path(args.output_dir).name}: {each:.2f} s a step, about {_clock(rest)} to go.")

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Comes before the progress bar prints the line."""
        now, read = time.monotonic(), state.num_input_tokens_seen
        if logs and "loss" in logs and read > self.positions:
            logs["positions_per_second"] = round((read - self.positions) / (now - self.logged))
        self.logged, self.positions = now, read


class Curves(TrainerCallback):
    """Keeps the losses of each part, those before a resume too."""

    def __init__(self) -> None:
        self.of: dict[str, Curve] = {}

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """The trainer remembers its log through checkpoints."""
        name = Path(args.output_dir).name
        self.of[name] = [(line["step"], line["loss"]) for line in state.log_history if "loss" in line]


class Health(TrainerCallback):
    """Warns when soft tokens leave the size of the base's embeddings, or all become alike."""

    def __init__(self, tell: Tell) -> None:
        self.tell, self.warned = tell, False
        self.soft: Tensor | None = None
        self.hook: Any = None

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        """Listens to the mapper."""
        base = attached(model)
        self.mapper = base.adapter(base.languages[0]).mapper
        self.hook = self.mapper.register_forward_hook(self._hear)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Looks at what the mapper gave last."""
        if self.soft is None or not logs or "loss" not in logs:
            return
        size, likeness = health(self.soft, self.mapper.config.scale)
        logs["soft_size"], logs["soft_likeness"] = round(size, 3), round(likeness, 3)
        if self.warned:
            return
        place = f"{Path(args.output_dir).name}, step {state.global_step}"
        if not 1 / DRIFT < size < DRIFT:
            self._warn(f"{place}: soft tokens are {size:.2g} times the size of the base's embeddings. Lower the rate.")
        elif likeness > ALIKE:
            self._warn(
                f"{place}: the soft tokens are all alike ({likeness:.2f} of 1): the mapper has collapsed. Lower the "
                "rate, train stage 1 longer, or begin stage 2 with words."
            )

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Stops listening."""
        if self.hook is not None:
            self.hook.remove()

    def _warn(self, said: str) -> None:
        self.warned = True
        self.tell(f"Warning: {said}")

    def _hear(self, module: Any, given: Any, soft: Tensor) -> None:
        self.soft = soft.detach()


class Samples(TrainerCallback):
    """Answers held-out questions at intervals, on the screen and in a file."""

    def __init__(self, questions: Sequence[Any], every: int, path: Path, tell: Tell) -> None:
        self.questions, self.every, self.path, self.tell = list(questions), every, path, tell

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        """Asks at every so many steps, and at the last."""
        due = state.global_step % self.every == 0 or state.global_step == state.max_steps
        if not self.questions or not due or not state.is_world_process_zero:
            return
        base, training = attached(model), model.training
        with torch.random.fork_rng():  # Asking leaves the training as it would have been.
            given = answer(base, base.tokenizer, [one[:-1] for one in self.questions], max_new_tokens=48)
        model.train(training)
        with self.path.open("a", encoding="utf-8") as file:
            for one, said in zip(self.questions, given, strict=True):
                line = {"step": state.global_step, "asked": one[:-1], "gold": one[-1]["content"], "answer": said}
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
                self.tell(f"step {state.global_step}: {_text(one[-2]['content'])} → {said} (gold: {line['gold']})")


def health(soft: Tensor, scale: float) -> tuple[float, float]:
    """Size and likeness of soft tokens `[..., width]`.

    Returns:
        Their root mean square over `scale`, that of a base embedding; and the length of the mean of their
        directions: 1 if all are the same, near 0 if they point everywhere.
    """
    rows = soft.float().flatten(0, -2)
    size = rows.square().mean().sqrt() / scale
    likeness = torch.nn.functional.normalize(rows, dim=-1).mean(0).norm()
    return float(size), float(likeness)


def _clock(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min" if minutes else "a minute"


def _text(content: Any) -> str:
    return content if isinstance(content, str) else " ".join(part["text"] for part in content)

"""What to watch while a stage trains: its pace, its end, its losses, the health of the soft tokens."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from transformers import ProgressCallback, TrainerCallback

from newtongue_recipes.stages.checkpoints import attached

Tell = Callable[[str], None]
Curve = list[tuple[int, float]]

EVERY = 30.0  # Seconds between lines where no progress bar shows how far it is.
PACED = 10  # Steps after which the time a part takes can be told.
DRIFT = 3.0  # Times the size of a base's embedding, above or below, at which soft tokens are called strange.
FEW = 16  # Soft tokens below which it says nothing that they are alike.
ALIKE = 0.95  # Length of the mean of the soft tokens' directions, 1 if all are the same.


class Pace(TrainerCallback):
    """Tells the time a part will take after its first steps, and adds positions per second to what is logged.

    Args:
        tell: says a line.
        plain: say how far it is every so often too, where no progress bar does.
    """

    def __init__(self, tell: Tell, plain: bool = False) -> None:
        self.tell, self.plain = tell, plain

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Starts the clock."""
        self.began_at, self.began = state.global_step, time.monotonic()
        self.logged, self.positions = self.began, state.num_input_tokens_seen
        self.told = self.began - EVERY

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """After ten steps the rest can be estimated."""
        if state.global_step == self.began_at + PACED and state.max_steps > state.global_step:
            each = (time.monotonic() - self.began) / PACED
            rest = each * (state.max_steps - state.global_step)
            self.tell(f"{Path(args.output_dir).name}: {each:.2f} s a step, about {clock(rest)} to go.")

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Comes before the progress bar prints the line."""
        if not logs or "loss" not in logs:
            return
        now, read = time.monotonic(), state.num_input_tokens_seen
        logs["positions_per_second"] = round((read - self.positions) / max(now - self.logged, 1e-9))
        self.logged, self.positions = now, read
        if self.plain and (now - self.told >= EVERY or state.global_step == state.max_steps):
            self.told = now
            self.tell(
                f"{Path(args.output_dir).name}: step {state.global_step:,} of {state.max_steps:,}, "
                f"loss {logs['loss']:.3g}, {logs['positions_per_second']:,} positions a second."
            )


class Bar(ProgressCallback):
    """The stock progress bar with the part's name, its loss and positions per second, in place of a line a log."""

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Names the bar, and begins it where a resumed part goes on."""
        cast(Any, super()).on_train_begin(args, state, control, **kwargs)
        if self.training_bar is not None:
            self.training_bar.set_description(Path(args.output_dir).name)
            self.training_bar.unit = " steps"
            self.training_bar.n = self.training_bar.initial = self.current_step = state.global_step
            self.training_bar.refresh()

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Shows what `Pace` has added."""
        if self.training_bar is not None and logs and "loss" in logs:
            pace = logs.get("positions_per_second", 0)
            self.training_bar.set_postfix_str(f"loss {logs['loss']:.3g}, {pace:,} positions/s")


class Curves(TrainerCallback):
    """Keeps the losses of each part, those before a resume too."""

    def __init__(self) -> None:
        self.of: dict[str, Curve] = {}

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """The trainer remembers its log through checkpoints."""
        name = Path(args.output_dir).name
        self.of[name] = [(line["step"], line["loss"]) for line in state.log_history if _known(line)]


class Health(TrainerCallback):
    """Warns when soft tokens leave the size of the base's embeddings, or all become alike."""

    def __init__(self, tell: Tell) -> None:
        self.tell, self.warned = tell, False
        self.soft: Tensor | None = None
        self.hook: Any = None

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        """Listens to the mapper."""
        self.soft, self.warned = None, False
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
            self._warn(f"{place}: soft tokens have {size:.2g} times the size of the base's embeddings. Lower the rate.")
        elif likeness > ALIKE and self.soft.shape[0] >= FEW:
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
        self.soft = soft.detach().flatten(0, -2)


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


def _known(line: dict[str, Any]) -> bool:
    return "loss" in line and math.isfinite(line["loss"])


def clock(seconds: float) -> str:
    """A time as a reader takes it in."""
    minutes = round(seconds / 60)
    if not minutes:
        return f"{seconds:.0f} s"
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"

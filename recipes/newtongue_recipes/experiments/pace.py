"""How many steps a baseline takes in the seconds that ours took."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from newtongue_evaluation.baselines import Baseline, Budget, Lessons
from newtongue_evaluation.baselines.method import clock

PROBED = 12  # Steps of either part, the first two of which are not counted.
WARM = 2


class Pace(TrainerCallback):
    """Seconds a step of each part, told by the name of its folder."""

    def __init__(self) -> None:
        self.marks: dict[str, list[float]] = {}

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Another step is done."""
        self.marks.setdefault(Path(args.output_dir).name, []).append(clock())

    def seconds(self) -> dict[str, float]:
        """By part."""
        found = {}
        for part, at in self.marks.items():
            counted = at[WARM:] if len(at) > WARM + 1 else at
            if len(counted) > 1:
                found[part] = (counted[-1] - counted[0]) / (len(counted) - 1)
        return found


def within(baseline: Baseline, lessons: Lessons, budget: Budget, seconds: float, folder: Path) -> Budget:
    """The budget with steps for so many seconds on this machine, told by a short training."""
    pace = Pace()
    probed = replace(budget, reading=min(PROBED, budget.reading), answering=PROBED)
    callbacks: Sequence[TrainerCallback] = [pace]
    baseline(lessons, probed, folder, callbacks)
    each = pace.seconds()
    whole = budget.reading * each.get("read", each["answer"]) + budget.answering * each["answer"]
    return budget.scaled(seconds / whole)

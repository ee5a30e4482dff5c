"""Times of jobs side by side: interleaved in one process, medians after warm-up."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

Job = Callable[[], Any]


@dataclass(frozen=True)
class Times:
    """Seconds of one job, one a round."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Of the rounds."""
        return statistics.median(self.seconds)

    def over(self, other: "Times") -> tuple[float, float, float]:
        """This job's time over the other's, round by round: lower quartile, median, upper quartile."""
        return quartiles([one / two for one, two in zip(self.seconds, other.seconds, strict=True)])


def side_by_side(
    jobs: Mapping[str, Job], repeats: int, *, device: str = "cpu", warm_up: int = 2, wall: bool = False
) -> dict[str, Times]:
    """Time jobs in rounds: all of them once a round, each round beginning with another one.

    On a CPU a job's time is that of the processor, so that other programs do not count; on a GPU it is the clock's,
    from idle to idle.

    Args:
        jobs: what to run, by name.
        repeats: rounds that count.
        device: that the jobs run on; waited for before and after each.
        warm_up: rounds before, which do not count.
        wall: take the clock's time on a CPU too, for jobs that wait for a disk.
    """
    clock = time.process_time if device == "cpu" and not wall else time.perf_counter
    names = list(jobs)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(-warm_up, repeats):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            wait(device)
            start = clock()
            jobs[name]()
            wait(device)
            if number >= 0:
                seconds[name].append(clock() - start)
    return {name: Times(tuple(one)) for name, one in seconds.items()}


def wait(device: str) -> None:
    """Until the device is idle."""
    if device == "cuda":
        torch.cuda.synchronize()


def quartiles(values: list[float]) -> tuple[float, float, float]:
    """Lower quartile, median, upper quartile; all the same of one value."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, method="inclusive")
    return low, middle, high

"""Progress bars of work with many parts."""

from datetime import timedelta
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class Bars(Progress):
    """A line a part: its name, how much of it is done, the time it took and what is left, and `more`.

    Where no terminal shows them, as in a log, each quarter of a part is told by a line of its own instead.
    """

    def __init__(self, console: Console, *more: ProgressColumn) -> None:
        super().__init__(
            TextColumn("{task.description:<32}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            *more,
            console=console,
            refresh_per_second=2,
            disable=not console.is_terminal,
        )
        self._quarters: dict[TaskID, int] = {}

    def update(self, task_id: TaskID, **changes: Any) -> None:
        """As `Progress.update`."""
        super().update(task_id, **changes)
        self._tell(task_id)

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        """As `Progress.advance`."""
        super().advance(task_id, advance)
        self._tell(task_id)

    def reset(self, task_id: TaskID, **changes: Any) -> None:
        """As `Progress.reset`."""
        super().reset(task_id, **changes)
        self._quarters[task_id] = 0

    def _tell(self, task_id: TaskID) -> None:
        if not self.disable:
            return
        task = self.tasks[self.task_ids.index(task_id)]
        quarter = int(4 * task.completed / task.total) if task.total else 0
        if quarter > self._quarters.get(task_id, 0):
            took = timedelta(seconds=round(task.elapsed or 0))
            done = f"{task.description}: {task.completed:,.0f} of {task.total:,.0f}, {took}"
            self.console.print(done, highlight=False)
        self._quarters[task_id] = quarter

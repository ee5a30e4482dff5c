"""The whole report of a folder of results: `report.html`, `report.md`, `scores.json`."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from newtongue.saving.whole import write_whole
from newtongue_evaluation.portrait import Portrait
from newtongue_evaluation.results import Result, read_results

from .groups import by_group
from .markdown import as_markdown
from .page import render
from .summary import Line, Task, summarise

OWN = ("method", "budget", "learned", "parts")  # Settings of one method's run, not of what it is compared with.


def write_report(folder: Path, title: str, more: Sequence[str | Path] = ()) -> list[Task]:
    """Report on the results in `folder`, beside those in the folders of `more`; gives the scores.

    Of those, what `folder` has itself is left out, and every other adapter: under one name they would be one method.

    Raises:
        NewtongueError: a folder holds no results, or a file is none.
    """
    own = read_results([folder])
    here = {_asked(one) for one in own}
    results = [*own, *(one for one in read_results(more) if one.role != "ours" and _asked(one) not in here)]
    tasks, portrait = summarise(results), Portrait.read(folder)
    write_whole(folder / "report.html", render(title, tasks, results, portrait))
    write_whole(folder / "report.md", as_markdown(title, tasks, results, portrait))
    kept = json.dumps(as_plain(tasks, results, portrait), ensure_ascii=False, indent=1)
    write_whole(folder / "scores.json", kept + "\n")
    return tasks


def as_plain(tasks: Sequence[Task], results: Sequence[Result], portrait: Portrait | None = None) -> dict[str, Any]:
    """Scores with their intervals and what printed them, without questions or answers: small, and free to be shared."""
    looked_at = {} if portrait is None else {"portrait": portrait.without_text()}
    return {
        "tasks": [
            {
                "task": task.name,
                "language": task.language,
                "answered_in": task.answered_in,
                "methods": [_plain(line, task) for line in task.every],
            }
            for task in tasks
        ],
        "commands": list(dict.fromkeys(one.command for one in results if one.command)),
        "seeds": sorted({one.seed for one in results}),
        "settings": list({str(one): one for one in map(_shared, results) if one}.values()),
        "environments": list({str(one.environment): one.environment for one in results}.values()),
        **looked_at,
    }


def _asked(one: Result) -> tuple[str, ...]:
    return one.task, one.language, one.answered_in, one.method


def _shared(one: Result) -> dict[str, Any]:
    """The settings that methods have alike."""
    return {name: _named(value) for name, value in one.settings.items() if name not in OWN}


def _named(value: Any) -> Any:
    """A setting, with a path of this machine by its last name alone."""
    if isinstance(value, dict):
        return {key: _named(inner) for key, inner in value.items()}
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value


def _plain(line: Line, task: Task) -> dict[str, Any]:
    def rounded(scores: Any) -> dict[str, Any]:
        return {name: {key: round(value, 4) for key, value in asdict(one).items()} for name, one in scores.items()}

    groups = by_group(line, task.headlines[0])

    return {
        "method": line.method,
        "role": line.role,
        "data": dict(line.data),
        "rows": len(line.rows),
        "scores": rounded(line.scores),
        "ours_minus_it": rounded(line.ahead),
        "seeds": line.seeds,
        **({"by_group": rounded(groups)} if groups else {}),
        "cost": {name: value for name, value in asdict(line.cost).items() if value is not None},
        **({"budget": line.budget} if line.budget else {}),
    }

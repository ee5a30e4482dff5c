"""Measured results on a card: a table with intervals and controls, and the Hub's model index.

`notes["results"]` is a list of rows. A row with a `metric` and a `value` is a result:

```python
{
    "task": "atlas, asked in Turkish",  # What was asked; also the data set's name where there is none.
    "dataset": "CohereLabs/aya_dataset",  # Hub id or name; may be left out.
    "metric": "exact match",
    "value": 0.92,
    "interval": [0.90, 0.94],  # 95%; may be left out.
    "questions": 1470,
    "controls": {"another subject's question": 0.08, "chance": 0.18},
    "command": "newtongue demo",  # What prints it again.
}
```

Any other list of dictionaries is shown as the table it is, and does not enter the model index.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from huggingface_hub import EvalResult

from newtongue.errors import NewtongueError

from .markdown import table


@dataclass(frozen=True)
class CardResult:
    """One measured number with what belongs beside it."""

    task: str
    metric: str
    value: float
    dataset: str = ""
    interval: tuple[float, float] | None = None
    questions: int | None = None
    controls: Mapping[str, float] = field(default_factory=dict)
    command: str = ""


def read_results(notes: Mapping[str, Any]) -> list[CardResult]:
    """The results among an adapter's notes; none where they are in a form of their own.

    Raises:
        NewtongueError: a number is none.
    """
    rows = notes.get("results")
    if not isinstance(rows, list) or not all(
        isinstance(row, dict) and {"metric", "value"} <= row.keys() for row in rows
    ):
        return []
    return [_read(row) for row in rows]


def as_eval_results(results: Sequence[CardResult]) -> list[EvalResult]:
    """What the Hub's model index takes; controls and intervals have no place in it and stay in the text."""
    return [
        EvalResult(
            task_type="text-generation",
            task_name=one.task or None,
            dataset_type=one.dataset or one.task,
            dataset_name=one.dataset or one.task,
            metric_type=one.metric.replace(" ", "_"),
            metric_name=one.metric,
            metric_value=one.value,
        )
        for one in results
    ]


def as_markdown(results: Sequence[CardResult]) -> str:
    """A table of all results: each with its interval, its controls in columns of their own, and its command below."""
    controls = list(dict.fromkeys(name for one in results for name in one.controls))
    head = ["task", "metric", "value", "95% interval", *(f"control: {name}" for name in controls), "questions"]
    rows = [
        [
            one.task,
            one.metric,
            f"{one.value:.2f}",
            f"{one.interval[0]:.2f} – {one.interval[1]:.2f}" if one.interval else "not measured",
            *(f"{one.controls[name]:.2f}" if name in one.controls else "–" for name in controls),
            "–" if one.questions is None else f"{one.questions:,}",
        ]
        for one in results
    ]
    commands = list(dict.fromkeys(one.command for one in results if one.command))
    printed = "".join(f"\n\nPrinted by `{command}`." for command in commands)
    return table(head, rows) + printed


def _read(row: dict[str, Any]) -> CardResult:
    try:
        low_high = row.get("interval")
        return CardResult(
            task=str(row.get("task", "")),
            metric=str(row["metric"]),
            value=float(row["value"]),
            dataset=str(row.get("dataset", "")),
            interval=(float(low_high[0]), float(low_high[1])) if low_high else None,
            questions=int(row["questions"]) if "questions" in row else None,
            controls={str(name): float(value) for name, value in (row.get("controls") or {}).items()},
            command=str(row.get("command", "")),
        )
    except (AttributeError, IndexError, TypeError, ValueError) as error:
        raise NewtongueError(
            f"The result {row!r} cannot go into the card ({error}). Give numbers: value, interval=[low, high], "
            "controls={name: value}, questions."
        ) from error

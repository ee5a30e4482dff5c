"""What one method did on one task: a plain file that methods write and reports read.

A folder of results is a folder of JSON files, below which nothing else is looked at but `*.result.json`. All scores are
made from these rows, so a measure that comes later scores what was answered before.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from newtongue import NewtongueError
from newtongue.saving.whole import write_whole

Role = Literal["ours", "baseline", "control", "bound"]

SUFFIX = ".result.json"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class Row:
    """One question and what became of it.

    Attributes:
        key: the question's id, the same for every method; what pairs methods row by row.
        question: as it was asked.
        gold: accepted answers, the first of which `nats` is about.
        answer: what was answered; None where only `nats` or `scores` were measured.
        nats: negative log-likelihood of `gold[0]` with its end.
        group: what kind of question it is (a relation, a source), for a table by group.
        english: the question in English, for who reads along.
        scores: of this row, measured where it was asked (`{"retrieval at 1, cosine": 1.0}`).
        subject: what the question is about; rows of one subject are drawn together for intervals.
    """

    key: str
    question: str
    gold: tuple[str, ...]
    answer: str | None = None
    nats: float | None = None
    group: str = ""
    english: str = ""
    scores: dict[str, float] = field(default_factory=dict)
    subject: str = ""


@dataclass(frozen=True)
class Cost:
    """What a method cost; None is not measured.

    Attributes:
        training_seconds, training_steps: of all its stages.
        trained_parameters: that got gradients in any of them.
        bytes: on disk, of what is added to the base.
        positions, characters: of all questions as the base reads them, prompt words left out, and as they are written.
        answer_seconds: of answering all questions.
        peak_memory: bytes of GPU memory at most, while answering.
    """

    training_seconds: float | None = None
    training_steps: int | None = None
    trained_parameters: int | None = None
    bytes: int | None = None
    positions: int | None = None
    characters: int | None = None
    answer_seconds: float | None = None
    peak_memory: int | None = None


@dataclass(frozen=True)
class Result:
    """One method on one task.

    Attributes:
        method: as it stands in tables: "adapter", "LoRA on raw text" …
        task: what was asked: "atlas", "mkqa" …
        language: BCP 47 tag of the questions.
        rows: one a question.
        role: ours, what people would run instead, what could sink us, or what nobody can beat.
        answered_in: BCP 47 tag of the gold answers; empty where rows hold no text to be scored.
        data: how much it was trained on, by kind: `{"text": …, "pairs": …, "questions": …}` in rows. What a curve is
            drawn over.
        seed: of its training.
        cost: what it cost.
        settings: what else is needed to run it again (rank, rate, steps …).
        command: that prints it again.
        environment: `newtongue_evaluation.environment.environment()`.
    """

    method: str
    task: str
    language: str
    rows: tuple[Row, ...]
    role: Role = "baseline"
    answered_in: str = "en"
    data: dict[str, float] = field(default_factory=dict)
    seed: int = 0
    cost: Cost = field(default_factory=Cost)
    settings: dict[str, Any] = field(default_factory=dict)
    command: str = ""
    environment: dict[str, Any] = field(default_factory=dict)
    format_version: int = FORMAT_VERSION

    def __post_init__(self) -> None:
        keys = {row.key for row in self.rows}
        if not self.rows or len(keys) != len(self.rows):
            raise NewtongueError(
                f"{self.method!r} on {self.task!r} has {len(self.rows)} rows with {len(keys)} different keys. "
                "Give one row at least, and each a key of its own."
            )
        if all(row.answer is None and row.nats is None and not row.scores for row in self.rows):
            raise NewtongueError(
                f"{self.method!r} on {self.task!r} has {len(self.rows)} rows and nothing that could be scored. Give "
                "them answers, nats or scores."
            )
        unknown = [row.key for row in self.rows if row.answer is not None and not row.gold]
        if unknown:
            raise NewtongueError(
                f"{self.method!r} on {self.task!r} has {len(unknown)} answers to which no gold is given, such as that "
                f"to {unknown[0]!r}. Give them some, or leave them out."
            )


def write_result(result: Result, folder: str | Path) -> Path:
    """Write `TASK-LANGUAGE-ANSWERED_IN-METHOD-DATA-SEED.result.json` into `folder`, whole or not at all."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    amounts = [f"{kind}{amount:.0f}" for kind, amount in sorted(result.data.items())]
    parts = [result.task, result.language, result.answered_in, result.method, *amounts, f"seed{result.seed}"]
    path = folder / ("-".join(in_file_name(part) for part in parts if part) + SUFFIX)
    write_whole(path, json.dumps(asdict(result), ensure_ascii=False, indent=1) + "\n")
    return path


def in_file_name(part: str) -> str:
    """How a task or a method is spelled in the name of a result's file: what is spelled alike shares the file."""
    return re.sub(r"[^\w.]+", "_", part).strip("_")


def read_results(folders: Iterable[str | Path]) -> list[Result]:
    """Read all results in and below folders, in the order of their paths.

    Raises:
        NewtongueError: a folder holds none, or a file is not one.
    """
    found = []
    for folder in folders:
        paths = sorted(Path(folder).rglob(f"*{SUFFIX}"))
        if not paths:
            raise NewtongueError(f"{folder} holds no *{SUFFIX}. Name a folder that an evaluation or experiment wrote.")
        found += [_read(path) for path in paths]
    return found


def _read(path: Path) -> Result:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        version = values.get("format_version")
        if version != FORMAT_VERSION:
            raise NewtongueError(
                f"{path} has format version {version!r}; version {FORMAT_VERSION} is read. Run what wrote it again."
            )
        rows = tuple(Row(**{**row, "gold": tuple(row["gold"])}) for row in values.pop("rows"))
        known = {one.name for one in fields(Result)} - {"rows", "cost"}
        measured = {one.name for one in fields(Cost)}  # An older result may have others.
        cost = Cost(**{name: value for name, value in values.pop("cost").items() if name in measured})
        found = {name: values[name] for name in known}
    except (OSError, AttributeError, KeyError, TypeError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise NewtongueError(f"{path} is not a result ({error!r}). Run what wrote it again.") from error
    try:
        return Result(rows=rows, cost=cost, **found)
    except NewtongueError as error:
        raise NewtongueError(f"{path}: {error}") from error

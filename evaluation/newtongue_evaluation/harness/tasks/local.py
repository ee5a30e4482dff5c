"""Local files as the harness's data sets: the folder is `--metadata '{"data": "DIR"}'`, or NEWTONGUE_DATA."""

import csv
import json
import os
from pathlib import Path
from typing import Any

from datasets import Dataset, DatasetDict

from newtongue import NewtongueError
from newtongue_evaluation.measures.text import exact, f1


def load(file: str, data: str | None = None, **_metadata: Any) -> DatasetDict:
    """One file, `eval/FILE` of the data folder, as the split "test"."""
    folder = data or os.environ.get("NEWTONGUE_DATA")
    if not folder:
        raise NewtongueError(
            f'No folder is named for {file!r}. Give --metadata \'{{"data": "DIR"}}\', or set NEWTONGUE_DATA.'
        )
    path = Path(folder) / "eval" / file
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            if path.suffix == ".tsv":
                rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
            else:
                rows = [json.loads(line) for line in lines]
    except (OSError, ValueError) as error:
        raise NewtongueError(f"{path} cannot be read ({error}). Put the task's file there.") from error
    return DatasetDict({"test": Dataset.from_list(rows)})


def topics(documents: Dataset) -> Dataset:
    """SIB-200's rows, each with all topics as choices."""
    names = sorted(set(documents["category"]))
    return documents.map(lambda row: {"choices": names, "label": names.index(row["category"])})


def turkish_cause(row: dict[str, Any]) -> str:
    """XCOPA's premise, cut before what is to be chosen."""
    joined = {"cause": "çünkü", "effect": "bu yüzden"}[row["question"]]
    return f"{row['premise'].strip().rstrip('.')}, {joined}"


def turkish_choices(row: dict[str, Any]) -> list[str]:
    """XCOPA's choices as they go on within a sentence."""
    return [
        f"{one[0].replace('İ', 'i').replace('I', 'ı').lower()}{one[1:]}" for one in (row["choice1"], row["choice2"])
    ]


def japanese_answers(row: dict[str, Any], results: list[str]) -> dict[str, float]:
    """JaQuAD's two scores of an answer."""
    return {"exact_match": exact(results[0], row["answers"], "ja"), "f1": f1(results[0], row["answers"], "ja")}

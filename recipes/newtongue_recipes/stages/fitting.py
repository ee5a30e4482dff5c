"""What fits into a row of a stage: whole, or with enough of what is asked; the rest is left out, and told."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from newtongue import NewtongueError
from newtongue_recipes.loading import positions_of
from newtongue_recipes.settings import Map, Tune

if TYPE_CHECKING:
    from .map import Pair

Messages = list[dict[str, Any]]
Row = dict[str, Any]

SILENT = "A conversation says nothing in the language, so the base alone would answer it."
LEAST = 0.5  # Of a question: what has lost more than it keeps asks something else.


@dataclass(frozen=True)
class Fitting:
    """The conversations from which stage 3 learns.

    Attributes:
        rows: ids and labels of those that fit.
        shortened: how many of these ask less than was written.
        refused: why the others are left out, an error each.
    """

    rows: list[Row]
    shortened: int
    refused: list[NewtongueError]

    def told(self) -> list[str]:
        """What is lost, a line each."""
        said, every = [], len(self.rows) + len(self.refused)
        if self.refused:
            said.append(f"{len(self.refused):,} of {every:,} conversations are left out of stage 3: {self.refused[0]}")
        if self.shortened:
            said.append(
                f"{self.shortened:,} of {every:,} questions are shortened to fit stage 3. Raise tune.max_length to "
                "have them whole."
            )
        return said


def fitting(
    tokenizer: Any, conversations: Sequence[Messages], settings: Tune, language: str, least: float = LEAST
) -> Fitting:
    """The conversations that say something in a language and fit.

    Args:
        tokenizer: that of the base, with the language.
        conversations: each ends with its answer.
        settings: how long a row may be, and whose tokens answers are written in.
        language: of those answers, where they are the language's own.
        least: share of a question that is kept where it is shortened.
    """
    rows, refused, shortened = [], [], 0
    for one in conversations:
        said = _written(one, language) if settings.answer == "own" else one
        try:
            row = tokenizer.example(said)
            if max(row["input_ids"]) < tokenizer.ranges.base_rows:
                raise NewtongueError(SILENT)
            if len(row["input_ids"]) > settings.max_length:
                row = _shortened(tokenizer, said, row, settings.max_length, least)
                shortened += 1
            rows.append(row)
        except NewtongueError as error:
            refused.append(error)
    return Fitting(rows, shortened, refused)


def fitting_pairs(tokenizer: Any, pairs: "Sequence[Pair]", say: str, language: str, most: int) -> list[Row]:
    """Pairs as rows, but for those of more positions than `most`."""
    rows = (pair_row(tokenizer, pair, say, language) for pair in pairs)
    return [row for row in rows if len(row["input_ids"]) <= most]


def pair_row(tokenizer: Any, pair: "Pair", say: str, language: str) -> Row:
    """A pair as a conversation: the base, asked to translate what it reads, says the English."""
    asked = [{"type": "text", "text": say}, {"type": "text", "text": pair.other, "language": language}]
    messages = [{"role": "user", "content": asked}, {"role": "assistant", "content": pair.english}]
    return {**tokenizer.example(messages), "aligned": int(pair.aligned)}


def longest_pair(settings: Map, config: Any) -> int:
    """Positions of a pair at most: as asked for, and no more than the base of that configuration reads at once."""
    return min(settings.max_length, positions_of(config) or settings.max_length)


def told_of_pairs(lost: int, every: int, most: int) -> list[str]:
    """That pairs are too long, if some are."""
    said = f"{lost:,} of {every:,} pairs are left out of stage 2: they have more than {most:,} positions. Raise "
    return [f"{said}map.max_length, or split them."] if lost else []


def _shortened(tokenizer: Any, messages: Messages, whole: Row, most: int, least: float) -> Row:
    row: Row = tokenizer.example(messages, max_length=most)
    read, asked = _read(tokenizer, whole), whole["labels"].count(-100)
    kept = min(_read(tokenizer, row) / read if read else 1.0, row["labels"].count(-100) / asked)
    if kept < least:
        raise NewtongueError(
            f"A max_length of {most:,} leaves {kept:.0%} of a question of {asked:,} positions, too little to tell what "
            "is asked. Raise tune.max_length, or shorten the question."
        )
    return row


def _read(tokenizer: Any, row: Row) -> int:
    """How many ids of a row are read in a language, without what opens and closes a run."""
    ids = torch.tensor(row["input_ids"])
    return sum(int(tokenizer.ranges[language].reads(ids).sum()) for language in tokenizer.ranges)


def _written(messages: Messages, language: str) -> Messages:
    """A conversation whose answers, but for those that say another language, are written in this one's own tokens."""
    return [one if one["role"] != "assistant" or _told(one) else {**one, "language": language} for one in messages]


def _told(message: dict[str, Any]) -> bool:
    """Whether a message says what it is in, or a part of it does: the others are then the base's."""
    content = message["content"]
    return bool(
        message.get("language") or (isinstance(content, list) and any(part.get("language") for part in content))
    )

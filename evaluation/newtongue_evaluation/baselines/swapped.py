"""Controls that could sink an adapter."""

import random
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from newtongue import NewtongueError
from newtongue_evaluation.results import Row

from .method import Learned, Question

T = TypeVar("T")


def swapped(rows: Sequence[T], group: Sequence[Hashable], subject: Sequence[Hashable], seed: int = 0) -> list[T]:
    """For each row another row of its group about another subject: what it is asked is exchanged.

    Scored against the first row's gold answers, a model that reads its questions falls to chance.

    Args:
        rows: what a model is asked.
        group: rows are exchanged within a group, for example a relation.
        subject: what a row is about; never exchanged for itself.

    Raises:
        NewtongueError: a group has one subject only.
    """
    chooser = random.Random(seed)
    members: dict[Hashable, list[int]] = {}
    for place, one in enumerate(group):
        members.setdefault(one, []).append(place)
    exchanged = []
    for place, one in enumerate(group):
        others = [other for other in members[one] if subject[other] != subject[place]]
        if not others:
            raise NewtongueError(
                f"Group {one!r} has one subject only, {subject[place]!r}: there is nothing to "
                "exchange. Ask more questions."
            )
        exchanged.append(rows[chooser.choice(others)])
    return exchanged


def ask_swapped(learned: Learned, questions: Sequence[Question], **options: Any) -> tuple[Row, ...]:
    """As `learned.ask`, with each question answered to another of its group, about another subject.

    A row keeps its own question, to whose gold answers it is held.

    Raises:
        NewtongueError: a group has one subject only.
    """
    others = swapped(questions, [one.group for one in questions], [one.subject or one.key for one in questions])
    put = [replace(one, messages=other.messages) for one, other in zip(questions, others, strict=True)]
    rows = learned.ask(put, **options)
    return tuple(replace(row, question=one.text) for row, one in zip(rows, questions, strict=True))

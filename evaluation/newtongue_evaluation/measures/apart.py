"""Answers that are not the same in English, as numbers and many names are, which say nothing of spelling a language."""

from collections.abc import Sequence
from dataclasses import replace

from newtongue_evaluation.results import Result

from .text import exact

APART = "exact match, not as in English"


def told_apart(results: Sequence[Result]) -> list[Result]:
    """The results, with a score of their own for rows in a language whose gold answers are no English ones.

    The English ones are those of the same questions, by key, in results of the same task that are answered in English.
    """
    english = {
        (one.task, one.language, row.key): row.gold for one in results if one.answered_in == "en" for row in one.rows
    }

    def told(one: Result) -> Result:
        rows = []
        for row in one.rows:
            same = english.get((one.task, one.language, row.key))
            if row.answer is not None and same and not any(exact(gold, same, one.answered_in) for gold in row.gold):
                row = replace(row, scores={**row.scores, APART: exact(row.answer, row.gold, one.answered_in)})
            rows.append(row)
        return replace(one, rows=tuple(rows))

    return [one if one.answered_in in ("", "en") else told(one) for one in results]

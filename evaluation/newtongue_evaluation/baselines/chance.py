"""The most frequent answer: what knowing the kind of question alone is worth."""

from collections import Counter
from collections.abc import Sequence

from newtongue_evaluation.results import Row

from .method import Question


def most_frequent(questions: Sequence[Question]) -> tuple[Row, ...]:
    """A row a question, always with the answer that is right most often in its group; likelihoods are unknown."""
    counts: dict[str, Counter[str]] = {}
    for one in questions:
        counts.setdefault(one.group, Counter())[one.gold[0]] += 1
    return tuple(one.row(counts[one.group].most_common(1)[0][0], None) for one in questions)

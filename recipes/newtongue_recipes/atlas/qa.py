"""Question-and-answer rows: what the new language is tuned and scored on."""

import random
from collections.abc import Collection
from dataclasses import dataclass

from newtongue_recipes.atlas.facts import facts
from newtongue_recipes.atlas.phrases import questions


@dataclass(frozen=True)
class Row:
    """One question with its answer; `subject` is the subject's key."""

    question: str
    answer: str
    subject: str
    relation: str
    language: str
    answer_language: str


def rows(language: str, answer_language: str, subject_keys: Collection[str], seed: int = 0) -> list[Row]:
    """Every fact of these subjects in every phrasing, in an order drawn with `seed`."""
    found = [
        Row(
            question,
            fact.answers[answer_language],
            fact.subject.key,
            fact.relation,
            language,
            answer_language,
        )
        for fact in facts()
        if fact.subject.key in subject_keys
        for question in questions(fact, language)
    ]
    random.Random(seed).shuffle(found)
    return found

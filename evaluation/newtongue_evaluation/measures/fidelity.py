"""Whether numbers and names come through: those that the gold answer takes over from the question."""

import re
import unicodedata
from collections import Counter

_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*")
_NAME = re.compile(r"[A-Za-zÀ-ɏḀ-ỿ]{2,}")


def copied(question: str, gold: str, answer: str) -> tuple[int, int] | None:
    """How many of them the answer has, and how many there are; None where there are none.

    A name is a capitalised word of Latin letters in the gold answer that stands in the question too, whatever its
    case there; a suffix after an apostrophe does not count.
    """
    asked, wanted, given = (unicodedata.normalize("NFKC", text) for text in (question, gold, answer))
    in_question = Counter(_NUMBER.findall(asked)) + Counter(one.casefold() for one in _NAME.findall(asked))
    taken_over = in_question & (
        Counter(_NUMBER.findall(wanted)) + Counter(one.casefold() for one in _NAME.findall(wanted) if one[0].isupper())
    )
    if not taken_over:
        return None
    there = Counter(_NUMBER.findall(given)) + Counter(one.casefold() for one in _NAME.findall(given))
    return (taken_over & there).total(), taken_over.total()

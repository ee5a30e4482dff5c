"""Answers compared with gold ones, as the benchmarks of each language compare them.

English as SQuAD does (Rajpurkar et al. 2016): without case, punctuation and articles, word by word; but what
punctuation parts stays parted here, so that 10-20 is two words. Other languages as MKQA does (Longpre et al. 2021),
without articles; those written without spaces character by character, as JaQuAD does (So et al. 2022), where MKQA and
MLQA keep runs of other scripts and of digits whole, and so do we: two dates that share some digits are not alike.
Turkish and Azerbaijani have two letters i, each with its own capital.
"""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

_ARTICLES = {"en": (["a"], ["an"], ["the"])}
_DOTTED = {"tr", "az"}
_NO_SPACES = ("HIRAGANA", "KATAKANA", "CJK", "THAI", "KHMER", "LAO", "MYANMAR")


def normalised(text: str, language: str) -> str:
    """Text as it is compared: width, case, punctuation and articles do not count.

    What would leave nothing, such as the answer "A", is only stripped of its case.

    Args:
        text: an answer.
        language: BCP 47 tag of what it should be in.
    """
    text, primary = unicodedata.normalize("NFKC", text), language.split("-")[0].lower()
    if primary in _DOTTED:
        text = text.replace("İ", "i").replace("I", "ı")
    folded = " ".join(text.casefold().split())
    words = (_parts(word) for word in folded.split())
    return " ".join(part for parts in words if parts not in _ARTICLES.get(primary, ()) for part in parts) or folded


def tokens(text: str, language: str) -> list[str]:
    """The words of a normalised text; where a script has no spaces, its characters."""
    spaced = "".join(f" {sign} " if _stands_alone(sign) else sign for sign in normalised(text, language))
    return spaced.split()


def exact(answer: str, gold: Sequence[str], language: str) -> float:
    """1 where the answer is one of the gold ones, else 0; spaces do not count between signs that have none."""
    return float(any(tokens(answer, language) == tokens(one, language) for one in gold))


def exact_match(answers: Sequence[str], gold: Sequence[str], language: str) -> float:
    """Share of answers that are their gold one, by the rules of their language.

    Raises:
        ValueError: there are no answers, or not as many as gold ones.
    """
    if not answers or len(answers) != len(gold):
        raise ValueError(f"{len(answers)} answers for {len(gold)} gold answers: give one for each, and at least one.")
    return sum(exact(one, [other], language) for one, other in zip(answers, gold, strict=True)) / len(gold)


def f1(answer: str, gold: Sequence[str], language: str) -> float:
    """Harmonic mean of precision and recall of the answer's tokens, against the gold answer it is nearest to."""
    return max(_f1(tokens(answer, language), tokens(one, language)) for one in gold)


def chrf(answer: str, gold: Sequence[str]) -> float:
    """chrF2 of a sentence, in [0, 1] (Popović 2015), by sacrebleu."""
    return float(_chrf().sentence_score(answer, list(gold)).score) / 100


def _parts(word: str) -> list[str]:
    """What punctuation leaves of a word: "a-1" is two, and no article among them."""
    return "".join(" " if unicodedata.category(sign)[0] == "P" else sign for sign in word).split()


def _f1(given: list[str], wanted: list[str]) -> float:
    if not given or not wanted:
        return float(given == wanted)
    shared = (Counter(given) & Counter(wanted)).total()
    return 2 * shared / (len(given) + len(wanted))


def _stands_alone(sign: str) -> bool:
    return not sign.isascii() and unicodedata.name(sign, "").startswith(_NO_SPACES)


@cache
def _chrf() -> Any:
    from sacrebleu.metrics.chrf import CHRF

    return CHRF()

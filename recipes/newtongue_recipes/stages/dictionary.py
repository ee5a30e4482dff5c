"""A dictionary from translations alone, for languages nobody has written one for.

Each word of a text goes with the word of its translation that it stands beside more often than chance: IBM's first
model (Brown et al., 1993), estimated in both directions, keeps what both agree on. Rare words then stand alone among
the pairs as often as frequent ones, where in sentences they would be met a few times in an epoch. Words met too seldom
for that may sound alike.
"""

from collections.abc import Iterable, Sequence
from math import ceil

import numpy as np

from .cognates import cognates
from .words import words

ROUNDS = 5  # Of expectation and maximisation.
LEAST = 2  # Texts that hold a word.
SHARE = 0.3  # Probability of a word's English, at least,
BACK = 0.02  # and of the word, given that English.
MOST = 10_000_000  # Pairs of words looked at, which take some 2 GiB and a minute or two,
LONGEST = 200  # in texts of so many words: in longer ones a word stands beside everything.


def mine_dictionary(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The words of the language in translations, each after the English word it goes with, if one does.

    Args:
        pairs: English, and the language. What is the same on both sides says nothing, and is passed over, as long texts
            are; where the others have more than `MOST` pairs of words, every second is read, or every third …
    """
    told = [(words(one), words(other)) for one, other in pairs if one != other]
    told = [both for both in told if max(map(len, both)) <= LONGEST]
    told = told[:: max(1, ceil(sum(len(one) * len(other) for one, other in told) / MOST))]
    english, english_ids = _numbered([one for one, _ in told])
    own, own_ids = _numbered([other for _, other in told])
    if not own or not english:
        return []
    said, meant, likely = _translations(own_ids, english_ids)
    meant_back, said_back, likely_back = _translations(english_ids, own_ids)
    back = dict(zip(zip(said_back.tolist(), meant_back.tolist(), strict=True), likely_back.tolist(), strict=True))
    texts = np.bincount(np.concatenate([np.unique(ids) for ids in own_ids]), minlength=len(own))
    best: dict[int, tuple[float, int]] = {}
    for word, translation, chance in zip(said.tolist(), meant.tolist(), likely.tolist(), strict=True):
        kept = chance >= SHARE and texts[word] >= LEAST and back.get((word, translation), 0.0) >= BACK
        if kept and chance > best.get(word, (0.0, 0))[0]:
            best[word] = (chance, translation)
    mined = {own[word]: english[translation] for word, (_, translation) in sorted(best.items())}
    return [(translation, word) for word, translation in {**cognates(told), **mined}.items()]


def _numbered(texts: Sequence[list[str]]) -> tuple[list[str], list[np.ndarray]]:
    """The words there are, and the texts as their numbers."""
    numbers: dict[str, int] = {}
    ids = [np.array([numbers.setdefault(word, len(numbers)) for word in text], dtype=np.int64) for text in texts]
    return list(numbers), ids


def _translations(read: list[np.ndarray], said: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The probability of each word said, given each word read: which was read, which was said, and how likely.

    A word said may also come from nothing, word -1, so that a word that comes everywhere is no translation.
    """
    both = [(np.append(one, -1), two) for one, two in zip(read, said, strict=True) if len(one) and len(two)]
    given = np.concatenate([np.repeat(one, len(two)) for one, two in both])
    told = np.concatenate([np.tile(two, len(one)) for one, two in both])
    starts = np.cumsum([0, *(len(two) for _, two in both[:-1])])
    places = np.concatenate(
        [np.tile(np.arange(start, start + len(two)), len(one)) for start, (one, two) in zip(starts, both, strict=True)]
    )
    words = int(told.max()) + 1
    kinds, kind = np.unique((given + 1) * words + told, return_inverse=True)
    givens = kinds // words
    likely = np.ones(len(kinds))
    for _ in range(ROUNDS):
        weight = likely[kind]
        counts = np.bincount(kind, weight / np.bincount(places, weight)[places])
        likely = counts / np.bincount(givens, counts)[givens]
    return givens - 1, kinds % words, likely

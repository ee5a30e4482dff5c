"""Words that sound alike: names and loanwords that a language writes as it hears them, in a script of its own.

What a name is in English cannot be told from the words around it, and most names are met once or never. Written out in
Latin letters, though, a name in katakana or Cyrillic keeps the consonants of the English one, in their order.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from functools import cache
from itertools import pairwise

from anyascii import anyascii

from newtongue.spans.scripts import letter_script

FAMILIAR = ("LATIN", "")  # Latin letters and digits are spelled, not written as they are heard.
SURE = 2
LEAST = 0.75  # Likeness of two words' consonants.
CERTAIN = 2  # Consonants of words that are wholly alike,
ALIKE = 3  # and of words that are nearly.

# How English spells consonants, and how scripts are written out in Latin letters, made one: what is kept is told by ear
# and not by eye, and signs that many languages do not tell apart are one sign.
SPELLINGS = (
    (r"[^a-z]", ""),
    (r"[ts]ion", "sn"),
    (r"^kn", "n"),
    (r"^wr", "r"),
    (r"gh(?=t|$)", ""),
    (r"ph", "f"),
    (r"tch|ch", "t"),
    (r"[st]h", "s"),
    (r"ck", "k"),
    (r"x", "ks"),
    (r"mb$", "m"),
    (r"c(?=[eiy])", "s"),
    (r"[cq]", "k"),
    (r"r(?=[^aeiouy]|$)", ""),  # Hardly heard.
    (r"(?<=.)h", ""),
    (r"[aeiouyw]", ""),
    (r"t(?=[kps])", ""),  # A consonant held long.
)
ONE_SIGN = str.maketrans("lvfjm", "rbhzn")


def cognates(texts: Sequence[tuple[list[str], list[str]]]) -> dict[str, str]:
    """The words of a language that sound like a word, or two in a row, of their English; and those.

    Any two words may sound alike by chance. So a script is believed only where at least `SURE` times as many of its
    words sound like their own translation as like another text's.

    Args:
        texts: words in English, and of the language.
    """
    others = [english for english, _ in texts]
    found = _heard(texts)
    chance = _heard([(another, own) for another, (_, own) in zip([*others[1:], *others[:1]], texts, strict=True)])
    return {
        word: names.most_common(1)[0][0]
        for name, heard in found.items()
        if len(heard) >= SURE * len(chance.get(name, ()))
        for word, names in heard.items()
    }


def _heard(texts: Sequence[tuple[list[str], list[str]]]) -> dict[str, dict[str, Counter[str]]]:
    """By script: each word with what it sounds like in the texts' English, and how often."""
    found: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for english, other in texts:
        foreign = [word for word in other if letter_script(word[0]) not in FAMILIAR]
        for word, name in _alike(english, foreign) if foreign else ():
            found[letter_script(word[0])][word][name] += 1
    return found


def _alike(english: Sequence[str], other: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each word of a text that sounds like one, or two in a row, of its English, and the one it sounds most like."""
    spoken = [(word, consonants(word)) for word in english]
    spoken += [
        (f"{one} {two}", _once(heard + more))
        for (one, heard), (two, more) in pairwise(spoken)
        if min(len(heard), len(more)) > 1
    ]
    for word in other:
        heard = consonants(word)
        likeness, name = max(((_likeness(heard, said), name) for name, said in spoken), default=(0.0, ""))
        if likeness >= LEAST:
            yield word, name


@cache
def consonants(word: str) -> str:
    """What of a word is kept where it is written in another script."""
    text = anyascii(word).casefold()
    for spelling, sound in SPELLINGS:
        text = re.sub(spelling, sound, text)
    return _once(text.translate(ONE_SIGN))


def _once(text: str) -> str:
    return re.sub(r"(.)\1+", r"\1", text)


def _likeness(one: str, other: str) -> float:
    if one == other:
        return float(len(one) >= CERTAIN)
    if min(len(one), len(other)) < ALIKE:
        return 0.0
    return SequenceMatcher(None, one, other, autojunk=False).ratio()

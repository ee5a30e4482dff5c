"""Words of a text, of whatever language."""

import re
import unicodedata
from itertools import groupby

LONGEST = 40  # Words of a text that are looked at.
SPACELESS = 0x0E00  # Where the scripts begin, from Thai on, that may be written without spaces.


def words(text: str) -> list[str]:
    """Words, lower-case; where no spaces part them, runs of one script."""
    found = []
    for word in re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", text).casefold()):
        found += ["".join(run) for _, run in groupby(word, key=_parted)]
    return found[:LONGEST]


def script(sign: str) -> str:
    """The script of a letter, as Unicode calls it; that of a digit is its own name."""
    return "CJK" if sign == "々" else unicodedata.name(sign, "").split(" ")[0].split("-")[0]


def _parted(sign: str) -> str:
    """What words are parted by: the scripts that may be written without spaces; one for all others, digits as well."""
    return "" if ord(sign) < SPACELESS else script(sign)

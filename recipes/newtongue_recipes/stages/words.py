"""Words of a text, of whatever language."""

import re
import unicodedata
from itertools import groupby

from newtongue.spans.scripts import letter_script

LONGEST = 40  # Words of a text that are looked at.
SPACELESS = 0x0E00  # Where the scripts begin, from Thai on, that may be written without spaces.


def words(text: str) -> list[str]:
    """Words, lower-case; where no spaces part them, runs of one script."""
    found = []
    for word in re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", text).casefold()):
        found += ["".join(run) for _, run in groupby(word, key=_parted)]
    return found[:LONGEST]


def _parted(sign: str) -> str:
    """What words are parted by: the scripts that may be written without spaces; one for all others, digits as well."""
    return "" if ord(sign) < SPACELESS else letter_script(sign)

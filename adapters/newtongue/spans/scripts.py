"""Scripts of letters and of languages, by their names in Unicode."""

import unicodedata
from functools import cache
from itertools import takewhile

from babel import Locale
from babel.core import get_global

_EAST_ASIAN = "CJK"  # Han and kana make up one script where a text is cut.
_SEVERAL = {
    "Jpan": frozenset({"CJK", "HIRAGANA", "KATAKANA"}),
    "Kore": frozenset({"CJK", "HANGUL"}),
    "Hans": frozenset({"CJK"}),
    "Hant": frozenset({"CJK"}),
    "Beng": frozenset({"BENGALI"}),  # The CLDR calls it Bangla,
    "Orya": frozenset({"ORIYA"}),  # and this Odia.
}


@cache
def letter_script(letter: str) -> str:
    """The script of a letter (`LATIN`, `HIRAGANA` …); empty for what is no letter."""
    if not letter.isalpha():
        return ""
    name = unicodedata.name(letter, "").removeprefix("FULLWIDTH ").removeprefix("HALFWIDTH ")
    first = name.partition(" ")[0].partition("-")[0]
    return "CJK" if first == "IDEOGRAPHIC" else first


def script_of(letter: str) -> str:
    """The same, with kana taken for Han, beside which they stand."""
    script = letter_script(letter)
    return _EAST_ASIAN if script in ("HIRAGANA", "KATAKANA") else script


def is_spaced(script: str) -> bool:
    """Whether a script takes several letters for what East Asian ones write in one."""
    return script not in (_EAST_ASIAN, "HANGUL")


@cache
def scripts_of_language(tag: str) -> frozenset[str]:
    """The scripts a language is written in; empty where the CLDR does not tell."""
    subtags = takewhile(lambda part: len(part) > 1, tag.split("-")[1:])  # After a single letter anything may stand.
    given = next((part.title() for part in subtags if len(part) == 4 and part.isalpha()), None)
    likely = get_global("likely_subtags").get(tag.split("-")[0].lower(), "")  # Such as `tr_Latn_TR`.
    code = given or next((part for part in likely.split("_") if len(part) == 4), "")
    if code in _SEVERAL:
        return _SEVERAL[code]
    name = Locale("en").scripts.get(code)
    return frozenset({name.upper().partition(" ")[0]}) if name else frozenset()

"""Turkish case endings: vowel harmony, buffer letters, the apostrophe of proper names.

>>> genitive("Fransa"), dative("Brezilya"), locative("Irak"), genitive("köpek", proper=False)
("Fransa'nın", "Brezilya'ya", "Irak'ta", 'köpeğin')
"""

from collections.abc import Callable

VOWELS = "aıouâûeiöüî"
_BACK, _ROUND, _VOICELESS = "aıouâû", "oöuüû", "fstkçşhp"

# Names said otherwise than a Turk would read them: harmony follows the sound given here.
_SOUNDS = {
    "Senegal": "senegel",
    "Nepal": "nepel",
    "Seul": "seül",
    "Stokholm": "stokhölm",
    "Port-au-Prince": "prens",
    "Phnom Penh": "pen",
    "Libreville": "librevil",
    "Port Moresby": "moresbi",
    "real": "reel",
    "riyal": "riyel",
    "sol": "söl",
    "metikal": "metikel",
}

# Names that already end in a possessive suffix take the pronominal n before an ending.
_POSSESSIVE = {
    "Amerika Birleşik Devletleri",
    "Birleşik Arap Emirlikleri",
    "Dominik Cumhuriyeti",
    "Fildişi Sahili",
    "Solomon Adaları",
    "denizatı",
    "devekuşu",
    "köpekbalığı",
}

# Common nouns whose last consonant changes (or stays) against the rule of `_stem`.
_STEMS = {"kurt": "kurd", "kükürt": "kükürd", "iyot": "iyod", "frank": "frang", "tugrik": "tugrik"}


def genitive(name: str, proper: bool = True) -> str:
    """`name` as owner: Japonya'nın, Çin'in, demirin. `proper` adds the apostrophe, here and below."""
    return _inflect(name, proper, "n{high}n", "{high}n")


def accusative(name: str, proper: bool = True) -> str:
    """`name` as definite object: Japonya'yı, Çin'i, demiri."""
    return _inflect(name, proper, "y{high}", "{high}")


def dative(name: str, proper: bool = True) -> str:
    """`name` as goal: Japonya'ya, Çin'e, demire."""
    return _inflect(name, proper, "y{low}", "{low}")


def locative(name: str, proper: bool = True) -> str:
    """`name` as place: Japonya'da, Irak'ta, demirde."""
    return _inflect(name, proper, "{dental}{low}", "{dental}{low}")


def ablative(name: str, proper: bool = True) -> str:
    """`name` as source: Japonya'dan, Irak'tan, demirden."""
    return _inflect(name, proper, "{dental}{low}n", "{dental}{low}n")


CASES: dict[str, Callable[[str, bool], str]] = {
    "gen": genitive,
    "acc": accusative,
    "dat": dative,
    "loc": locative,
    "abl": ablative,
}


def lower(text: str) -> str:
    """`text` in small letters, with the Turkish pairs I/ı and İ/i."""
    return text.replace("İ", "i").replace("I", "ı").lower()


def capitalize(text: str) -> str:
    """`text` with its first letter capital, i becoming İ."""
    return text[:1].replace("i", "İ").upper() + text[1:]


def _inflect(name: str, proper: bool, after_vowel: str, after_consonant: str) -> str:
    sound = lower(_SOUNDS.get(name, name))
    last = next(letter for letter in reversed(sound) if letter in VOWELS)
    back, rounded = last in _BACK, last in _ROUND
    vowel_ends = sound[-1] in VOWELS
    ending = (after_vowel if vowel_ends else after_consonant).format(
        high=("u" if rounded else "ı") if back else ("ü" if rounded else "i"),
        low="a" if back else "e",
        dental="t" if sound[-1] in _VOICELESS else "d",
    )
    if name in _POSSESSIVE:
        ending = "n" + ending.removeprefix("y").removeprefix("n")
    if proper:
        return f"{name}'{ending}"
    return (_stem(name) if ending[0] in VOWELS else name) + ending


def _stem(noun: str) -> str:
    """`noun` before an ending that begins with a vowel: köpek → köpeğ, sincap → sincab, at → at."""
    if noun in _STEMS:
        return _STEMS[noun]
    if sum(letter in VOWELS for letter in noun) < 2:
        return noun
    softened = {"k": "ğ", "p": "b", "ç": "c"}.get(noun[-1], noun[-1])
    return noun[:-1] + softened

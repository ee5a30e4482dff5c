"""Texts: which can be used, when two are the same, and which questions are kept back."""

import re
import unicodedata
from functools import cache
from hashlib import blake2b
from typing import Any

from newtongue.languages import preferred

_DOTS = {ord("ı"): "i", ord("\N{COMBINING DOT ABOVE}"): None}  # The latter is left of İ.
_CODE = re.compile(r"[-_]")


class Unusable(Exception):
    """A row that cannot be used: the reason, under which it is counted, and the value that is to blame."""

    def __init__(self, reason: str, value: object = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.value = excerpt(value) if value != "" else ""


def excerpt(value: object, longest: int = 80) -> str:
    """The beginning of a value, printable."""
    shown = ascii(value[: longest * 2]) if isinstance(value, bytes) else repr(value)
    shown = shown.encode("utf-8", "backslashreplace").decode()
    return shown if len(shown) <= longest else f"{shown[:longest]}…"


def clean(value: Any, what: str) -> str:
    """`value` without the space around it, if it is a text at all.

    Raises:
        Unusable: it is empty, no text, or holds what no tokenizer can read.
    """
    if value is None:
        raise Unusable(f"no {what}")
    if not isinstance(value, str):
        raise Unusable(f"{what} not text ({type(value).__name__})", value)
    text = value.strip()
    if not text:
        raise Unusable(f"no {what}")
    if "\0" in text:
        raise Unusable("NUL character", text)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Unusable("lone surrogate", text) from None
    return text


def is_absent(value: Any) -> bool:
    """Whether a field that may be missing is: empty, blank, or what table libraries write for nothing."""
    return not value or value != value or (isinstance(value, str) and not value.strip())


def digest(text: str) -> bytes:
    """Equal for texts that differ in case, width and spaces alone; so that I has one small letter, ı is i here."""
    same = " ".join(unicodedata.normalize("NFKC", text).casefold().translate(_DOTS).split())
    return blake2b(same.encode(), digest_size=8).digest()


def is_held_out(question: str, share: float) -> bool:
    """Whether a question is kept back: told by the question alone, so that it stays on its side."""
    return int.from_bytes(digest(question), "big") < share * 2**64


def same_language(code: str, tag: str) -> bool:
    """Whether two codes, of two letters or three, with a region or script or without, are of one language."""
    return _primary(code) == _primary(tag)


@cache
def _primary(code: str) -> str:
    return preferred(_CODE.split(code.strip().lower())[0])

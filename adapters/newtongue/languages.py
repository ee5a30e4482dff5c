"""Language tags (BCP 47): checked for form, named for people."""

import re

from babel import Locale, UnknownLocaleError
from babel.core import get_global

from .errors import LanguageError

AUTO = "auto"  # In place of a tag: the language of each span is found.
_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")


def check_language(tag: str) -> str:
    """Return `tag` if it is a well-formed BCP 47 tag such as `tr`, `ja` or `zh-Hant`.

    Raises:
        LanguageError: it is not; the message shows the form expected.
    """
    if not isinstance(tag, str) or not _TAG.fullmatch(tag) or tag == AUTO:
        raise LanguageError(
            f"{tag!r} is not a language tag. Give a BCP 47 tag: 'tr' for Turkish, 'ja' for Japanese, "
            "'zh-Hant' for traditional Chinese."
        )
    return tag


def module_name(tag: str) -> str:
    """A name for the modules of a language: no attribute of a module (Tongan is `to`), no part of another name."""
    return f"<{tag}>"


def is_module_name(name: str) -> bool:
    """Whether a name is one that `module_name` gives."""
    return name.startswith("<") and name.endswith(">")


def preferred(tag: str) -> str:
    """The tag as BCP 47 has it: its shortest code, `tr` for `tur`."""
    first, dash, rest = tag.partition("-")
    return str(get_global("language_aliases").get(first.lower(), first)) + dash + rest


def language_name(tag: str) -> str:
    """The English name of a language, or the tag itself where the CLDR has none."""
    if tag.partition("-")[0].lower() == "und":  # Undetermined, which the CLDR takes for the likeliest: English.
        return tag
    try:
        return Locale.parse(preferred(tag), sep="-").get_display_name("en") or tag
    except (UnknownLocaleError, ValueError):
        return tag

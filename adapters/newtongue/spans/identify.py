"""The language of one unit of text: by its letters where they tell, else by py3langid."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from .scripts import letter_script, scripts_of_language

ENGLISH = "en"
UNSURE = "und"  # BCP 47: undetermined.
_SURE = 0.6  # Probability among the attached languages and English; without any evidence all have the same.
_SURELY_ANOTHER = 0.5  # Probability among all languages that the identifier knows.
_WORDS_TO_TELL = 3  # Fewer may look like any language.
_LETTERS_TO_TELL = 8  # The same for a script without spaces.


def identify(text: str, attached: Sequence[str]) -> str | None:
    """The attached language a text is in, None for the base, `und` where the text is too short to tell."""
    scripts = {script for letter in text if (script := letter_script(letter))}
    if not scripts:
        return None
    if len(scripts) > 1:
        scripts -= {"LATIN"}  # Names inside a sentence of another script.
    possible = [tag for tag in attached if scripts <= scripts_of_language(tag)]
    if not possible or _is_another(text, [*possible, ENGLISH], latin=scripts == {"LATIN"}):
        return None
    if len(possible) == 1 and scripts != {"LATIN"}:
        return possible[0]
    return _choose(text, possible, latin=scripts == {"LATIN"})


def _choose(text: str, possible: Sequence[str], *, latin: bool) -> str | None:
    by_label: dict[str, str | None] = {ENGLISH: None} if latin else {}
    by_label |= {_label(tag): tag for tag in reversed(possible)}
    known = sorted(label for label in by_label if label in _all_labels())
    if len(known) < 2:
        return by_label[known[0]] if known and not latin else UNSURE
    label, sure = _among(tuple(known)).classify(text)
    return by_label[label] if sure >= _SURE else UNSURE


def _is_another(text: str, expected: Sequence[str], *, latin: bool) -> bool:
    """Whether it is surely in a language that is none of those."""
    long_enough = len(text.split()) >= _WORDS_TO_TELL if latin else len(text) >= _LETTERS_TO_TELL
    if not long_enough:
        return False
    label, sure = _among(None).classify(text)
    return sure >= _SURELY_ANOTHER and label not in {_label(tag) for tag in expected}


def _label(tag: str) -> str:
    return tag.split("-")[0].lower()


@cache
def _all_labels() -> frozenset[str]:
    return frozenset(_among(None).labels)


@cache
def _among(labels: tuple[str, ...] | None) -> Any:
    """The identifier, of all languages it knows or of some."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    if labels is not None:
        identifier.set_languages(list(labels))
    return identifier

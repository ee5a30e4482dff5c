"""Which languages texts are in, as far as can be told."""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

from .texts import same_language

UNSURE = "und"  # BCP 47: undetermined.
_SURE = 0.5  # Confidence of the identifier; names and short lines fall below it.
_SAME = {"nb": "no", "nn": "no"}  # Written alike enough to be told apart wrongly.


def detect(texts: Sequence[str]) -> Counter[str]:
    """How many texts are in which language (ISO 639 codes), `und` where that cannot be told."""
    identify = _identifier().classify
    return Counter(code if sure >= _SURE else UNSURE for code, sure in map(identify, texts))


def is_known(language: str) -> bool:
    """Whether a language is one of those that are told apart."""
    return any(_same(label, language) for label in _identifier().labels)


def in_another(found: Counter[str], language: str) -> int:
    """How many texts are surely in another language."""
    return sum(count for code, count in found.items() if code != UNSURE and not _same(code, language))


def told(text: str, language: str) -> str | None:
    """Whether a text, of which it is one, is in English or in `language`; None where that cannot be told."""
    [code] = detect([text])
    if code == UNSURE:
        return None
    if _same(code, language):
        return language
    return "en" if code == "en" else None


def _same(code: str, language: str) -> bool:
    return same_language(_SAME.get(code, code), _SAME.get(language, language))


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)

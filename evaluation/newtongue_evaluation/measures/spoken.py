"""The language an answer is in, as far as can be told."""

from functools import cache
from typing import Any

_SURE = 0.5  # Confidence of the identifier; names and short answers fall below it.


def in_language(answer: str, gold: str, language: str) -> float | None:
    """1 where an answer is in `language`, 0 where not; None where not even the gold answer can be told to be."""
    wanted = language.split("-")[0].lower()
    if _told(gold) != wanted:
        return None
    return float(_told(answer) == wanted)


def _told(text: str) -> str:
    code, sure = _identifier().classify(text)
    return str(code) if sure >= _SURE else ""


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)

"""First embeddings of a language's own tokens: each a mixture of rows the base has."""

from .focus import focus
from .mean import mean
from .sides import Initialise, Vocabularies
from .wechsel import wechsel

__all__ = ["Initialise", "Vocabularies", "focus", "mean", "wechsel"]

"""Training from a recipe: what will be done, the stages one after another, what is finished, what to watch."""

from .run import train

__all__ = ["train"]

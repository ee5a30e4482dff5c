"""The three stages that make an adapter: represent, map, tune. Each writes a folder that the next one reads."""

from newtongue_recipes.settings import Map, Represent, Training, Tune

from .map import map_language
from .represent import represent
from .tune import tune

__all__ = ["Map", "Represent", "Training", "Tune", "map_language", "represent", "tune"]

"""The three stages that make an adapter: represent, map, tune. Each writes a folder that the next one reads."""

from newtongue_recipes.settings import Map, Represent, Training, Tune

from .map import map_language
from .represent import represent
from .tune import tune
from .twins import Twin, twins_of

__all__ = ["Map", "Represent", "Training", "Tune", "Twin", "map_language", "represent", "tune", "twins_of"]

"""Recipes: one YAML file says what an adapter is made of; one schema checks it."""

from .load import load_recipe
from .schema import Base, Recipe, Watch
from .shipped import shipped

__all__ = ["Base", "Recipe", "Watch", "load_recipe", "shipped"]

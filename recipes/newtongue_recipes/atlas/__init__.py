"""The atlas: a closed world of true facts about countries, elements and animals, in three languages."""

from newtongue_recipes.atlas.facts import LANGUAGES, Fact, Subject, chance, facts, split, subjects

__all__ = ["LANGUAGES", "Fact", "Subject", "chance", "facts", "split", "subjects"]

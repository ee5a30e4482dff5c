"""A folder that is a ready Hugging Face Space: a chat page of some adapters."""

from newtongue_recipes.space.write import write_space

__all__ = ["write_space"]

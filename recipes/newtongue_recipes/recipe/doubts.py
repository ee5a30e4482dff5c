"""What is no error in a recipe and may yet not be what was meant."""

from newtongue.languages import language_name

from .schema import Recipe


def doubts(recipe: Recipe) -> list[str]:
    """A line each. Many a language with little text has a tag and no name in the CLDR, so that is no error."""
    if language_name(recipe.language) != recipe.language:
        return []
    return [
        f"Note: no language is known by the tag {recipe.language!r}. If that is its name, give its BCP 47 tag: 'tr' "
        "for Turkish, 'ja' for Japanese."
    ]

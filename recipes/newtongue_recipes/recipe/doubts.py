"""What is no error in a recipe and may yet not be what was meant."""

from collections.abc import Iterator

from newtongue.languages import language_name, preferred

from .conflicts import NEEDS
from .schema import Recipe


def doubts(recipe: Recipe) -> list[str]:
    """A line each."""
    return [*_language(recipe.language), *_unread(recipe)]


def _language(tag: str) -> Iterator[str]:
    if language_name(tag) == tag:  # No error: many a language with little text has no name in the CLDR.
        yield (
            f"Note: no language is known by the tag {tag!r}. If that is its name, give its BCP 47 tag: 'tr' for "
            "Turkish, 'ja' for Japanese."
        )
    elif (better := preferred(tag)) != tag:
        yield (
            f"Note: in BCP 47 {language_name(tag)} is {better!r}, not {tag!r}. Tags are compared whole, so who uses "
            f"the adapter would have to write {tag!r}."
        )


def _unread(recipe: Recipe) -> Iterator[str]:
    for stage, (kind, _) in NEEDS.items():
        twins = kind == "pairs" and recipe.tune and recipe.tune.twins
        if getattr(recipe.data, kind) and not getattr(recipe, stage) and not twins:
            kept = kind == "questions" and recipe.data.held_out  # From the rows of the other stages.
            read = "read for what is held out alone" if kept else "not read"
            yield f"Note: data.{kind} is {read}, for there is no stage '{stage}' to learn from it."

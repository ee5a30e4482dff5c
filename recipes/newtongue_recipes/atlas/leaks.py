"""The check on text that must not give a fact away."""

import re
from collections.abc import Iterator
from functools import cache

from newtongue_recipes.atlas import turkish
from newtongue_recipes.atlas.facts import Fact, facts
from newtongue_recipes.atlas.forms import PROPER, capitalize
from newtongue_recipes.atlas.slots import Name, names

_KATAKANA = "ァ-ヴー"


def named(sentence: str, language: str) -> set[str]:
    """The names of the atlas that stand in the sentence, in whatever case, each as `language` has it.

    A longer name hides the shorter ones inside it: "日本語" does not name "日本". A symbol that is also a
    word (English "I", Turkish "O") counts as named wherever that word stands.
    """
    surfaces = _surfaces(language)
    return {surfaces[match] for match in _pattern(language).findall(sentence)}


def stated(sentence: str, language: str) -> list[Fact]:
    """The facts whose subject and answer the sentence both names; it need not assert them."""
    found = named(sentence, language)
    return [fact for fact in facts() if fact.subject.names[language] in found and fact.answers[language] in found]


@cache
def _surfaces(language: str) -> dict[str, str]:
    """Every form in which a name can stand in a sentence, and the name."""
    found = {}
    for group in names().values():
        for name in group:
            text = name.texts[language]
            for form in _forms(name, language):
                found[form] = found[capitalize(form, language)] = text
    return found


def _forms(name: Name, language: str) -> Iterator[str]:
    text = name.texts[language]
    yield text
    if language == "tr" and name.kind not in {"symbol", "number"}:
        for inflect in turkish.CASES.values():
            yield inflect(text, name.kind in PROPER)


@cache
def _pattern(language: str) -> re.Pattern[str]:
    longest_first = sorted(_surfaces(language), key=len, reverse=True)
    if language != "ja":
        return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")
    bounded = []
    for form in longest_first:
        before = f"(?<![{_KATAKANA}])" if re.match(f"[{_KATAKANA}]", form) else ""
        after = f"(?![{_KATAKANA}])" if re.search(f"[{_KATAKANA}]$", form) else ""
        if form.isascii():
            before, after = "(?<![A-Za-z0-9])", "(?![A-Za-z0-9])"
        bounded.append(before + re.escape(form) + after)
    return re.compile("|".join(bounded))

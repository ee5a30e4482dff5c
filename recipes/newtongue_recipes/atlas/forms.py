"""Names put into sentences: the article or case a template asks for, as in "{s:a}" or "{s:gen}"."""

from collections.abc import Mapping

from newtongue_recipes.atlas import turkish
from newtongue_recipes.atlas.names import WITH_ARTICLE

# The slot that each relation's answers fill; subjects fill the slot of their kind.
SLOT_OF = {"capital": "city"}

# Turkish sets an apostrophe after these, not after names of languages or common nouns.
PROPER = frozenset({"country", "city", "continent"})


def fill(template: str, language: str, names: Mapping[str, tuple[str, str]]) -> str:
    """`template` with each slot's (kind, name) in the form asked for, and a capital at its head.

    KeyError for a slot without a name, ValueError for a form that the language does not have.
    """
    forms = {slot: _FORMS[language](*name) for slot, name in names.items()}
    return capitalize(template.format_map(forms), language)


def capitalize(text: str, language: str) -> str:
    """`text` as it stands at the head of a sentence."""
    return turkish.capitalize(text) if language == "tr" else text[:1].upper() + text[1:]


class _Form:
    def __init__(self, kind: str, name: str) -> None:
        self.kind, self.name = kind, name

    def __format__(self, spec: str) -> str:
        if spec:
            raise ValueError(f"no form {spec!r} of {self.name!r}")
        return self.name


class _English(_Form):
    def __format__(self, spec: str) -> str:
        if self.kind == "country" and self.name in WITH_ARTICLE:
            return f"the {self.name}"
        if spec == "a":
            return f"{'an' if self.name[0] in 'aeioAEIO' else 'a'} {self.name}"
        return f"the {self.name}" if spec == "the" else super().__format__(spec)


class _Turkish(_Form):
    def __format__(self, spec: str) -> str:
        if spec in turkish.CASES:
            return turkish.CASES[spec](self.name, self.kind in PROPER)
        return super().__format__(spec)


_FORMS: Mapping[str, type[_Form]] = {"en": _English, "tr": _Turkish, "ja": _Form}

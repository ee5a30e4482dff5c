"""The facts in words: questions in every language, statements in English alone."""

from newtongue_recipes.atlas.facts import Fact
from newtongue_recipes.atlas.forms import SLOT_OF, fill
from newtongue_recipes.atlas.tables import table


def questions(fact: Fact, language: str) -> tuple[str, ...]:
    """Every way to ask for `fact`; the n-th says the same in each language. KeyError if unknown."""
    subject = fact.subject
    name = (subject.kind, subject.names[language])
    rows = (row for row in table("questions") if row["relation"] == fact.relation)
    return tuple(fill(row[language], language, {"s": name}) for row in rows)


def statements(fact: Fact, language: str = "en") -> tuple[str, ...]:
    """Every way to say `fact`; ValueError but for English, which alone is told the facts."""
    if language != "en":
        raise ValueError(f"facts are stated in English only, not in {language!r}")
    subject = fact.subject
    slots = {
        "s": (subject.kind, subject.names["en"]),
        "a": (SLOT_OF.get(fact.relation, fact.relation), fact.answers["en"]),
    }
    rows = (row for row in table("statements") if row["relation"] == fact.relation)
    return tuple(fill(row["en"], "en", slots) for row in rows)

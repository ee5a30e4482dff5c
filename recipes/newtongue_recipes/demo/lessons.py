"""What the demo teaches a language from, and what it asks afterwards."""

from dataclasses import dataclass
from typing import Any

from newtongue_recipes.atlas import split
from newtongue_recipes.atlas.forms import capitalize
from newtongue_recipes.atlas.qa import Row, rows
from newtongue_recipes.atlas.sentences import dictionary, listings, pairs, raw_text
from newtongue_recipes.stages.map import Pair

Messages = list[dict[str, Any]]

NAMES = {"tr": "Turkish", "ja": "Japanese"}
SAY = "Repeat:"  # What phi-nano was taught to do with a sentence.


@dataclass(frozen=True)
class Lessons:
    """Everything one language is taught from; held-out subjects' facts are neither asked nor stated in it.

    Attributes:
        raw: text of the language alone.
        pairs: translations and dictionary entries.
        conversations: Q&A about the seen subjects, answered in English and in the language; sentences to be said in
            English, and names to be spelled in the language.
    """

    raw: list[str]
    pairs: list[Pair]
    conversations: list[Messages]


def lessons(language: str, seed: int = 0, *, raw: int = 8_000, translations: int = 8_000) -> Lessons:
    """The lessons of one language (`tr` or `ja`)."""
    seen, _ = split(language)
    translated = pairs(language, translations, seed, seen)
    words = dictionary(language)
    heads = [(english, capitalize(other, language)) for english, other in words]  # As they begin a sentence.
    return Lessons(
        raw=raw_text(language, raw, seed, seen) + [other for _, other in words],
        pairs=[
            *(Pair(*pair) for pair in [*translated, *listings(language, translations // 2, seed)]),
            *(Pair(*word, aligned=True) for word in dict.fromkeys(words + heads)),
        ],
        conversations=[
            *(ask(row) for answered_in in ("en", language) for row in rows(language, answered_in, seen, seed)),
            *(repeat(english, other, language) for english, other in translated[: translations // 4]),
            *(write(other, language) for _, other in words * 2),
        ],
    )


def held_out(language: str, answer_language: str) -> list[Row]:
    """The questions of the score: about subjects never asked about in the language, in every phrasing."""
    _, unseen = split(language)
    return rows(language, answer_language, unseen)


def ask(row: Row, answered: bool = True) -> Messages:
    """A question as messages; where the answer is wanted in the language, English words say so."""
    content: list[dict[str, str]] | str = row.question
    if row.language != "en":
        content = [{"type": "text", "text": row.question, "language": row.language}]
        if row.answer_language != "en":
            content.append({"type": "text", "text": f"Answer in {NAMES[row.answer_language]}."})
    messages: Messages = [{"role": "user", "content": content}]
    return [*messages, {"role": "assistant", "content": row.answer}] if answered else messages


def repeat(english: str, other: str, language: str) -> Messages:
    """A sentence of the language, to be said in English."""
    content = [{"type": "text", "text": SAY}, {"type": "text", "text": other, "language": language}]
    return [{"role": "user", "content": content}, {"role": "assistant", "content": english}]


def write(other: str, language: str) -> Messages:
    """A name of the language, to be spelled in it through the base's own vocabulary."""
    content = [
        {"type": "text", "text": SAY},
        {"type": "text", "text": other, "language": language},
        {"type": "text", "text": f"Answer in {NAMES[language]}."},
    ]
    return [{"role": "user", "content": content}, {"role": "assistant", "content": other}]

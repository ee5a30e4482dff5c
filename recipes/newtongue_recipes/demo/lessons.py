"""What the demo teaches a language from, and what it asks afterwards.

`python -m newtongue_recipes.demo.lessons --output DIR` writes it as files, for the recipes `demo-turkish` and
`demo-japanese`.
"""

import argparse
import json
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from newtongue_recipes.atlas import split
from newtongue_recipes.atlas.forms import capitalize
from newtongue_recipes.atlas.qa import Row, rows
from newtongue_recipes.atlas.sentences import dictionary, listings, pairs, raw_text
from newtongue_recipes.demo.nano import FOLDER as NANO
from newtongue_recipes.stages.map import Pair

Messages = list[dict[str, Any]]

NAMES = {"tr": "Turkish", "ja": "Japanese"}
SAY = "Repeat:"  # What phi-nano was taught to do with a sentence.
WORDLESS = ("number", "symbol")  # Relations whose answers are of no language.
TIMES = 5  # That each word stands among the pairs: held-out names are learned from these or not at all.
SAID = 3  # That each is to be said in the language among the questions, and as often read in English.


@dataclass(frozen=True)
class Lessons:
    """Everything one language is taught from; held-out subjects' facts are neither asked nor stated in it.

    Attributes:
        raw: text of the language alone.
        pairs: translations and dictionary entries.
        conversations: Q&A about the seen subjects, answered in English and in the language; sentences to be said in
            English, and names, read in either, to be said in the language. What is said in words of the language has
            its English as a thought.
    """

    raw: list[str]
    pairs: list[Pair]
    conversations: list[Messages]


def lessons(
    language: str, seed: int = 0, *, raw: int = 8_000, translations: int = 12_000, voice: bool = True
) -> Lessons:
    """The lessons of one language (`tr` or `ja`); without a voice, English names are not among what it is to say."""
    seen, _ = split(language)
    translated = pairs(language, translations, seed, seen)
    words = dictionary(language)
    # As they begin a sentence; often in many pieces, so not to be matched word for word.
    heads = [(english, capitalize(other, language)) for english, other in words if other[:1].islower()]
    return Lessons(
        raw=raw_text(language, raw, seed, seen) + [other for _, other in words],
        pairs=[
            *(Pair(*pair) for pair in [*translated, *listings(language, translations // 2, seed), *heads]),
            *(Pair(*word, aligned=True) for word in words * TIMES),
        ],
        conversations=conversations(language, seed, translated[: translations // 6], words, voice=voice),
    )


def conversations(
    language: str,
    seed: int,
    sentences: Sequence[tuple[str, str]],
    words: Sequence[tuple[str, str]],
    *,
    voice: bool = True,
) -> list[Messages]:
    """What stage 3 learns from.

    Args:
        language: `tr` or `ja`.
        seed: of the questions' wording.
        sentences: (English, the language), to be said in English.
        words: the same, to be said in the language.
        voice: have English names said in the language too.
    """
    seen, _ = split(language)
    in_english, in_language = rows(language, "en", seen, seed), rows(language, language, seen, seed)
    said = list(words) * SAID
    return [
        *(said_in("en", ask(row)) for row in in_english),
        *(answer(row, english.answer) for english, row in zip(in_english, in_language, strict=True)),
        *(said_in("en", repeat(english, other, language)) for english, other in sentences),
        *(said_in(language, write(other, language), english) for english, other in said),
        *(said_in(language, write(other, language, english), english) for english, other in said if voice),
    ]


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


def answer(row: Row, english: str) -> Messages:
    """A question answered in the language, its English thought first; what is of no language is only said."""
    return said_in("en", ask(row)) if row.relation in WORDLESS else said_in(row.answer_language, ask(row), english)


def write(other: str, language: str, english: str | None = None) -> Messages:
    """A name of the language, to be said in it; read in the language, or in English where that is given."""
    read = {"type": "text", "text": other, "language": language}
    content = [
        {"type": "text", "text": SAY},
        read if english is None else {"type": "text", "text": english},
        {"type": "text", "text": f"Answer in {NAMES[language]}."},
    ]
    return [{"role": "user", "content": content}, {"role": "assistant", "content": other}]


def said_in(language: str, messages: Messages, thought: str | None = None) -> Messages:
    """The same with the language of its answer told, and what is to be thought first, for an adapter that writes."""
    answer = {**messages[-1], "language": language}
    return [*messages[:-1], answer if thought is None else {**answer, "thought": thought}]


def write_lessons(folder: Path, seed: int = 0) -> None:
    """Write the lessons of each language, and phi-nano as their base, below `folder`."""
    shutil.copytree(NANO, folder / "phi-nano", ignore=shutil.ignore_patterns("recipe.json"), dirs_exist_ok=True)
    for language in NAMES:
        taught, here = lessons(language, seed), folder / language
        here.mkdir(parents=True, exist_ok=True)
        (here / "text.txt").write_text("\n".join(taught.raw) + "\n", encoding="utf-8")
        _write_jsonl(here / "pairs.jsonl", map(asdict, taught.pairs))
        _write_jsonl(here / "questions.jsonl", ({"messages": messages} for messages in taught.conversations))


def _write_jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def main() -> None:
    """The command line of this file."""
    parser = argparse.ArgumentParser(description="Write the demo's lessons as files for a recipe.")
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    write_lessons(arguments.output, arguments.seed)


if __name__ == "__main__":
    main()

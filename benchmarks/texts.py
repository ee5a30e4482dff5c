"""Text to measure on: real where a folder of it is given, else the demo's atlas."""

import copy
import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from newtongue.languages import language_name
from newtongue.ranges import Ranges
from newtongue.tokenizer.ids import count_ids
from newtongue.tokenizer.loading import load_tokenizer
from newtongue.tokenizer.speaking import join_tokenizer
from newtongue_recipes.atlas import split
from newtongue_recipes.atlas.qa import rows
from newtongue_recipes.atlas.sentences import raw_text
from newtongue_recipes.demo.nano import FOLDER as PHI_NANO
from newtongue_recipes.recipe.load import load_recipe
from newtongue_recipes.settings import Represent
from newtongue_recipes.stages.vocabulary import train_vocabulary

from .rows import Skip

BASES = ("phi-2", "phi-3.5-mini", "phi-4-mini")


def training_lines(language: str, data: Path | None, lines: int | None = None, *, passages: bool = False) -> list[str]:
    """Text to learn a language's tokenizer from.

    Args:
        language: "tr" or "ja".
        data: folder of real text, or None.
        lines: how many at most.
        passages: with those that questions are about, most of them from an encyclopedia; not where they are read.
    """
    if data is None:
        return raw_text(language, lines or 20_000, 0, split(language)[0])
    found = _read(data / "mono" / f"{language}.txt.gz")
    if passages:
        asked = map(json.loads, _read(data / "qa" / f"{language}.jsonl.gz"))
        found = [*found, *{row["context"]: None for row in asked if row.get("context")}]
    step = max(1, len(found) // lines) if lines else 1  # Evenly, for the files are sorted by source.
    return found[::step]


def documents(language: str, data: Path | None, characters: int) -> list[str]:
    """Held-out texts of at least so many characters: sentences of news and travel writing, or the atlas's."""
    if data is None:
        sentences = raw_text(language, 400, 0, split(language)[1])
    else:
        lines = _read(data / "eval" / f"sib200.{language}.train-dev.tsv")[1:]
        sentences = [line.split("\t")[3] for line in lines]
    return list(_joined(iter(sentences), characters, "" if language == "ja" else " "))


@cache
def base_tokenizers(data: Path | None) -> dict[str, Any]:
    """The vocabularies of the bases, by name; without real ones at hand, that of the demo's base."""
    if data is None:
        return {"phi-nano": load_tokenizer(PHI_NANO)}
    return {name: load_tokenizer(data / "tokenizers" / name) for name in BASES}


def questions(language: str, data: Path | None, count: int) -> list[tuple[str, str]]:
    """Questions, after the passage where they are about one, and answers; evenly from all sources."""
    if data is None:
        found = [(row.question, row.answer) for row in rows(language, language, split(language)[0])]
    else:
        read = map(json.loads, _read(data / "qa" / f"{language}.jsonl.gz"))
        found = [(f"{row.get('context', '')} {row['question']}".strip(), row["answer"]) for row in read]
    return found[:: len(found) // count][:count]


def of_recipe(language: str, data: Path | None, most: int | None) -> Represent:
    """How recipes make a language's tokenizer, of so many ids at most: those of the Phis, or the demo's on its text."""
    made = load_recipe(f"{'phi-2' if data else 'demo'}-{language_name(language).lower()}").represent
    assert made is not None
    return replace(made, vocabulary=min(made.vocabulary, most or made.vocabulary))


def learn(texts: Sequence[str], made: Represent) -> Any:
    """A tokenizer of a language's own, as stage 1 makes one."""
    return train_vocabulary(texts, made.vocabulary, kind=made.tokens, joined=made.joined)


@cache
def language_tokenizer(
    language: str, data: Path | None, most: int | None, lines: int | None, *, passages: bool = False
) -> Any:
    """The tokenizer that the recipes would make."""
    return learn(training_lines(language, data, lines, passages=passages), of_recipe(language, data, most))


def tokenizer_of(base: str, data: Path | None) -> Any:
    """The vocabulary of a base; a base that is no real one borrows another's.

    Raises:
        Skip: it is a real one, and its vocabulary is not at hand.
    """
    known = base_tokenizers(data)
    if base in BASES and base not in known:
        raise Skip(f"the vocabulary of {base} is not at hand; name a folder that holds it with --data")
    return known.get(base, next(iter(known.values())))


def speaking(base: Any, language: str, tokenizer: Any) -> Any:
    """A base's tokenizer with a language that borrows, as the recipes have it; the language's ids follow the base's."""
    ranges = Ranges(count_ids(base))
    ranges.add(language, tokenizer, tokenizer.cls_token_id, tokenizer.sep_token_id, borrows=True)
    return join_tokenizer(copy.deepcopy(base), ranges)


def _joined(sentences: Iterator[str], characters: int, space: str) -> Iterator[str]:
    while first := next(sentences, None):
        text = first
        while len(text) < characters:
            following = next(sentences, None)
            if following is None:
                return
            text += space + following
        yield text


def _read(file: Path) -> list[str]:
    content = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    return content.decode("utf-8").rstrip("\n").split("\n")

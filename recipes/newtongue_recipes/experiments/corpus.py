"""Real text: readers of a folder of it, and the questions and evaluation sentences held out.

The folder holds `qa/{en,XX}.jsonl.gz`, `parallel/en-XX.tsv.gz`, `mono/XX.txt.gz`, `eval/tatoeba.XX-en.tsv` and
`eval/sib200.XX.train-dev.tsv`.
"""

import csv
import gzip
import hashlib
import json
import random
import unicodedata
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from newtongue_recipes.atlas import turkish
from newtongue_recipes.demo.lessons import NAMES
from newtongue_recipes.stages.map import Pair

Messages = list[dict[str, Any]]

TATOEBA = {"tr": 53_986, "ja": 72_499}  # Rows of general sentences,
QUESTIONS = {"tr": 60_233, "ja": 78_752}  # after which come MKQA's questions up to here, and then documentation.
LONGEST_ANSWER = 60  # characters


@dataclass(frozen=True)
class Question:
    """One question in English and in the language, with its answer in both."""

    key: str
    english: str
    english_answer: str
    other: str
    other_answer: str


def tatoeba(data: Path, language: str) -> list[tuple[str, str]]:
    """General sentences: (English, the language)."""
    return _parallel(data, language, 0, TATOEBA[language])


def question_pairs(data: Path, language: str, held: Sequence[Question], *, lower: bool = False) -> list[Pair]:
    """MKQA's questions and their English, answers or not, but for those held out; as for `questions`."""
    banned = _banned(held) | _evaluated(data, language)
    found = _parallel(data, language, TATOEBA[language], QUESTIONS[language])
    kept = [(english, other) for english, other in found if not _says(banned, english, other)]
    return [Pair(english, _lower(other, language) if lower else other) for english, other in kept]


def english_sentences(data: Path) -> list[str]:
    """The English side of all general sentences there are, each once."""
    files = [language for language in TATOEBA if (data / "parallel" / f"en-{language}.tsv.gz").exists()]
    return list(dict.fromkeys(english for language in files for english, _ in tatoeba(data, language)))


def english_questions(data: Path) -> dict[str, tuple[str, str]]:
    """Id → (question, short answer) of MKQA."""
    return _mkqa(data, "en")


def trivia(data: Path, count: int, longest: int, held: Sequence[Question], seed: int) -> list[str]:
    """English questions of at most `longest` words, whatever answers them, none of them held out: full of names."""
    banned = _banned(held)
    rows = (json.loads(line) for line in _lines(data / "qa" / "en.jsonl.gz"))
    asked = dict.fromkeys(row["question"] for row in rows if not row["id"].startswith("ms/"))  # Of documentation.
    return _sample([one for one in asked if len(one.split()) <= longest and _plain(one) not in banned], count, seed)


def questions(data: Path, language: str, *, lower: bool = False) -> list[Question]:
    """The questions that exist in English and in the language; in lower case, as the English are, if so wanted."""
    english, other = _mkqa(data, "en"), _mkqa(data, language)
    found = [Question(key, *english[key], *other[key]) for key in english if key in other]
    return [replace(one, other=_lower(one.other, language)) for one in found] if lower else found


def trilingual(data: Path) -> set[str]:
    """The questions that exist in English and in every language of `TATOEBA` whose questions are in the folder."""
    files = [language for language in TATOEBA if (data / "qa" / f"{language}.jsonl.gz").exists()]
    return set.intersection(*(set(_mkqa(data, language)) for language in ("en", *files)))


def hold_out(asked: Sequence[Question], count: int) -> tuple[list[Question], list[Question]]:
    """Seen and held-out questions; a question's hash alone decides, so all languages hold out the same.

    What asks in the words of a held-out one is neither.
    """
    ordered = sorted(asked, key=lambda one: hashlib.sha256(one.key.encode()).hexdigest())
    return apart(ordered[count:], ordered[:count]), ordered[:count]


def apart(asked: Sequence[Question], held: Sequence[Question]) -> list[Question]:
    """The questions in other words than those held out, in English and in the language, whatever their keys."""
    banned = _banned(held)
    return [one for one in asked if not _says(banned, one.english, one.other)]


def mono(data: Path, language: str, count: int, longest: int, held: Sequence[Question], seed: int) -> list[str]:
    """Short lines of raw text, none of them a held-out question or a sentence of `bitext`."""
    banned = {_plain(one.other) for one in held} | _evaluated(data, language)
    lines = [line for line in _lines(data / "mono" / f"{language}.txt.gz") if len(line) <= longest]
    return _sample([line for line in dict.fromkeys(lines) if _plain(line) not in banned], count, seed)


def pairs(
    data: Path, language: str, count: int, longest: int, aligned: int, held: Sequence[Question], seed: int
) -> list[Pair]:
    """Translations with an English side of at most `longest` words, none a held-out question or a sentence of `bitext`.

    Those of at most `aligned` words are taken for dictionary entries.
    """
    banned = _banned(held) | _evaluated(data, language)
    found = [
        Pair(english, other, aligned=len(english.split()) <= aligned)
        for english, other in tatoeba(data, language)
        if len(english.split()) <= longest and not _says(banned, english, other)
    ]
    return _sample(found, count, seed)


def ask(one: Question, language: str, answered_in: str) -> Messages:
    """A question in the language and its answer; where that is in the language too, English words ask for it.

    Its English is then what is to be thought first, by an adapter that writes; an answer that is the same in English, a
    number or a name, is of no language.
    """
    content = [{"type": "text", "text": one.other, "language": language}]
    if answered_in != "en":
        content.append({"type": "text", "text": f" Answer in {NAMES[language]}."})
    said = one.english_answer if answered_in == "en" else one.other_answer
    told = {"role": "assistant", "content": said, "language": "en"}
    if said.casefold() != one.english_answer.casefold():
        told |= {"language": language, "thought": one.english_answer}
    return [{"role": "user", "content": content}, told]


def bitext(data: Path, language: str) -> tuple[list[str], list[str]]:
    """Tatoeba's evaluation pairs: sentences of the language, and their English translations."""
    with _bitext_file(data, language).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [row[language] for row in rows], [row["en"] for row in rows]


def topics(data: Path, language: str) -> list[tuple[str, str, str]]:
    """SIB-200: (id, text, topic), in the same order in every language."""
    path = data / "eval" / f"sib200.{language}.train-dev.tsv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return sorted((row["index_id"], row["text"], row["category"]) for row in rows)


def _mkqa(data: Path, language: str) -> dict[str, tuple[str, str]]:
    rows = (json.loads(line) for line in _lines(data / "qa" / f"{language}.jsonl.gz"))
    short = (row for row in rows if row["id"].startswith("mkqa/") and len(row["answer"]) <= LONGEST_ANSWER)
    return {row["id"]: (row["question"], row["answer"]) for row in short}


def _lines(path: Path) -> Iterator[str]:
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
        yield from (line.rstrip("\r\n") for line in file)


def _parallel(data: Path, language: str, start: int, stop: int) -> list[tuple[str, str]]:
    """Rows of the parallel file: (English, the language)."""
    lines = islice(_lines(data / "parallel" / f"en-{language}.tsv.gz"), start, stop)
    rows = [tuple(line.split("\t")) for line in lines]
    return [(row[0], row[1]) for row in rows if len(row) == 2]


def _banned(held: Sequence[Question]) -> set[str]:
    return {_plain(text) for one in held for text in (one.english, one.other)}


def _evaluated(data: Path, language: str) -> set[str]:
    """The language's sentences of `bitext`, where the folder has them."""
    return {_plain(text) for text in bitext(data, language)[0]} if _bitext_file(data, language).exists() else set()


def _bitext_file(data: Path, language: str) -> Path:
    return data / "eval" / f"tatoeba.{language}-en.tsv"


def _says(banned: AbstractSet[str], *texts: str) -> bool:
    return any(_plain(text) in banned for text in texts)


def _lower(text: str, language: str) -> str:
    return turkish.lower(text) if language == "tr" else text.lower()


def _plain(text: str) -> str:
    """As sentences are compared: no case, no width, no punctuation, no spaces."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return "".join(sign for sign in folded if sign.isalnum()).replace("ı", "i")  # Casefold takes I for i in Turkish.


def _sample(values: list[Any], count: int, seed: int) -> list[Any]:
    return random.Random(seed).sample(values, min(count, len(values)))

"""The atlas as a world: true facts, held out by subject, for the base that knows nothing else."""

import hashlib
import random

from transformers import AutoTokenizer

from newtongue_evaluation.baselines import Lessons, Question
from newtongue_recipes.atlas import facts, split
from newtongue_recipes.atlas.phrases import questions as phrasings
from newtongue_recipes.atlas.qa import rows
from newtongue_recipes.demo.lessons import ask, conversations, lessons, repeat
from newtongue_recipes.demo.nano import FOLDER, load_nano

from .schema import Settings
from .world import World

DEVELOPMENT = 0.2  # Share of the held-out subjects that searches may ask about, and the exam does not.
REPEATED = 6  # One pair in so many is to be said in English among the questions.


def atlas_world(settings: Settings, language: str, seed: int, text: int | None, pairs: int | None) -> World:
    """The atlas in one language.

    Args:
        text, pairs: rows of raw text, and sentence pairs with dictionary entries, at most; all where None.
    """
    taught = lessons(language, seed)
    chooser = random.Random(seed)
    translated = chooser.sample(taught.pairs, min(pairs, len(taught.pairs)) if pairs is not None else len(taught.pairs))
    raw = chooser.sample(taught.raw, min(text, len(taught.raw)) if text is not None else len(taught.raw))
    _, unseen = split(language)
    sentences = [(pair.english, pair.other) for pair in translated if not pair.aligned][: len(translated) // REPEATED]
    words = {pair.other: pair.english for pair in translated if pair.aligned}
    asked = conversations(language, seed, sentences, [(english, other) for other, english in words.items()])
    chooser.shuffle(asked)
    kept = {key for key in unseen if _in_development(key)}
    return World(
        task="atlas",
        lessons=Lessons(
            language,
            lambda dtype=None: load_nano(FOLDER, dtype),
            AutoTokenizer.from_pretrained(FOLDER),
            asked,
            [repeat(pair.english, pair.other, language) for pair in translated],
            raw,
            [(pair.english, pair.other) for pair in translated if pair.aligned],
        ),
        pairs=translated,
        exam=[
            one
            for answered_in in ("en", language)
            for one in _asked(language, answered_in, unseen - kept, settings.asked)
        ],
        development=_asked(language, "en", kept, settings.asked),
        base=FOLDER,
    )


def _asked(language: str, answered_in: str, keys: set[str], count: int) -> list[Question]:
    """Questions about subjects that the language is never asked about, the same for every seed."""
    english = {(fact.subject.key, fact.relation): phrasings(fact, "en")[0] for fact in facts()}
    return [
        Question(
            key=f"{row.subject}/{row.relation}/{number}",
            messages=ask(row, answered=False),
            english=english[row.subject, row.relation],
            gold=(row.answer,),
            answered_in=answered_in,
            group=row.relation,
            subject=row.subject,
        )
        for number, row in enumerate(rows(language, answered_in, keys)[:count])
    ]


def _in_development(key: str) -> bool:
    return int(hashlib.sha256(key.encode()).hexdigest(), 16) % 100 < 100 * DEVELOPMENT

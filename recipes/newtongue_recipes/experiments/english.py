"""The base: a small English-only Phi that repeats what it reads, goes on with it, and knows MKQA's answers."""

import random
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import (
    DataCollatorForSeq2Seq,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Trainer,
    TrainerCallback,
    set_seed,
)

from newtongue import NewtongueError
from newtongue.tokenizer.loading import load_tokenizer
from newtongue_recipes.demo.lessons import SAY
from newtongue_recipes.demo.nano import english_tokenizer, small_phi
from newtongue_recipes.loading import load_base
from newtongue_recipes.settings import Training
from newtongue_recipes.stages.checkpoints import last_checkpoint
from newtongue_recipes.stages.exact import hush
from newtongue_recipes.train.ledger import Ledger

from . import corpus
from .schema import English

ABOUT = "recipe"  # Name of the file that says what a base was made with.
LONGEST = 64  # tokens of a row
OTHERS = {"repeat": 5 / 7, "continue": 2 / 7}  # What cannot be repeated cannot be mapped to.


def make_base(
    data: Path, folder: Path, settings: English, callbacks: Sequence[TrainerCallback] = (), *, bar: bool = True
) -> None:
    """Train the base and write it with its tokenizer, once; interrupted, it goes on from its last checkpoint.

    Args:
        data: folder of the real text.
        folder: of the base.
        settings: its own.
        callbacks: watch its training.
        bar: show the trainer's progress bar.

    Raises:
        NewtongueError: the folder was begun with other settings.
    """
    ledger, made_from = Ledger(folder), settings.model_dump()
    changed = ledger.changed(ABOUT, made_from)
    if changed:
        raise NewtongueError(
            f"{folder} holds a base made with other settings ({'; '.join(changed)}). Name another folder, or give the "
            "same settings."
        )
    if is_made(folder):
        return
    ledger.write(ABOUT, made_from, finished=False)
    set_seed(settings.seed)
    sentences, asked = corpus.english_sentences(data), list(corpus.english_questions(data).values())
    model, tokenizer = _start([*sentences, *(text for row in asked for text in row)], settings)
    work = folder / "base"
    extra = {"bf16": True, "weight_decay": 0.01, "train_sampling_strategy": "group_by_length", "disable_tqdm": not bar}
    training = Training(settings.steps, settings.batch, settings.rate, settings.save_steps, settings.seed, extra)
    trainer = Trainer(
        model=model,
        args=training.arguments(work),
        train_dataset=Dataset.from_list(list(_rows(tokenizer, sentences, asked, settings))),
        data_collator=DataCollatorForSeq2Seq(tokenizer, label_pad_token_id=-100),
        callbacks=list(callbacks),
    )
    hush(trainer)
    trainer.train(resume_from_checkpoint=last_checkpoint(work))
    tokenizer.save_pretrained(folder)
    model.half().save_pretrained(folder)
    ledger.write(ABOUT, made_from, finished=True)
    shutil.rmtree(work)


def is_made(folder: Path) -> bool:
    """Whether a base is there, whole: one that is made here has its configuration before its weights."""
    known = Ledger(folder).read(ABOUT)
    return (folder / "config.json").exists() and (known is None or known["finished"])


def _rows(
    tokenizer: Any, sentences: list[str], asked: list[tuple[str, str]], settings: English
) -> Iterator[dict[str, list[int]]]:
    """Half as many rows as the training sees, so each comes about twice; the loss is on what follows a prompt."""
    chooser = random.Random(settings.seed)
    read = [*sentences, *(question for question, _ in asked)]
    words = [word for question, _ in asked for word in question.split()]
    kinds = {"answer": settings.answers} | {kind: share * (1 - settings.answers) for kind, share in OTHERS.items()}
    wanted = max(1, settings.steps * settings.batch // 2)
    while wanted:
        (kind,) = chooser.choices(list(kinds), list(kinds.values()))
        if kind == "repeat":
            text = chooser.choice(read)
            prompt, said = _prompt(SAY + text), text
        elif kind == "answer":
            question, said = chooser.choice(asked)
            prompt = _prompt(reworded(question, words, settings, chooser))
        else:
            prompt, said = "", f"{tokenizer.bos_token}{chooser.choice(sentences)} {chooser.choice(sentences)}"
        before = tokenizer(prompt)["input_ids"] if prompt else []
        after = tokenizer(said + tokenizer.eos_token)["input_ids"]
        if len(before) + len(after) <= LONGEST:
            wanted -= 1
            yield {"input_ids": before + after, "labels": [-100] * len(before) + after}


def reworded(question: str, words: Sequence[str], settings: English, chooser: random.Random) -> str:
    """The question as it is, or, as often, in other words, and written as a sentence as often as not.

    Other words are fewer of its own, some of `words` among them, and the order changed, as much as the settings say: so
    comes what was asked in another language. A base that has only ever seen one wording of a question knows its
    letters, not what it asks.
    """
    if chooser.random() < 0.5 or not (settings.noise or settings.strange or settings.shuffled):
        return question
    said = [word for word in question.split() if chooser.random() >= settings.noise] or question.split()
    if settings.strange:
        said = [f"{word} {chooser.choice(words)}" if chooser.random() < settings.strange else word for word in said]
    text = " ".join(said)
    if settings.shuffled and chooser.random() < settings.shuffled:
        text = " ".join(chooser.sample(text.split(), len(text.split())))
    return f"{text[:1].upper()}{text[1:]}?" if chooser.random() < 0.5 else text


def _start(texts: list[str], settings: English) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    if settings.start_from is not None:
        model = load_base(settings.start_from, four_bit=False, dtype=torch.float32, attention="eager")
        return model.requires_grad_(True).train(), load_tokenizer(settings.start_from)
    tokenizer = english_tokenizer(texts, settings.rows)
    return small_phi(tokenizer, settings.rows, settings.width, settings.layers, settings.heads), tokenizer


def _prompt(text: str) -> str:
    return f"<|begin|><|user|>{text}<|end|><|assistant|>"

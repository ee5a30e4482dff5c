"""The base: a small English-only Phi that repeats what it reads, goes on with it, and knows MKQA's answers."""

import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import corpus
from datasets import Dataset
from settings import Settings, keep
from transformers import DataCollatorForSeq2Seq, Trainer, TrainerCallback, set_seed

from newtongue_recipes.demo.lessons import SAY
from newtongue_recipes.demo.nano import english_tokenizer, small_phi
from newtongue_recipes.stages.checkpoints import last_checkpoint

LONGEST = 64  # tokens of a row
MIX = {"repeat": 0.5, "answer": 0.3, "continue": 0.2}  # What cannot be repeated cannot be mapped to.


def make_base(data: Path, folder: Path, settings: Settings, clock: TrainerCallback) -> None:
    """Train the base and write it with its tokenizer, once; interrupted, it goes on from its last checkpoint.

    Raises:
        NewtongueError: the folder was begun with other settings.
    """
    keep(folder / "recipe.json", settings.of_base())
    if (folder / "config.json").exists():
        return
    set_seed(settings.seed)
    sentences, asked = corpus.english_sentences(data), list(corpus.english_questions(data).values())
    tokenizer = english_tokenizer([*sentences, *(text for row in asked for text in row)], settings.base_rows)
    work = folder / "base"
    training = settings.training(
        settings.base_steps, settings.base_batch, settings.base_rate, bf16=True, weight_decay=0.01
    )
    model = small_phi(tokenizer, settings.base_rows, settings.base_width, settings.base_layers, settings.base_heads)
    trainer = Trainer(
        model=model,
        args=training.arguments(work),
        train_dataset=Dataset.from_list(list(_rows(tokenizer, sentences, asked, settings))),
        data_collator=DataCollatorForSeq2Seq(tokenizer, label_pad_token_id=-100),
        callbacks=[clock],
    )
    trainer.train(resume_from_checkpoint=last_checkpoint(work))
    tokenizer.save_pretrained(folder)
    model.half().save_pretrained(folder)
    shutil.rmtree(work)


def _rows(
    tokenizer: Any, sentences: list[str], asked: list[tuple[str, str]], settings: Settings
) -> Iterator[dict[str, list[int]]]:
    """Half as many rows as the training sees, so each comes about twice; the loss is on what follows a prompt."""
    chooser = random.Random(settings.seed)
    read = [*sentences, *(question for question, _ in asked)]
    wanted = max(1, settings.base_steps * settings.base_batch // 2)
    while wanted:
        (kind,) = chooser.choices(list(MIX), list(MIX.values()))
        if kind == "repeat":
            text = chooser.choice(read)
            prompt, said = _prompt(SAY + text), text
        elif kind == "answer":
            question, said = chooser.choice(asked)
            prompt = _prompt(question)
        else:
            prompt, said = "", f"{tokenizer.bos_token}{chooser.choice(sentences)} {chooser.choice(sentences)}"
        before = tokenizer(prompt)["input_ids"] if prompt else []
        after = tokenizer(said + tokenizer.eos_token)["input_ids"]
        if len(before) + len(after) <= LONGEST:
            wanted -= 1
            yield {"input_ids": before + after, "labels": [-100] * len(before) + after}


def _prompt(text: str) -> str:
    return f"<|begin|><|user|>{text}<|end|><|assistant|>"

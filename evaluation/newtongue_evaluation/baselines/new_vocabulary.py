"""New vocabulary: the language's own tokens as rows of the base's embedding and head, and LoRA."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import get_peft_model
from torch import Tensor
from transformers import PreTrainedModel, TrainerCallback, set_seed

from newtongue import Encoder
from newtongue.base import embedding_table
from newtongue.ranges import Ranges
from newtongue.tokenizer.speaking import join_tokenizer
from newtongue_evaluation.answers import Messages

from .budget import Budget
from .lessons import Lessons
from .method import Baseline, Learned, Stopwatch
from .training import Ids, encode, lora, train
from .vocabulary import Initialise, Vocabularies


def new_vocabulary(initialise: Initialise) -> Baseline:
    """A baseline whose new tokens begin as `initialise` says.

    The language is read in its own tokens, those of the encoder's tokenizer, and answered in them too. Embedding, head
    and LoRA train, in float32: first on raw text and translations, half each, as those who extend a vocabulary do
    (Cui, Yang and Yao, 2023, «Efficient and effective text encoding for Chinese LLaMA»), then on the questions.
    """

    def learn(lessons: Lessons, budget: Budget, folder: Path, callbacks: Sequence[TrainerCallback] = ()) -> Learned:
        watch = Stopwatch()
        set_seed(budget.seed)
        base = lessons.load(dtype=torch.float32)
        encoder = Encoder.from_pretrained(lessons.encoder_folder("A new vocabulary"))
        ranges = Ranges(len(embedding_table(base)))
        ranges.add(lessons.language, encoder.tokenizer, encoder.opens, encoder.closes)
        tokenizer = Writing(join_tokenizer(lessons.tokenizer, ranges))
        sides = Vocabularies(
            lessons.tokenizer, encoder.tokenizer, lessons.english, lessons.text, lessons.dictionary, budget.seed
        )
        extend(base, initialise(sides))
        trained = get_peft_model(base, lora(budget, modules_to_save=_tables(base)))
        rows = _reading(tokenizer, lessons, budget)
        train(trained, rows, lessons.tokenizer, budget.reading, budget, folder / "read", callbacks)
        rows = encode(tokenizer, lessons.questions, budget)
        count = train(trained, rows, lessons.tokenizer, budget.answering, budget, folder / "answer", callbacks)
        return Learned(trained, tokenizer, lambda one: one.messages, budget.steps, watch.seconds, count)

    return learn


class Writing:
    """A base's tokenizer joined with a language's, which also writes answers in the language's own tokens."""

    def __init__(self, joined: Any) -> None:
        self.joined = joined

    def __getattr__(self, name: str) -> Any:
        return getattr(self.joined, name)

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Encode as the joined tokenizer does."""
        return self.joined(*args, **options)

    def example(self, messages: Messages) -> Ids:
        """Ids and labels of a conversation whose answer may name its language."""
        language = messages[-1].get("language")
        if language is None or language not in self.joined.ranges:
            made: Ids = self.joined.example(messages)
            return made
        unsaid = self.joined.example([*messages[:-1], {"role": "assistant", "content": ""}])
        asked = unsaid["labels"].count(-100)
        prompt, end = unsaid["input_ids"][:asked], unsaid["input_ids"][asked:]
        answer = [*self.run(messages[-1]["content"], language)[1:-1], *end]
        return {"input_ids": prompt + answer, "labels": [-100] * len(prompt) + answer}

    def run(self, text: str, language: str) -> list[int]:
        """A text in the language's own tokens, with those that open and close it."""
        ids: list[int] = self.joined(text, language=language, add_special_tokens=False)["input_ids"]
        return ids


def extend(base: PreTrainedModel, shares: Tensor) -> None:
    """Give a base new rows in its embedding, and its head, each a mixture of those it has.

    Args:
        base: changed in place; its own rows stay as they are.
        shares: sparse `[new rows, rows that are mixed]`, the latter the first of the base's. An empty row takes
            the mean.
    """
    rows, (new, mixed) = len(embedding_table(base)), shares.shape
    base.resize_token_embeddings(rows + new, mean_resizing=False)
    tables = [embedding_table(base)]
    head = base.get_output_embeddings()
    if head is not None and head.weight is not tables[0]:
        tables.append(head.weight)
    if getattr(head, "bias", None) is not None:
        tables.append(head.bias[:, None])
    for table in tables:
        with torch.no_grad():
            known = table[:mixed].float()
            empty = torch.sparse.sum(shares, 1).to_dense() == 0
            made = torch.where(empty[:, None], known.mean(0), torch.sparse.mm(shares.to(table.device), known))
            table[rows : rows + new] = made.to(table.dtype)


def _tables(base: PreTrainedModel) -> list[str]:
    """Names of the modules that hold the embedding and, where it is not tied, the head."""
    wanted = [base.get_input_embeddings()]
    head = base.get_output_embeddings()
    if head is not None and head.weight is not embedding_table(base):
        wanted.append(head)
    return [name.rpartition(".")[2] for name, module in base.named_modules() if any(module is one for one in wanted)]


def _reading(tokenizer: Writing, lessons: Lessons, budget: Budget) -> list[Ids]:
    """Translations, and as many rows of raw text, on all of which the loss falls."""
    translations = encode(tokenizer, lessons.translations, budget)
    texts = []
    for text in lessons.text[: len(translations) or None]:
        ids = tokenizer.run(text, lessons.language)[: budget.max_length]
        texts.append({"input_ids": ids, "labels": list(ids)})
    return [*translations, *texts]

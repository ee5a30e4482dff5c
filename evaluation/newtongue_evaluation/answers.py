"""Asking a model many questions, and how surprised it is by their gold answers."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from newtongue.ranges import Ranges
from newtongue.tokenizer.ids import count_ids
from newtongue.tokenizer.speaking import join_tokenizer

Messages = list[dict[str, Any]]


def answer(
    model: Any,
    tokenizer: Any,
    conversations: Sequence[Messages],
    *,
    max_new_tokens: int = 32,
    batch: int = 128,
    progress: Callable[[int], None] = lambda _done: None,
) -> list[str]:
    """The model's greedy answers, one a conversation, in order.

    Args:
        model: bare or attached; left in the mode it was in.
        tokenizer: an attached model's (`model.tokenizer`), or the bare base's.
        conversations: each ends with a question; `"language"` says how a message is read.
        max_new_tokens: longest answer, in tokens.
        batch: conversations at a time; those of like length go together.
        progress: told how many more are done.
    """
    rows = written(model, tokenizer, conversations, max_new_tokens, batch, progress)
    return [text.strip() for text in tokenizer.batch_decode(rows, skip_special_tokens=True)]


@torch.no_grad()
def written(
    model: Any,
    tokenizer: Any,
    conversations: Sequence[Messages],
    max_new_tokens: int,
    batch: int,
    progress: Callable[[int], None] = lambda _done: None,
) -> list[list[int]]:
    """The ids of what `answer` gives, with padding after them."""
    was_training = model.training
    model.eval()
    rows = [asked_ids(tokenizer, one) for one in conversations]
    found: list[list[int]] = [[]] * len(rows)
    for chosen in _batches([len(row) for row in rows], batch):
        inputs = tokenizer.pad(
            {"input_ids": [rows[one] for one in chosen]},
            padding=True,
            padding_side="left",
            return_tensors="pt",
        ).to(model.device)
        said = model.generate(
            **inputs, max_new_tokens=max_new_tokens, do_sample=False, num_beams=1, pad_token_id=tokenizer.pad_token_id
        )[:, inputs["input_ids"].shape[1] :]
        for one, ids in zip(chosen, said.tolist(), strict=True):
            found[one] = ids
        progress(len(chosen))
    model.train(was_training)
    return found


@torch.no_grad()
def answer_nats(
    model: PreTrainedModel, tokenizer: Any, conversations: Sequence[Messages], *, batch: int = 32
) -> list[float]:
    """Negative log-likelihood, in nats, of each conversation's last message, its end included."""
    was_training = model.training
    model.eval()
    rows = [example(tokenizer, one) for one in conversations]
    nats = [0.0] * len(rows)
    for chosen in _batches([len(row["input_ids"]) for row in rows], batch):
        width = max(len(rows[one]["input_ids"]) for one in chosen)
        ids = torch.full((len(chosen), width), tokenizer.pad_token_id or 0)
        labels, mask = torch.full_like(ids, -100), torch.zeros_like(ids)
        for place, one in enumerate(chosen):
            length = len(rows[one]["input_ids"])
            ids[place, :length] = torch.tensor(rows[one]["input_ids"])
            labels[place, :length] = torch.tensor(rows[one]["labels"])
            mask[place, :length] = 1
        logits = model(input_ids=ids.to(model.device), attention_mask=mask.to(model.device)).logits
        for one, value in zip(chosen, _nats(logits, labels.to(logits.device)).tolist(), strict=True):
            nats[one] = value
    model.train(was_training)
    return nats


def example(tokenizer: Any, messages: Messages) -> dict[str, list[int]]:
    """Ids and labels of a conversation, -100 before its last message, for any base's tokenizer, attached to or not.

    Either way the answer ends as the base's template ends it.
    """
    speaking = tokenizer if hasattr(tokenizer, "example") else _speaking(tokenizer)
    made: dict[str, list[int]] = speaking.example(messages)
    return made


def asked_ids(tokenizer: Any, messages: Messages) -> list[int]:
    """Ids of a conversation that ends with a question, up to where its answer begins."""
    if hasattr(tokenizer, "prompt"):
        text = tokenizer.prompt(messages)
    elif tokenizer.chat_template:
        text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    else:  # As an attached model's tokenizer has it.
        text = "".join(f"{one['content']}\n" for one in messages)
    return list(tokenizer(text, add_special_tokens=not tokenizer.chat_template)["input_ids"])


@lru_cache(maxsize=1)  # A copy, too slow to make for each conversation.
def _speaking(tokenizer: Any) -> Any:
    return join_tokenizer(tokenizer, Ranges(count_ids(tokenizer)))


def _nats(logits: Tensor, labels: Tensor) -> Tensor:
    losses = torch.nn.functional.cross_entropy(
        logits[:, :-1].float().transpose(1, 2), labels[:, 1:], ignore_index=-100, reduction="none"
    )
    return losses.sum(1)


def _batches(lengths: Sequence[int], size: int) -> Iterator[list[int]]:
    order = sorted(range(len(lengths)), key=lambda one: lengths[one])
    return (order[start : start + size] for start in range(0, len(order), size))

"""Twins: the same question in the language and in English. Stage 3 draws what the base makes of one to the other.

Answers teach an adapter only what was asked and answered in the language. A translation says more: whatever the base
knows about the English, it should know about what it reads through the port, whether anyone has written the answer down
or not. The frozen base is its own teacher, and needs nothing but the English.
"""

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import MethodType
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from newtongue import AttachedModel

from .map import Pair

Messages = list[dict[str, Any]]
Row = dict[str, Any]

WEIGHT = 4.0  # Of the states' distance, beside a token's nats.
ENGLISH = ("english_ids", "english_mask", "asks")


@dataclass(frozen=True)
class Twin:
    """Messages nobody has answered, read through the port, and the same in English."""

    read: Messages
    english: Messages


def twins_of(pairs: Iterable[Pair], language: str) -> list[Twin]:
    """Translations as twins: a sentence of the language, and its English, as if someone said it."""
    return [
        Twin(
            [{"role": "user", "content": [{"type": "text", "text": pair.other, "language": language}]}],
            [{"role": "user", "content": pair.english}],
        )
        for pair in pairs
    ]


def twin_rows(tokenizer: Any, twins: Iterable[Twin], max_length: int) -> list[Row]:
    """Rows of stage 3 without labels: what is read, where its answer would begin, and its English.

    Those of which either side is too long are left out: cut, they would no longer say the same.
    """
    rows = []
    for twin in twins:
        read, english = (_asked(tokenizer, one) for one in (twin.read, twin.english))
        if max(len(read), len(english)) <= max_length:
            rows.append({"input_ids": read, "labels": [-100] * len(read), "english": english})
    return rows


def _asked(tokenizer: Any, messages: Messages) -> list[int]:
    row = tokenizer.example([*messages, {"role": "assistant", "content": ""}])
    return row["input_ids"][: row["labels"].count(-100)]  # type: ignore[no-any-return]


class WithEnglish:
    """A collator that also pads the English of the rows that have one."""

    def __init__(self, collator: Callable[[Sequence[Row]], dict[str, Any]]) -> None:
        self.collator = collator

    def __call__(self, rows: Sequence[Row]) -> dict[str, Any]:
        """What the collator makes of the rows; `english_ids`, `english_mask` and `asks`, -1 for a row without.

        A batch without any has a stand-in for one: processes that share a base out must go through it equally often.
        """
        batch = self.collator([{key: value for key, value in row.items() if key != "english"} for row in rows])
        if any("english" in row for row in rows):
            told = [torch.tensor(row["english"]) for row in rows if row.get("english")] or [torch.zeros(1)]
            batch["english_ids"] = pad_sequence([one.long() for one in told], batch_first=True)
            batch["english_mask"] = pad_sequence([torch.ones_like(one).long() for one in told], batch_first=True)
            asks = [len(row["input_ids"]) - 1 if row.get("english") else -1 for row in rows]
            batch["asks"] = torch.tensor(asks)
        return batch


class Comparison:
    """What a model's forward, given what `WithEnglish` adds to a batch, finds between the twins in it.

    Attributes:
        apart: how far those of the latest forward are apart, with gradient; None where it had none.
    """

    def __init__(self, model: AttachedModel) -> None:
        self.apart: Tensor | None = None
        self._given = model.forward
        model.forward = MethodType(functools.wraps(self._given)(lambda *args, **options: self(*args, **options)), model)

    def __call__(self, model: Any, *args: Any, **options: Any) -> Any:
        """The model's forward as it was, and the comparison beside it."""
        self.apart = None
        english, mask, asks = (options.pop(name, None) for name in ENGLISH)
        if english is None:
            return self._given(*args, **options)
        decoder = model.base_model
        with torch.no_grad(), _still(decoder), _later(decoder) as taught:
            decoder(input_ids=english, attention_mask=mask, use_cache=False)
        with _later(decoder) as seen:
            output = self._given(*args, **options)
        rows, ends = (asks >= 0).nonzero()[:, 0], mask.sum(1) - 1
        wanted = torch.stack([states[torch.arange(len(ends)), ends] for states in taught])
        found = torch.stack([states[rows, asks[rows]] for states in seen])
        self.apart = apart(found, wanted)
        # Processes that train together look from what a forward gives for what it has used.
        output["log_probs"] = output.log_probs + 0 * self.apart
        return output


def apart(found: Tensor, wanted: Tensor) -> Tensor:
    """How far states are from those they should be: 1 less the cosine, both without what all wanted ones share.

    Args:
        found: `[layers, rows, width]`; wanted: likewise.

    Returns:
        The mean, from 0 to 2; 0 for none, and for a single row, which has nothing of its own.
    """
    if found.shape[1] < 2:
        return 0.0 * found.float().sum()
    shared = wanted.float().mean(1, keepdim=True)
    near = torch.nn.functional.cosine_similarity(found.float() - shared, wanted.float() - shared, dim=-1)
    return (1 - near).mean()


@contextmanager
def _later(decoder: Any) -> Iterator[list[Tensor]]:
    """For as long as it lasts, the states that a decoder makes in the second half of its layers, where it knows.

    By hooks: a decoder that is shared out among processes forgets `output_hidden_states`.
    """
    count = decoder.config.get_text_config().num_hidden_layers
    layers = next(one for one in decoder.modules() if isinstance(one, torch.nn.ModuleList) and len(one) == count)
    states: list[Tensor] = []

    def take(_module: Any, _args: Any, output: Any) -> None:
        states.append(output if isinstance(output, Tensor) else output[0])

    hooks = [one.register_forward_hook(take) for one in (*layers[(count - 1) // 2 : -1], decoder)]
    try:
        yield states
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def _still(module: torch.nn.Module) -> Iterator[None]:
    """For as long as it lasts, a module drops nothing out."""
    training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(training)

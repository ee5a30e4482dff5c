"""Rows of ids: of the base's own, with runs of a language in them, and of texts in either vocabulary."""

from collections.abc import Sequence

import torch
from torch import Tensor

from newtongue import AttachedModel, Encoder, mark

from .setting import Setting
from .shapes import Shape
from .texts import language_tokenizer, speaking, tokenizer_of

FIRST = 10  # Ids before are special ones.


def base_ids(shape: Shape, batch: int, positions: int, device: str) -> Tensor:
    """Random ids of the base, `[batch, positions]`, the same at every call."""
    draw = torch.Generator().manual_seed(0)
    return torch.randint(FIRST, shape.sizes.rows, (batch, positions), generator=draw).to(device)


def with_runs(ids: Tensor, model: AttachedModel, language: str, tokens: int) -> Tensor:
    """Put into each row of `ids` a run of so many tokens of a language, its two marks around it, after its first id."""
    owned, encoder = model.newtongue.ranges[language], model.adapter(language).encoder
    draw = torch.Generator().manual_seed(1)
    run = torch.randint(FIRST, owned.size, (len(ids), tokens), generator=draw) + owned.start
    ids = ids.clone()
    ids[:, 2 : 2 + tokens] = run.to(ids.device)
    ids[:, 1], ids[:, 2 + tokens] = owned.start + encoder.opens, owned.start + encoder.closes
    return ids


def in_base(text: str, shape: Shape, setting: Setting) -> list[int]:
    """A text in the base's vocabulary."""
    ids = tokenizer_of(shape.name, setting.data)(text, add_special_tokens=False, verbose=False)["input_ids"]
    return [_within(one, shape) for one in ids]


def in_language(
    texts: Sequence[str], shape: Shape, setting: Setting, model: AttachedModel, language: str
) -> list[list[int]]:
    """Texts of a language attached, beside the base's vocabulary, to which it leaves what it borrows."""
    owned = model.newtongue.ranges[language]
    joined = speaking(tokenizer_of(shape.name, setting.data), language, owned.tokenizer)
    first = joined.ranges.base_rows
    rows = [joined(mark(text, language), add_special_tokens=False)["input_ids"] for text in texts]
    return [[one - first + owned.start if one >= first else _within(one, shape) for one in ids] for ids in rows]


def in_run(text: str, encoder: Encoder, start: int) -> list[int]:
    """A text as a run in the vocabulary of an encoder whose ids begin at `start`, nothing borrowed."""
    ids = encoder.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    return [start + one for one in (encoder.opens, *ids, encoder.closes)]


def vocabulary(language: str, setting: Setting, *, passages: bool = False) -> object:
    """A tokenizer of the language, learned from questions' passages too if they are not what is measured on."""
    return language_tokenizer(language, setting.data, setting.vocabulary, setting.lines, passages=passages)


def _within(one: int, shape: Shape) -> int:
    """An id of a base's tokenizer; those beyond the rows of a small base wrap around: only their number matters."""
    return FIRST + one % (shape.sizes.rows - FIRST)

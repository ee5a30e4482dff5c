"""Controls on what an adapter hands to the base: if answers survive these, they did not come from reading."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from newtongue import ModalityAdapter

Runs = list[Tensor]
# From soft tokens `[all tokens, width]` and the runs they come from to as many others.
SoftTokens = Callable[[Tensor, Runs], Tensor]


def zeroed(soft: Tensor, _runs: Runs) -> Tensor:
    """Nothing in the place of each soft token."""
    return torch.zeros_like(soft)


def shuffled(soft: Tensor, runs: Runs) -> Tensor:
    """The soft tokens of each run in another order, told by its ids and so the same in every batch."""
    mixed = []
    for part, run in zip(soft.split([len(run) for run in runs]), runs, strict=True):
        draw = torch.Generator().manual_seed(int((run * torch.arange(1, len(run) + 1, device=run.device)).sum()))
        mixed.append(part[torch.randperm(len(part), generator=draw).to(part.device)])
    return torch.cat(mixed)


@contextmanager
def disturbed(adapter: ModalityAdapter, change: SoftTokens) -> Iterator[None]:
    """For as long as it lasts, the base reads changed soft tokens.

    Args:
        adapter: attached or not.
        change: what is done to them.
    """

    def after(_module: Any, args: tuple[Runs], soft: Tensor) -> Tensor:
        return change(soft, args[0])

    hook = adapter.register_forward_hook(after)
    try:
        yield
    finally:
        hook.remove()

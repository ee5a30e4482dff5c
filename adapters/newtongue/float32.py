"""Weights that train stay float32, whatever the base around them is cast to."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, Self

import torch
from torch import Tensor, nn


class Float32(nn.Module):
    """A module that follows `.to(device)` and keeps its type through `.half()`, `.to(torch.bfloat16)` and the like."""

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        def move(tensor: Tensor) -> Tensor:
            return tensor.to(fn(tensor.new_empty(0)).device) if tensor.is_floating_point() else fn(tensor)

        super()._apply(move, recurse)  # type: ignore[no-untyped-call]
        return self


class Float32Linear(Float32, nn.Linear):
    """A linear layer that keeps its type."""


def computing_as(base: Tensor) -> Any:
    """A context in which modules of float32 compute in the type of what the base gave, where that is a half one."""
    half = base.dtype in (torch.float16, torch.bfloat16)
    return torch.autocast(base.device.type, base.dtype) if half else nullcontext()

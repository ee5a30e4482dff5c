"""Peak memory of a job."""

import weakref
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from .timing import Job, wait


def peak(job: Job, model: nn.Module, device: str) -> int:
    """Bytes held at most while a job runs: `model`'s weights and what the job adds; others' models do not count.

    A GPU's allocator counts; on a CPU each tensor that an operation gives is counted while it lives.
    """
    if device != "cuda":
        with Held(model) as held:
            job()
        return held.most
    wait(device)
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    job()
    wait(device)
    own = sum(one.nbytes for one in (*model.parameters(), *model.buffers()))
    return own + torch.cuda.max_memory_allocated() - before


class Held(TorchDispatchMode):
    """Counts the bytes of a model and of all that operations make, each storage once and as long as it lives."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.now = self.most = 0
        self._living: set[int] = set()
        for one in (*model.parameters(), *model.buffers()):
            self._count(one)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation and count what it gives."""
        out = func(*args, **(kwargs or {}))
        for one in tree_leaves(out):
            if isinstance(one, Tensor):
                self._count(one)
        return out

    def _count(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        if storage._cdata not in self._living:
            self._living.add(storage._cdata)
            self.now += storage.nbytes()
            self.most = max(self.most, self.now)
            weakref.finalize(storage, self._gone, storage._cdata, storage.nbytes())

    def _gone(self, place: int, size: int) -> None:
        self._living.discard(place)
        self.now -= size

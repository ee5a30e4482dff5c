"""Peak memory of a GPU."""

import torch

from .timing import Job


def peak(job: Job) -> int:
    """Bytes of GPU memory that a job held at most, what was there before it included."""
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    job()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated()

"""Peak memory of a job."""

import gc
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from .timing import Job, wait


def peak(job: Job, model: nn.Module, device: str) -> int:
    """Bytes held at most while a job runs: `model`'s weights and what the job adds; others' models do not count.

    The device's allocator counts: a GPU's its most, a CPU's each tensor that comes and goes, for the profiler.
    """
    gc.collect()  # Else what earlier jobs have left goes while this one is watched, and hides what it adds.
    own = sum(one.nbytes for one in (*model.parameters(), *model.buffers()))
    if device != "cuda":
        return own + _added(job)
    wait(device)
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    job()
    wait(device)
    return own + torch.cuda.max_memory_allocated() - before


def _added(job: Job) -> int:
    """Bytes that live at most beside those that lived before, among them what earlier jobs have left."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True, acc_events=True) as watched:
        job()
    with TemporaryDirectory() as scratch:
        trace = Path(scratch) / "trace.json"
        watched.export_chrome_trace(str(trace))
        events = json.loads(trace.read_text(encoding="utf-8"))["traceEvents"]
    changes = [one["args"] for one in sorted(events, key=lambda one: one.get("ts", 0)) if one["name"] == "[memory]"]
    totals = [one["Total Allocated"] for one in changes]  # Of the process, over all that was ever watched.
    return max(totals) - (totals[0] - changes[0]["Bytes"]) if changes else 0

"""Where figures were made: versions and hardware, as they belong beside every figure."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

PARTS = ("newtongue", "torch", "transformers", "peft", "trl", "bitsandbytes", "datasets", "accelerate")


def environment() -> dict[str, Any]:
    """Versions and hardware of this process."""
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PARTS}},
        "hardware": {"processor": _processor(), "cores": cores(), "gpu": gpu},
    }


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        if names:
            return names[0]
    return platform.processor() or platform.machine()

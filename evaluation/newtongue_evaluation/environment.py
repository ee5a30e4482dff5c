"""Where figures were made: versions and hardware, as they belong beside every figure."""

import os
import platform
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

PARTS = ("newtongue", "torch", "transformers", "peft", "trl", "bitsandbytes", "datasets", "accelerate")


def environment() -> dict[str, Any]:
    """Versions and hardware of this process; of newtongue the commit too, where it runs from a checkout."""
    import torch

    found = {name: version(name) for name in PARTS}
    found["newtongue"] += commit_of(Path(__file__))
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "versions": {"python": platform.python_version(), **found},
        "hardware": {"processor": _processor(), "cores": cores(), "gpu": gpu},
    }


@cache
def commit_of(file: Path) -> str:
    """`+COMMIT` of the checkout that a file is of, with `.dirty` where something was changed since; else nothing."""

    def git(*words: str) -> str:
        return subprocess.run(["git", "-C", file.parent, *words], capture_output=True, text=True, check=True).stdout

    try:
        git("ls-files", "--error-unmatch", file.name)  # An environment in another's checkout is not.
        return "+" + git("describe", "--always", "--exclude", "*", "--dirty=.dirty").strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


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

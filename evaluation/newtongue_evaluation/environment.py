"""Where figures were made: versions and hardware, as they belong beside every figure."""

import os
import platform
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

PARTS = ("newtongue", "torch", "transformers", "peft", "trl", "bitsandbytes", "datasets", "accelerate")
CPUINFO = Path("/proc/cpuinfo")
BFLOAT16 = {"avx512_bf16", "amx_bf16", "bf16", "svebf16"}  # As it calls instructions that multiply in it.


def environment() -> dict[str, Any]:
    """Versions and hardware of this process; of newtongue the commit too, where it runs from a checkout."""
    import torch

    found = {name: version(name) for name in PARTS}
    found["newtongue"] += commit_of(Path(__file__))
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "versions": {"python": platform.python_version(), **found},
        "hardware": {"processor": _processor(), "cores": cores(), "gpu": gpu, "imitates_bfloat16": imitates_bfloat16()},
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


def imitates_bfloat16() -> bool:
    """Whether this is a CPU without instructions for bfloat16, and no GPU: products take it several times as long."""
    import torch

    told = {word for key in ("flags", "Features") for word in _cpuinfo().get(key, "").split()}  # x86, ARM
    return bool(told) and not told & BFLOAT16 and not torch.cuda.is_available()


def _processor() -> str:
    return _cpuinfo().get("model name") or platform.processor() or platform.machine()


def _cpuinfo() -> dict[str, str]:
    """What Linux says of the first processor."""
    if not CPUINFO.exists():
        return {}
    first = CPUINFO.read_text().partition("\n\n")[0]
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in first.splitlines())}

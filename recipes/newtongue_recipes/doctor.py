"""What this machine can run: versions, GPU, memory, 4-bit weights, the Hub, and which recipes fit."""

import os
import platform
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from newtongue_evaluation.environment import imitates_bfloat16
from newtongue_recipes.estimates import GIB, expect_memory, suits_cpu
from newtongue_recipes.recipe import load_recipe, shipped

OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")
MEMORY, DISK = 8 * GIB, 20 * GIB  # For a base of four billion parameters in its own 16 bits, and its data.


@dataclass(frozen=True)
class Check:
    """One thing looked at: whether it is as it should be, what was found, and what to do where it is not.

    Where an `essential` one is bad, nothing can be trained here at all.
    """

    name: str
    state: Literal["ok", "bad", "none"]
    found: str
    fix: str = ""
    essential: bool = False


def examine(endpoint: str | None = None, timeout: float = 3.0) -> Iterator[Check]:
    """Look at everything, one after the other.

    Args:
        endpoint: address of the Hub; the one its client uses when not given.
        timeout: seconds to wait for it.
    """
    yield check_python()
    yield from check_libraries()
    yield from check_gpus()
    yield check_memory()
    yield check_disk()
    yield check_four_bit()
    yield check_offline()
    yield check_hub(endpoint, timeout)
    yield check_token()
    yield from check_recipes(_gpu_memory())


def check_python() -> Check:
    """Python is one newtongue runs on."""
    fine = sys.version_info >= (3, 11)
    return Check("python", "ok" if fine else "bad", platform.python_version(), "Install Python 3.11 or newer.", True)


def check_libraries() -> Iterator[Check]:
    """Every library newtongue needs is there in a version it takes; says with which it was tested."""
    from packaging.requirements import Requirement

    tested = tested_versions()
    for line in metadata.requires("newtongue") or ():
        wanted = Requirement(line)
        if wanted.marker and not wanted.marker.evaluate({"extra": ""}):
            continue
        pinned = f"{wanted.name}=={tested[wanted.name]}" if wanted.name in tested else line
        install = f"pip install '{pinned}'"
        try:
            found = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            yield Check(wanted.name, "bad", "not installed", f"{install}.", True)
            continue
        fine = wanted.specifier.contains(found, prereleases=True)
        other = wanted.name in tested and found.partition("+")[0] != tested[wanted.name]
        said = f"{found}, tested with {tested[wanted.name]}" if other else found
        yield Check(wanted.name, "ok" if fine else "bad", said, f"newtongue takes {wanted.specifier}: {install}.", True)


def tested_versions() -> dict[str, str]:
    """The versions everything was tested with, by library."""
    here = Path(__file__).parent
    places = (here / "constraints.txt", here.parents[1] / "constraints.txt")  # In a wheel, in the repository.
    text = next((place.read_text(encoding="utf-8") for place in places if place.is_file()), "")
    pinned = (line.partition("==") for line in text.splitlines() if "==" in line)
    return {name.strip(): version.strip() for name, _, version in pinned}


def check_gpus() -> Iterator[Check]:
    """The GPUs torch sees."""
    import torch

    for index in range(torch.cuda.device_count()):
        gpu = torch.cuda.get_device_properties(index)
        wide = bool(torch.version.hip) or gpu.major >= 8  # Older ones of NVIDIA only imitate it.
        said = f"{gpu.name}, {_gib(gpu.total_memory)}, {'with' if wide else 'without'} bfloat16"
        fix = "Train with base.dtype=float16 and fp16 instead of bf16 in every 'extra'."
        yield Check(f"GPU {index}", "ok" if wide else "bad", said, fix)
    if not torch.cuda.device_count():
        if shutil.which("nvidia-smi"):
            fix = "Install a torch built for its CUDA: https://pytorch.org/get-started/locally."
            yield Check("GPU", "bad", f"there is one and torch {torch.__version__} does not see it", fix)
        else:
            trained = "in float32, for it has no bfloat16" if imitates_bfloat16() else "in bfloat16 where asked to"
            yield Check("GPU", "none", f"none; the demo trains on the CPU, {trained}; a base of billions does not")


def check_memory() -> Check:
    """Memory of the machine."""
    found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    fix = f"A base of billions is loaded through memory; have {_gib(MEMORY)}, or choose a smaller base."
    return Check("memory", "ok" if found >= MEMORY else "bad", _gib(found), fix)


def check_disk() -> Check:
    """Space where models and data of the Hub are kept."""
    from huggingface_hub.constants import HF_HUB_CACHE

    cache = Path(HF_HUB_CACHE)
    there = next(place for place in (cache, *cache.parents) if place.exists())
    free = shutil.disk_usage(there).free
    fix = f"Have {_gib(DISK)} free, or set HF_HOME to a folder on a larger disk."
    return Check("disk", "ok" if free >= DISK else "bad", f"{_gib(free)} free for {cache}", fix)


def check_four_bit() -> Check:
    """A layer in NF4 gives about what it gives in full."""
    import torch

    fix = "Install bitsandbytes anew for this torch, or train with base.four_bit=false."
    try:
        from bitsandbytes.nn.modules import Linear4bit

        torch.manual_seed(0)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        plain, given = torch.nn.Linear(64, 64, bias=False), torch.randn(8, 64)
        layer = Linear4bit(64, 64, bias=False, quant_type="nf4", compute_dtype=torch.float32)
        layer.load_state_dict(plain.state_dict())
        with torch.no_grad():
            wanted, got = plain(given), layer.to(device)(given.to(device)).cpu()
        error = float((got - wanted).norm() / wanted.norm())
    except Exception as problem:  # Whatever is wrong with it, this is the place to say so.
        return Check("4-bit weights", "bad", f"{type(problem).__name__}: {problem}", fix, True)
    said = f"NF4 works on the {'GPU' if device == 'cuda' else 'CPU'}, {error:.0%} off in full precision"
    return Check("4-bit weights", "ok" if error < 0.3 else "bad", said, fix, True)


def check_offline() -> Check:
    """Variables that keep libraries from the Hub."""
    named = [name for name in OFFLINE if os.environ.get(name, "").upper() in ("1", "ON", "YES", "TRUE")]
    if named:
        return Check("offline", "none", f"{', '.join(named)} set: only what is in the cache is found")
    return Check("offline", "ok", "no variable keeps the libraries from the Hub")


def check_hub(endpoint: str | None, timeout: float) -> Check:
    """The Hub answers, whatever it says."""
    from huggingface_hub import constants

    address = endpoint or constants.ENDPOINT
    if constants.HF_HUB_OFFLINE:
        return Check("Hub", "none", f"{address} not asked")
    try:
        with urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=timeout):
            pass
    except urllib.error.HTTPError:
        pass
    except (OSError, ValueError) as problem:
        fix = "Check the network and HF_ENDPOINT. `newtongue demo` and recipes on files of your own need no Hub."
        return Check("Hub", "bad", f"{address} not reached: {getattr(problem, 'reason', problem)}", fix)
    return Check("Hub", "ok", f"{address} answers")


def check_token() -> Check:
    """Whether there is a token for the Hub."""
    from huggingface_hub import get_token

    if get_token():
        return Check("token", "ok", "there is one")
    return Check("token", "none", "none; only pushing and private repositories need one: `hf auth login`")


def check_recipes(memory: int) -> Iterator[Check]:
    """Which shipped recipes fit into a GPU of so many bytes; 0 where there is none."""
    for name in shipped():
        recipe = load_recipe(name)
        expected = expect_memory(recipe)
        if suits_cpu(recipe):
            yield Check(name, "ok", "runs on a CPU")
        elif expected is None:
            yield Check(name, "none", f"the size of {recipe.base.name} is not known")
        elif not memory:
            yield Check(name, "none", f"wants a GPU with about {_gib(expected.total)}")
        else:
            key = "tune.training.batch" if expected.stage == "tune" else f"{expected.stage.replace(' ', '.')}.batch"
            fix = f"Halve {key} and double its gradient_accumulation_steps."
            said = f"wants about {_gib(expected.total)} of {_gib(memory)}, in {expected.stage}"
            yield Check(name, "ok" if expected.total <= memory else "bad", said, fix)


def _gpu_memory() -> int:
    import torch

    gpus = range(torch.cuda.device_count())
    return max((torch.cuda.get_device_properties(one).total_memory for one in gpus), default=0)


def _gib(size: int) -> str:
    return f"{size / GIB:.1f} GiB"

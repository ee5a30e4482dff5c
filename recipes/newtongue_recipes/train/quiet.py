"""What the libraries below say while a recipe runs: no bars where nobody watches, warnings of ours as plain lines."""

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from logging import ERROR, getLogger
from typing import Any, cast

import datasets
import torch
from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
from transformers.utils import logging

OLD_NAMES = r"`(is_)?gradient_checkpointing.* is deprecated"  # TRL and PEFT still use them.
OURS = ("newtongue", "newtongue_recipes")


@contextmanager
def quiet(tell: Callable[[str], None], *, bars: bool, first: bool = True) -> Iterator[None]:
    """Keep the libraries to what is worth reading.

    Args:
        tell: says a line.
        bars: leave progress bars on, as on a terminal; those of loading and saving, many and short, are always off.
        first: this is the process that speaks, where several train together.
    """
    switches = (
        (bars, datasets.are_progress_bars_disabled(), datasets.disable_progress_bars, datasets.enable_progress_bars),
        (bars, are_progress_bars_disabled(), disable_progress_bars, enable_progress_bars),
        (False, not logging.is_progress_bar_enabled(), logging.disable_progress_bar, logging.enable_progress_bar),
    )
    level, kernels = logging.get_verbosity(), getLogger("bitsandbytes")
    kernels_level = kernels.level
    show: Callable[..., None] = warnings.showwarning

    def say(message: Any, category: type[Warning], filename: str, *more: Any) -> None:
        if category is UserWarning and any(f"/{name}/" in filename.replace("\\", "/") for name in OURS):
            tell(f"Warning: {message}")
        else:
            show(message, category, filename, *more)

    with warnings.catch_warnings():
        warnings.showwarning = cast(Any, say)
        warnings.filterwarnings("ignore", OLD_NAMES, FutureWarning)
        kernels.setLevel(ERROR)  # It warns that it has no faster kernel for a CPU.
        if not first:
            logging.set_verbosity_error()
        for keep, off, disable, _ in switches:
            if not (keep or off):
                disable()
        try:
            yield
        finally:
            for keep, off, _, enable in switches:
                if not (keep or off):
                    enable()
            logging.set_verbosity(level)
            kernels.setLevel(kernels_level)


def mute(threads: int) -> None:
    """Make this process use so many threads, and leave the screen to bars of ours."""
    warnings.filterwarnings("ignore", OLD_NAMES, FutureWarning)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    torch.set_num_threads(threads)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    datasets.disable_progress_bars()

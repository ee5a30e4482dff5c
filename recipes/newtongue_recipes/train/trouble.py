"""Troubles that end a training, told with what helps."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from newtongue import NewtongueError


@contextmanager
def explained() -> Iterator[None]:
    """Turn the end of memory or disk into an error that says what to do; what was saved stays.

    Raises:
        NewtongueError: as said.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise NewtongueError(
            f"The GPU's memory is spent ({error}). Three settings help most: a smaller 'batch' with "
            "'extra.gradient_accumulation_steps' as many times larger, a shorter 'tune.max_length', and "
            "'base.gradient_checkpointing: true'. Then go on with --resume."
        ) from error
    except MemoryError as error:
        raise NewtongueError(
            "This machine's memory is spent. Read less data (data.tokens), or a smaller 'batch'; then go on with "
            "--resume."
        ) from error
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise NewtongueError(
            f"The disk is full ({error}). The last whole checkpoint is kept: make room and go on with --resume."
        ) from error

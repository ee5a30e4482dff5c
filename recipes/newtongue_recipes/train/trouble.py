"""Troubles that end a training, told with what helps."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from newtongue import NewtongueError

FULL = ("No space left on device", "os error 28", "Disk quota exceeded")
CUT = "PytorchStreamWriter failed"  # What torch says of a full disk, and of little else.
NO_MEMORY = ("can't allocate memory", "not enough memory")


@contextmanager
def explained(output: Path) -> Iterator[None]:
    """Turn the end of memory or disk into an error that says what to do; what was saved stays.

    Raises:
        NewtongueError: as said.
    """
    try:
        yield
    except NewtongueError:  # Says what to do itself.
        raise
    except Exception as error:
        said = " ".join(str(error).split())
        chain = list(_chain(error))
        if any(isinstance(one, torch.OutOfMemoryError) for one in chain):
            raise NewtongueError(
                f"The GPU's memory is spent ({said[:200]}). Three settings help most: a smaller 'batch' with "
                "'extra.gradient_accumulation_steps' as many times larger, a shorter 'max_length' of 'tune' or 'map', "
                "and 'base.gradient_checkpointing: true'. Then go on with --resume; stages that are finished stay so."
            ) from error
        if any(_no_memory(one) for one in chain):
            raise NewtongueError(
                f"This machine's memory is spent ({said[:200] or 'MemoryError'}). Three settings help most: a smaller "
                "'batch', a shorter 'max_length' of 'tune' or 'map', and fewer 'data.tokens', with which all stages "
                "run anew. Then go on with --resume; stages that are finished stay so where only the others change."
            ) from error
        if any(_disk_is_full(one) for one in chain):
            raise NewtongueError(
                f"The disk of {output} is full ({said[:200]}). The last whole checkpoint is kept: make room and go on "
                "with --resume."
            ) from error
        raise


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _no_memory(error: BaseException) -> bool:
    told = isinstance(error, RuntimeError) and any(sign in str(error) for sign in NO_MEMORY)
    return told or isinstance(error, MemoryError)


def _disk_is_full(error: BaseException) -> bool:
    known = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return known or any(sign in str(error) for sign in (*FULL, CUT))

"""What a key-value cache remembers: the language of each of its rows, as it changed."""

from typing import Any

from torch import Tensor

from newtongue.errors import NewtongueError

REMEMBERED = "newtongue_language"  # The attribute of a cache.
Memory = tuple[tuple[int, Tensor], ...]  # The position at which one was first read, and the rows' languages since.


def recall(cache: Any, past: int) -> Memory:
    """What `cache` remembers of its first `past` positions: one that was reset or cropped holds no more."""
    return tuple(one for one in getattr(cache, REMEMBERED, ()) if one[0] < past)


def remember(cache: Any, memory: Memory) -> None:
    """Keep `memory` in `cache`, if there is one and anything to keep."""
    if cache is not None and (memory or hasattr(cache, REMEMBERED)):
        setattr(cache, REMEMBERED, memory)


def latest(memory: Memory, rows: int) -> Tensor | None:
    """The languages of what is cached, `[rows]`, where each row may have become several next to one another.

    Raises:
        NewtongueError: rows were taken out that are not all of one language.
    """
    if not memory:
        return None
    cached = memory[-1][1]
    if rows % len(cached) == 0:
        return cached.repeat_interleave(rows // len(cached))
    if bool((cached != cached[0]).any()):
        raise NewtongueError(
            f"The key-value cache remembers the languages of {len(cached)} rows, and {rows} go on from it: nobody can "
            "tell which. Choose the rows before anything is cached, or begin with a new cache."
        )
    return cached[:1].expand(rows)

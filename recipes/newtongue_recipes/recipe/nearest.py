"""What somebody may have meant."""

import difflib
from collections.abc import Collection
from typing import Any


def nearest(name: Any, known: Collection[str]) -> str | None:
    """The known name nearest to `name`, if one is near."""
    near = difflib.get_close_matches(str(name), known, n=1)
    return near[0] if near else None


def did_you_mean(name: Any, known: Collection[str]) -> str:
    """A sentence that names the nearest known name, or all of them where none is near and they are few."""
    near = nearest(name, known)
    if near:
        return f"Did you mean '{near}'?"
    return f"Known are {', '.join(sorted(known))}." if len(known) <= 20 else "Look up its name."

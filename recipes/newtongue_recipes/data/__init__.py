"""The data room: from a recipe's sources to the rows each stage trains on, and a report of what was used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .schema import Data, Kind, Source

if TYPE_CHECKING:
    from .gathering import Gathered, gather
    from .reporting import Report, report, write_report

__all__ = ["Data", "Gathered", "Kind", "Report", "Source", "gather", "report", "write_report"]


# The schema alone is light; the rest brings torch with it, by way of the stages' `Pair`.
_HOMES = {"Gathered": "gathering", "gather": "gathering"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES.get(name, 'reporting')}", __name__), name)

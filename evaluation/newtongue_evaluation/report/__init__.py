"""Reports people look at, from results: tables, pictures, one page. `write_report` writes all of it."""

from .pictures import draw_accuracy, draw_losses
from .tables import table
from .write import write_report

__all__ = ["draw_accuracy", "draw_losses", "table", "write_report"]

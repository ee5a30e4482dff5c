"""What an experiment would run, to be looked at."""

from collections.abc import Collection

from rich.table import Table

from .methods import METHODS
from .plan import plan
from .schema import Settings


def listing(settings: Settings, methods: Collection[str] = ()) -> Table:
    """Every method, what it is called in tables, and how many runs of it there are."""
    runs = plan(settings, methods)
    table = Table("method", "in tables", "role", "runs", title=f"{settings.experiment}: {len(runs)} runs")
    for name, method in METHODS.items():
        count = sum(run.method == name for run in runs)
        table.add_row(name, method.title, method.role, str(count) if count else "–")
    return table

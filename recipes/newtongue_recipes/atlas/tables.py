"""The atlas's tables: tab-separated text with a head line, in `data/`."""

from functools import cache
from pathlib import Path

LANGUAGES = ("en", "tr", "ja")

_DATA = Path(__file__).parent / "data"


@cache
def table(name: str) -> tuple[dict[str, str], ...]:
    """The rows of `data/<name>.tsv` by column name; ValueError if a row has another number of cells."""
    head, *lines = (_DATA / f"{name}.tsv").read_text(encoding="utf-8").splitlines()
    columns = head.split("\t")
    rows = []
    for number, line in enumerate(lines, start=2):
        cells = line.split("\t")
        if len(cells) != len(columns):
            raise ValueError(f"{name}.tsv, line {number}: {len(cells)} cells, not {len(columns)}")
        rows.append(dict(zip(columns, cells, strict=True)))
    return tuple(rows)


def texts(row: dict[str, str]) -> dict[str, str]:
    """What a row says in each language."""
    return {language: row[language] for language in LANGUAGES}


@cache
def keyed(name: str) -> dict[str, dict[str, str]]:
    """The rows of a table with a `key` column: what each key is called in each language."""
    return {row["key"]: texts(row) for row in table(name)}

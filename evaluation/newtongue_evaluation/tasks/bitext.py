"""Sentences and their English translations, from TSV files with a header line.

Either a column for each language (`tr`, `en`: Tatoeba), or SIB-200's form, a file a language with `index_id` and `text`
and the English one beside it (`sib200.tr.tsv`, `sib200.en.tsv`).
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from newtongue import NewtongueError


@dataclass(frozen=True)
class Bitext:
    """Sentences `own` and their translations `english`, row by row, each pair once."""

    name: str
    own: list[str]
    english: list[str]


def read_bitext(path: str | Path, language: str, limit: int | None = None) -> Bitext:
    """The pairs of a file, the first `limit` of them where one is given.

    Raises:
        NewtongueError: it cannot be read, has other columns, or leaves nothing to be told apart by retrieval: fewer
            than two pairs, or one sentence alone on a side.
    """
    path = Path(path)
    table = _read(path)
    if {language, "en"} <= set(table.columns):
        pairs = table.take(language, "en")
    elif {"index_id", "text"} <= set(table.columns):
        english = dict(_read(path.with_name(_in_english(path, language))).take("index_id", "text"))
        pairs = [(text, english[key]) for key, text in table.take("index_id", "text") if key in english]
    else:
        raise NewtongueError(
            f"{path} has the columns {', '.join(sorted(table.columns)) or 'none'}. Give {language!r} and 'en', or "
            "'index_id' and 'text' with the English file beside it."
        )
    pairs = list(dict.fromkeys((own.strip(), other.strip()) for own, other in pairs if own.strip() and other.strip()))
    own, translations = [own for own, _ in pairs[:limit]], [other for _, other in pairs[:limit]]
    if min(len(set(own)), len(set(translations))) < 2:
        cut = len(own) < len(pairs)
        raise NewtongueError(
            f"{path} has {len(pairs)} pairs{f', of which --limit takes {len(own)}' if cut else ''}. Retrieval needs "
            f"two at least that differ on both sides. Give more{', or a higher --limit' if cut else ''}."
        )
    return Bitext(path.name.split(".")[0], own, translations)


@dataclass(frozen=True)
class _Table:
    """A file's columns and its rows, each with its line."""

    path: Path
    columns: list[str]
    rows: list[tuple[int, list[str]]]

    def take(self, first: str, second: str) -> list[tuple[str, str]]:
        """Two columns, row by row.

        Raises:
            NewtongueError: the file lacks one, or a row ends before it.
        """
        for name in (first, second):
            if name not in self.columns:
                raise NewtongueError(
                    f"{self.path} has the columns {', '.join(self.columns) or 'none'}. Give {name!r} too."
                )
        one, other = self.columns.index(first), self.columns.index(second)
        for line, row in self.rows:
            if len(row) <= max(one, other):
                raise NewtongueError(
                    f"{self.path} line {line} has {len(row)} of {len(self.columns)} columns and none called "
                    f"{self.columns[max(one, other)]!r}. Write what is missing after a tab, or take the line out."
                )
        return [(row[one], row[other]) for _, row in self.rows]


def _read(path: Path) -> _Table:
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:  # A byte order mark is no part of a column's name.
            reader = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
            columns = next(reader, [])
            rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise NewtongueError(f"{path} cannot be read ({error}). Give a TSV file in UTF-8 with a header.") from error
    return _Table(path, columns, rows)


def _in_english(path: Path, language: str) -> str:
    name = path.name.replace(f".{language}.", ".en.")
    if name == path.name:
        raise NewtongueError(f"{path} does not name its language. Call it like sib200.{language}.tsv.")
    return name

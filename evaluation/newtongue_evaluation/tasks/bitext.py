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


def read_bitext(path: str | Path, language: str) -> Bitext:
    """The pairs of a file.

    Raises:
        NewtongueError: it cannot be read, has other columns, or fewer than two pairs.
    """
    path = Path(path)
    rows = _read(path)
    columns = set(rows[0]) if rows else set()
    if {language, "en"} <= columns:
        pairs = [(row[language], row["en"]) for row in rows]
    elif {"index_id", "text"} <= columns:
        english = {row["index_id"]: row["text"] for row in _read(path.with_name(_in_english(path, language)))}
        pairs = [(row["text"], english[row["index_id"]]) for row in rows if row["index_id"] in english]
    else:
        raise NewtongueError(
            f"{path} has the columns {', '.join(sorted(columns)) or 'none'}. Give {language!r} and 'en', or 'index_id' "
            "and 'text' with the English file beside it."
        )
    pairs = list(dict.fromkeys((own.strip(), other.strip()) for own, other in pairs if own.strip() and other.strip()))
    if len(pairs) < 2:
        raise NewtongueError(f"{path} has {len(pairs)} pairs. Retrieval needs two at least.")
    return Bitext(path.name.split(".")[0], [own for own, _ in pairs], [other for _, other in pairs])


def _read(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    except (OSError, UnicodeDecodeError) as error:
        raise NewtongueError(f"{path} cannot be read ({error}). Give a TSV file in UTF-8 with a header.") from error
    return [{name: value for name, value in row.items() if name and value is not None} for row in rows]


def _in_english(path: Path, language: str) -> str:
    name = path.name.replace(f".{language}.", ".en.")
    if name == path.name:
        raise NewtongueError(f"{path} does not name its language. Call it like sib200.{language}.tsv.")
    return name

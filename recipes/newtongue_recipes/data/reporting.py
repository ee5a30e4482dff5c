"""The data report: for each source what was read, used and left out, its tokens, samples and languages."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from newtongue import NewtongueError
from newtongue.saving.whole import write_whole

from .conversations import contents
from .counts import UNWANTED, Counts
from .gathering import Gathered
from .languages import detect, in_another, is_known
from .markdown import as_markdown
from .schema import Data, Kind
from .shapes import own_texts
from .tokens import count_tokens, vocabulary_key

SAMPLES = 10
LOOKED_AT = 2_000  # Rows of a source whose language is detected, evenly spaced.
_SHOWN = 400  # Characters of a sample.


@dataclass
class SourceReport:
    """One source of one kind.

    Attributes:
        rows: its counts.
        base_tokens: of its used rows, all texts, in the base's vocabulary; None without the base's tokenizer.
        read_in_base: tokens of the texts in the language alone, in the base's vocabulary.
        read_in_own: the same in the language's own vocabulary; None without it.
        positions: what the latter take up in a prompt, with the two that open and close each.
        languages: texts looked at, by the language they were found to be in; `und` where it cannot be told.
        wrong: those in another language than the recipe's.
    """

    kind: Kind
    source: str
    licence: str | None
    revision: str | None
    rows: Counts
    base_tokens: int | None = None
    read_in_base: int | None = None
    read_in_own: int | None = None
    positions: int | None = None
    samples: list[str] = field(default_factory=list)
    languages: dict[str, int] = field(default_factory=dict)
    wrong: int = 0

    @property
    def saved(self) -> float | None:
        """Share of the base's positions that the language's own vocabulary saves."""
        if not self.read_in_base or self.positions is None:
            return None
        return 1 - self.positions / self.read_in_base

    @property
    def looked_at(self) -> int:
        """Rows whose language was looked at."""
        return sum(self.languages.values())


@dataclass
class Report:
    """What a recipe trains on.

    Attributes:
        notes: what could not be told, and why.
        warnings: what is probably wrong with the data.
    """

    language: str
    budget: int | None
    sources: list[SourceReport]
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        plain = asdict(self)
        for source, entry in zip(self.sources, plain["sources"], strict=True):
            entry["saved"] = source.saved
        return plain


def report(
    gathered: Sequence[Gathered], data: Data, *, tokenizer: Any = None, own: Any = None, notes: Sequence[str] = ()
) -> Report:
    """Report on what was gathered.

    Args:
        gathered: of the kinds there are.
        data: the recipe's.
        tokenizer: the base's; None leaves its counts out.
        own: the language's, the encoder's tokenizer; None leaves its counts out.
        notes: why something is left out, to be said in the report.
    """
    language = gathered[0].language if gathered else ""
    made = Report(language, data.tokens, [], list(notes))
    if data.detect and gathered and not is_known(language):
        made.notes.append(f"Languages: {language!r} is none of those that can be told apart.")
    for one in gathered:
        places = list(zip(one.table["source"][:], one.table["side"][:], strict=True))
        in_base = _read_sizes(one, tokenizer, "the base's")
        in_own = _read_sizes(one, own, "its own")
        for index, (source, counts) in enumerate(zip(one.sources, one.counts, strict=True)):
            mine = [at for at, of in enumerate(places) if of == (index, "train")]
            sizes = one.table["tokens"][:] if tokenizer is not None else []
            entry = SourceReport(
                one.kind,
                source.name,
                source.licence,
                (source.revision or "main") if source.hub else None,
                counts,
                base_tokens=sum(sizes[at] or 0 for at in mine) if sizes else None,
                read_in_base=sum(in_base[at][0] for at in mine) if in_base else None,
                read_in_own=sum(in_own[at][0] for at in mine) if in_own else None,
                positions=sum(in_own[at][0] + 2 * in_own[at][1] for at in mine) if in_own else None,
            )
            _look(entry, one, mine, data)
            made.sources.append(entry)
            made.warnings += _warnings(entry, language, data)
    return made


def check_free(folder: Path) -> None:
    """Check that no file of somebody's own stands where a report is to be written.

    Raises:
        NewtongueError: one does.
    """
    plain = folder / "data.json"
    try:
        found = json.loads(plain.read_text(encoding="utf-8")) if plain.exists() else {"sources": []}
    except (ValueError, OSError):
        found = None
    if not isinstance(found, dict) or "sources" not in found:
        raise NewtongueError(f"{plain} is no report of ours, and would be replaced by one. Name another --output.")


def write_report(made: Report, folder: str | Path) -> tuple[Path, Path]:
    """Write `data.json` and `data.md` into `folder`; gives both paths.

    Raises:
        NewtongueError: a file of somebody's own stands there.
    """
    folder = Path(folder)
    check_free(folder)
    folder.mkdir(parents=True, exist_ok=True)
    plain, readable = folder / "data.json", folder / "data.md"
    write_whole(plain, json.dumps(made.as_dict(), ensure_ascii=False, indent=2) + "\n")
    write_whole(readable, as_markdown(made))
    return plain, readable


def _read_sizes(gathered: Gathered, tokenizer: Any, whose: str) -> list[tuple[int, int]]:
    """Tokens and number of each row's texts in the language; cached by `datasets`."""
    if tokenizer is None or not len(gathered.table):
        return []

    def count(rows: dict[str, list[str]]) -> dict[str, list[int]]:
        texts = [own_texts(gathered.kind, json.loads(row)) for row in rows["row"]]
        sizes = iter(count_tokens(tokenizer, [text for row in texts for text in row]))
        return {"size": [sum(next(sizes) for _ in row) for row in texts], "texts": [len(row) for row in texts]}

    counted = gathered.table.map(
        count,
        batched=True,
        remove_columns=gathered.table.column_names,
        new_fingerprint=f"{gathered.table._fingerprint[:32]}-{vocabulary_key(tokenizer)[:24]}",
        desc=f"Counting {gathered.kind} in {whose} tokens",
    )
    return list(zip(counted["size"][:], counted["texts"][:], strict=True))


def _look(entry: SourceReport, gathered: Gathered, mine: list[int], data: Data) -> None:
    """Samples and languages of a source's rows, evenly spaced over them."""

    def texts(most: int) -> list[Any]:
        step = max(1, len(mine) / most)
        chosen = [mine[int(at * step)] for at in range(min(most, len(mine)))]
        return [json.loads(row) for row in gathered.table.select(chosen)["row"][:]]

    entry.samples = [_sample(entry.kind, row) for row in texts(SAMPLES)]
    if data.detect:
        found = detect(["\n".join(own_texts(entry.kind, row)) for row in texts(LOOKED_AT)])
        entry.languages = dict(found.most_common())
        entry.wrong = in_another(found, gathered.language)


def _sample(kind: Kind, row: Any) -> str:
    if kind == "text":
        said = str(row)
    elif kind == "pairs":
        said = f"{row[1]} = {row[0]}"
    else:
        said = " → ".join(" ".join(contents(message)) for message in row)
    said = " ".join(said.split())
    return said if len(said) <= _SHOWN else f"{said[:_SHOWN]}…"


def _warnings(entry: SourceReport, language: str, data: Data) -> list[str]:
    said = []
    told = entry.looked_at - entry.languages.get("und", 0)
    if told and is_known(language) and entry.wrong * 2 > told:
        most = max((code for code in entry.languages if code != "und"), key=lambda code: entry.languages[code])
        said.append(
            f"{entry.source} ({entry.kind}): most rows are not in {language!r}: {entry.wrong:,} of {told:,} that "
            f"could be told, most in {most!r}. Look at its samples, 'columns' (which side is which) and 'where'."
        )
    lost, usable = entry.rows.lost, entry.rows.used + entry.rows.held_out
    if lost > usable:
        wanted = (reason for reason in entry.rows.dropped if not reason.startswith(UNWANTED))
        reason = max(wanted, key=lambda one: entry.rows.dropped[one])
        said.append(
            f"{entry.source} ({entry.kind}): {lost:,} of {lost + usable:,} rows wanted were left out, most for: "
            f"{reason}, first at {entry.rows.examples[reason]}."
        )
    return said

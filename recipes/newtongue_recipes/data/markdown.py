"""The data report as Markdown."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .reporting import Report, SourceReport

_ROWS = ("", "kind", "read", "used", "held out", "left out", "other language", "licence")
_TOKENS = ("", "kind", "all, in the base's tokens", "in the language, in the base's", "in its own", "positions saved")
_ENDED = {"rows": "its limit of rows", "budget": "the budget of tokens"}


def as_markdown(report: "Report") -> str:
    """Warnings first, then all sources in two tables, then each with its reasons, languages and samples."""
    lines = [f"# Data for {report.language}", ""]
    lines += [f"> **Warning:** {_escaped(warning)}\n" for warning in report.warnings]
    lines += [_table(_ROWS, map(_rows, report.sources)), "", _table(_TOKENS, map(_tokens, report.sources)), ""]
    if report.budget is not None:
        lines += [f"Budget: {report.budget:,} of the base's own tokens a stage.", ""]
    lines += [f"{_escaped(note)}\n" for note in report.notes]
    for number, source in enumerate(report.sources, 1):
        lines += [f"## {number}. {source.kind}: {_escaped(source.source)}", "", *_details(source), ""]
    return "\n".join(lines).rstrip() + "\n"


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A numbered line a source."""
    lines = [columns, ("---",) * len(columns), *((str(at), *map(_escaped, row)) for at, row in enumerate(rows, 1))]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _rows(source: "SourceReport") -> tuple[str, ...]:
    rows = source.rows
    counts = (rows.read, rows.used, rows.held_out, sum(rows.dropped.values()))
    wrong = f"{source.wrong:,} of {source.looked_at:,}" if source.languages else "–"
    return (source.kind, *map(_number, counts), wrong, source.licence or "–")


def _tokens(source: "SourceReport") -> tuple[str, ...]:
    counts = (source.base_tokens, source.read_in_base, source.read_in_own)
    return (source.kind, *map(_number, counts), "–" if source.saved is None else f"{source.saved:.0%}")


def _details(source: "SourceReport") -> list[str]:
    lines = []
    if source.revision:
        lines.append(f"Revision: {_escaped(source.revision)}.")
    if source.rows.ended in _ENDED:
        lines.append(f"Reading ended at {_ENDED[source.rows.ended]}.")
    if source.rows.dropped:
        lines += ["", "| left out | rows | first |", "| --- | --- | --- |"]
        for reason, count in sorted(source.rows.dropped.items(), key=lambda one: -one[1]):
            lines.append(f"| {_escaped(reason)} | {count:,} | {_escaped(source.rows.examples[reason])} |")
        lines.append("")
    if source.languages:
        found = ", ".join(f"{code} {count:,}" for code, count in source.languages.items())
        lines.append(f"Languages of {source.looked_at:,} rows: {found}.")
    lines += ["", *(f"{number}. {_escaped(sample)}" for number, sample in enumerate(source.samples, 1))]
    return lines


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _escaped(text: str) -> str:
    """Text of the data, which must not turn into markup of the report."""
    for sign in ("\\", "`", "*", "_", "<", "|", "[", "#"):
        text = text.replace(sign, f"\\{sign}")
    return " ".join(text.split())

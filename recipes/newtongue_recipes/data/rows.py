"""Rows of a source in any format, as mappings of its own columns; what is no row says why."""

import csv
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from pyarrow import ArrowException
from pyarrow.parquet import ParquetFile

from newtongue.errors import NewtongueError

from .files import File, Line, find_files, read_lines
from .hub import hub_rows
from .schema import Source
from .texts import excerpt


class Raw(NamedTuple):
    """A row as the source has it, and where; or, with `fault`, why there is none."""

    at: str
    row: dict[str, Any]
    fault: str = ""
    value: str = ""


def read_rows(source: Source) -> Iterator[Raw]:
    """All rows of a source, in order.

    Raises:
        NewtongueError: a file or the Hub cannot be read.
    """
    if source.hub:
        for number, row in enumerate(hub_rows(source), 1):
            yield Raw(f"{source.name} row {number:,}", row)
        return
    for file in find_files(source):
        yield from _READERS[file.format](file, source)


def _text(file: File, source: Source) -> Iterator[Raw]:
    for line in read_lines(file.path):
        if line.fault:
            yield _fault(file, line)
        elif line.text.strip():
            yield Raw(_at(file, line.number), {"text": line.text})


def _jsonl(file: File, source: Source) -> Iterator[Raw]:
    for line in read_lines(file.path):
        if line.fault:
            yield _fault(file, line)
            continue
        if not line.text.strip():
            continue
        try:
            row = json.loads(line.text)
        except (ValueError, RecursionError):
            yield Raw(_at(file, line.number), {}, "not valid JSON", excerpt(line.text))
            continue
        if isinstance(row, dict):
            yield Raw(_at(file, line.number), row)
        else:
            yield Raw(_at(file, line.number), {}, "not valid JSON object", excerpt(line.text))


def _tsv(file: File, source: Source) -> Iterator[Raw]:
    """Tabs part fields, whatever quotes they hold: a field has no tab and no line end."""
    header: list[str] | None = None
    for line in read_lines(file.path):
        if line.fault:
            yield _fault(file, line)
            continue
        if not line.text:
            continue
        fields = line.text.split("\t")
        if header is None:
            header = _header(file, fields) if source.header else _numbers(fields)
            if source.header:
                continue
        yield _fields(file, line.number, header, fields)


def _csv(file: File, source: Source) -> Iterator[Raw]:
    faults: list[Raw] = []

    def texts() -> Iterator[str]:
        for line in read_lines(file.path):
            if line.fault:
                faults.append(_fault(file, line))
            else:
                yield line.text + "\n"

    reader = csv.reader(texts(), strict=True)  # Else a quote left open takes rows into its field in silence.
    header: list[str] | None = None
    while True:
        begins = reader.line_num + 1
        try:
            fields = next(reader, None)
        except csv.Error as error:
            lines = f"{reader.line_num - begins + 1:,} lines"
            long = "field limit" in str(error)
            yield Raw(
                _at(file, begins), {}, "too long (is a quote left open?)" if long else f"not valid CSV ({error})", lines
            )
            continue
        yield from faults
        faults.clear()
        if fields is None:
            return
        if not fields:
            continue
        if header is None:
            header = _header(file, fields) if source.header else _numbers(fields)
            if source.header:
                continue
        yield _fields(file, begins, header, fields)


def _parquet(file: File, source: Source) -> Iterator[Raw]:
    number = 0
    try:
        with ParquetFile(file.path) as table:
            for batch in table.iter_batches(batch_size=1000):
                for row in batch.to_pylist():
                    number += 1
                    yield Raw(f"{file.path} row {number:,}", row)
    except (ArrowException, OSError, ValueError, OverflowError) as error:  # Texts not UTF-8, times beyond Python's.
        said = str(error).rstrip(".")
        raise NewtongueError(
            f"{file.path} cannot be read as Parquet after row {number:,}: {said}. Write or download it again, or set "
            "'format' to what it is."
        ) from error


def _fields(file: File, number: int, header: list[str], fields: list[str]) -> Raw:
    if len(fields) == len(header):
        return Raw(_at(file, number), dict(zip(header, fields, strict=True)))
    fault = f"wrong number of fields (not {len(header)})"
    return Raw(_at(file, number), {}, fault, excerpt(fields))


def _header(file: File, fields: list[str]) -> list[str]:
    """The names of columns, as a file's first line has them.

    Raises:
        NewtongueError: they are parted by something else, or two are the same.
    """
    if len(fields) == 1 and (sign := next((one for one in _PARTS if one in fields[0]), None)):
        raise NewtongueError(
            f"The columns of {file.path} are parted by {_PARTS[sign]}, not as {file.format} has them: "
            f"{excerpt(fields[0])}. {_PARTED[sign]}"
        )
    twice = next((one for one in fields if one and fields.count(one) > 1), None)
    if twice is not None:
        raise NewtongueError(
            f"{file.path} has two columns with the name {twice!r}: {excerpt(fields)}. Rename one of them, or leave the "
            "line out, set 'header' to false and say which is which with 'columns', by number."
        )
    return fields


def _numbers(fields: list[str]) -> list[str]:
    return [str(number) for number in range(len(fields))]


def _fault(file: File, line: Line) -> Raw:
    return Raw(_at(file, line.number), {}, line.fault, line.text)


def _at(file: File, number: int) -> str:
    return f"{file.path} line {number:,}"


_PARTS = {"\t": "tabs", ";": "semicolons"}
_PARTED = {"\t": "Set 'format' to tsv.", ";": "Save it with commas, or with tabs as TSV."}
_READERS = {"text": _text, "jsonl": _jsonl, "tsv": _tsv, "csv": _csv, "parquet": _parquet}

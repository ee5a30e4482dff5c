"""The files of a source: found, opened, and read line by line whatever is in them."""

import gzip
import zlib
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from glob import glob
from pathlib import Path
from typing import IO, NamedTuple

from newtongue.errors import NewtongueError

from .schema import Source
from .texts import excerpt

SUFFIXES = {
    ".jsonl": "jsonl",
    ".json": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".parquet": "parquet",
    ".txt": "text",
    ".text": "text",
}
LONGEST_LINE = 16 * 2**20  # Bytes; a longer one is skipped without ever being held in memory.
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_STRAY = 10  # So many lines of another encoding may be slips; more than 1% of a file are not.


class File(NamedTuple):
    """A file and the format it is read in."""

    path: Path
    format: str


class Line(NamedTuple):
    """A line of a file, from 1, or why it cannot be read."""

    number: int
    text: str
    fault: str = ""


def find_files(source: Source) -> list[File]:
    """The files that a source names, in order of their names.

    Raises:
        NewtongueError: there are none, or their format cannot be told.
    """
    place = Path(str(source.path)).expanduser()
    if place.is_dir():
        within = [one for one in sorted(place.rglob("*")) if not _is_hidden(one.relative_to(place))]
        found = [one for one in within if one.is_file() and _format(one, source)]
        if not found:
            raise NewtongueError(
                f"No file in the folder {source.path} has a format that is read. It holds "
                f"{_listed(sorted(one.name for one in place.iterdir()))}. Name files of {', '.join(SUFFIXES)} (or .gz)."
            )
    elif place.exists():
        found = [place]
    else:
        matches = glob(str(place), recursive=True)  # noqa: PTH207  pathlib's takes no absolute pattern
        found = [Path(one) for one in sorted(matches) if Path(one).is_file()]
        if not found:
            raise NewtongueError(_not_there(source, place))
    files = []
    for path in found:
        known = _format(path, source)
        if not known:
            raise NewtongueError(
                f"The format of {path} cannot be told from its name. Set 'format' of the source to one of jsonl, csv, "
                "tsv, parquet and text."
            )
        files.append(File(path, known))
    return files


def check_apart(sources: Iterable[Source], output: Path) -> None:
    """Check that nothing will be written among files that are read.

    Raises:
        NewtongueError: `output` lies in the folder of a source, all files of which are.
    """
    for source in sources:
        place = Path(str(source.path)).expanduser()
        if source.path and place.is_dir() and output.resolve().is_relative_to(place.resolve()):
            raise NewtongueError(
                f"{output} lies in {source.path}, all files of which are read as data: what is written there would be "
                "data of the next run. Choose another --output."
            )


def read_lines(path: Path) -> Iterator[Line]:
    """The lines of a text file, gzipped or not, without their ends.

    A line that is not UTF-8 or too long to hold is a fault, to be counted; a file of another encoding is an error.

    Raises:
        NewtongueError: the file cannot be opened, is cut short, is not UTF-8, or parts its lines by CR alone.
    """
    number = 0
    slips: list[Line] = []
    try:
        with _open(path) as file:
            while raw := file.readline(LONGEST_LINE):
                number += 1
                if number == 1:
                    _check_first(path, raw)
                if len(raw) == LONGEST_LINE and not raw.endswith(b"\n"):
                    while (more := file.readline(LONGEST_LINE)) and not more.endswith(b"\n"):
                        pass
                    yield Line(number, "", "too long")
                    continue
                try:
                    text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError as error:
                    shown = excerpt(raw[max(0, error.start - 20) : error.start + 20])
                    slips.append(Line(number, shown, "not UTF-8"))
                    if len(slips) > _STRAY and len(slips) * 100 > number:
                        raise _not_utf8(path, slips[0]) from None
                    yield slips[-1]
                    continue
                yield Line(number, text.rstrip("\r\n"))
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise NewtongueError(
            f"{path} is not whole: {error}, after line {number:,}. Copy or download it again."
        ) from error
    except OSError as error:
        raise NewtongueError(f"{path} cannot be read: {error.strerror or error}. Look at its permissions.") from error
    if len(slips) * 100 > number:
        raise _not_utf8(path, slips[0])


def state(path: Path) -> tuple[str, int, int]:
    """What tells whether a file is the one that was read before."""
    about = path.stat()
    return str(path.resolve()), about.st_size, about.st_mtime_ns


def _open(path: Path) -> IO[bytes]:
    file = path.open("rb")
    magic = file.read(2)
    file.seek(0)
    if magic != b"\x1f\x8b":
        return file
    file.close()
    return gzip.open(path, "rb")  # type: ignore[return-value]


def _is_hidden(path: Path) -> bool:
    """Whether it is in what tools keep for themselves, such as .cache and .ipynb_checkpoints."""
    return any(part.startswith(".") for part in path.parts)


def _format(path: Path, source: Source) -> str | None:
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    return SUFFIXES.get(suffix.lower()) if source.format == "auto" else source.format


def _check_first(path: Path, raw: bytes) -> None:
    """See that a file's first line is none of an encoding, or of line ends, by which all of it would be read wrongly.

    Raises:
        NewtongueError: it is.
    """
    if raw.startswith(_UTF16):
        raise NewtongueError(
            f"{path} is not UTF-8: it begins as UTF-16 does. Save it as UTF-8, e.g. iconv -f UTF-16 -t UTF-8 "
            f"{path.name}."
        )
    lines = raw.rstrip(b"\r").count(b"\r") + 1
    if lines > 1 and not raw.endswith(b"\n"):  # The whole file, then.
        raise NewtongueError(
            f"{path} ends its {lines:,} lines with a carriage return alone, and would be read as one. Save it with the "
            f"line ends of today, e.g. tr '\\r' '\\n' < {path.name}."
        )


def _not_utf8(path: Path, line: Line) -> NewtongueError:
    with _open(path) as file:
        begins = file.read(4)
    if begins == b"PAR1":
        fix = "It is a Parquet file: name it .parquet, or set 'format'"
    else:
        fix = (
            f"Convert it from the encoding it was written in, e.g. iconv -f WINDOWS-1254 -t UTF-8 {path.name} "
            "(Turkish; SHIFT_JIS for Japanese)"
        )
    return NewtongueError(f"{path} is not UTF-8: line {line.number:,} has the bytes {line.text}. {fix}.")


def _not_there(source: Source, place: Path) -> str:
    beside = place.parent
    if not beside.is_dir():
        return f"There is no {source.path}: the folder {beside} does not exist, seen from {Path.cwd()}. Mend 'path'."
    names = sorted(one.name for one in beside.iterdir())
    near = get_close_matches(place.name, names, 1)
    hint = f"Did you mean {beside / near[0]}?" if near else f"The folder holds {_listed(names)}. Mend 'path'."
    return f"There is no {source.path}, seen from {Path.cwd()}. {hint}"


def _listed(names: list[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (" …" if len(names) > most else "") if names else "nothing"

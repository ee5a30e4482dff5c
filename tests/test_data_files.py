"""Local files: every format, gzipped or not, and everything that can be wrong with one."""

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from newtongue import NewtongueError
from newtongue_recipes.data import Data, Gathered, Kind, Source, gather

QUESTIONS = [("Su nedir?", "Bir sıvı."), ('"Taş" nedir?', "Sert, katı bir\nmadde.")]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


def read(path: Path, kind: Kind = "questions", data: dict[str, Any] | None = None, **source: Any) -> Gathered:
    return gather(Data(held_out=0, **(data or {}), **{kind: [Source(path=str(path), **source)]}), kind, "tr")


def jsonl(rows: list[Any]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def as_jsonl() -> bytes:
    return jsonl([{"question": question, "answer": answer} for question, answer in QUESTIONS])


def as_csv() -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows([("question", "answer"), *QUESTIONS])
    return out.getvalue().encode()


def as_tsv() -> bytes:
    return "".join("\t".join(row).replace("\n", " ") + "\r\n" for row in [("question", "answer"), *QUESTIONS]).encode()


def as_parquet() -> bytes:
    out = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist([{"question": q, "answer": a} for q, a in QUESTIONS]), out)
    return out.getvalue()


def with_column(column: pyarrow.Array) -> bytes:
    out = io.BytesIO()
    parquet.write_table(pyarrow.table({"question": column}), out)
    return out.getvalue()


FORMATS = {"jsonl": as_jsonl(), "csv": as_csv(), "tsv": as_tsv(), "parquet": as_parquet()}
ZIPPED = {f"{suffix}.gz": gzip.compress(content) for suffix, content in FORMATS.items() if suffix != "parquet"}


@pytest.mark.parametrize("suffix,content", (FORMATS | ZIPPED).items(), ids=FORMATS | ZIPPED)
def test_every_format_gives_the_same_rows(suffix: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(content)
    found = [(row[0]["content"], " ".join(row[1]["content"].split())) for row in read(path).rows]
    assert found == [(question, " ".join(answer.split())) for question, answer in QUESTIONS]


def test_plain_text_is_a_text_a_line(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("\ufeffBir satır.\r\n\r\nİki\u2028satır.\nSon".encode())
    gathered = read(path, "text")
    assert gathered.rows == ["Bir satır.", "İki\u2028satır.", "Son"]
    assert gathered.counts[0].dropped == {}


def test_a_long_file_in_utf_16_is_told_as_one(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"  # One line in a thousand is no UTF-8; the others are, and no JSON.
    path.write_bytes((as_jsonl().decode() * 2_000).encode("utf-16"))
    with pytest.raises(NewtongueError, match=r"it begins as UTF-16 does\. Save it as UTF-8"):
        read(path)


def test_a_carriage_return_within_a_text_is_of_it(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"Su\rakar.\nKar.\n")
    assert read(path, "text").rows == ["Su\rakar.", "Kar."]


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "tsv"])
def test_blank_lines_are_no_rows(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(b"\r\n" + FORMATS[suffix] + b"\r\n\n")
    gathered = read(path)
    assert len(gathered.rows) == gathered.counts[0].read == 2


def test_columns_without_a_header_are_numbered(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text('He said "hi".\tSelam dedi.\nWater\tSu\n')
    rows = read(path, "pairs", header=False, columns={"english": "0", "other": "1"}).rows
    assert [(row.english, row.other) for row in rows] == [('He said "hi".', "Selam dedi."), ("Water", "Su")]


def test_a_folder_and_a_pattern_give_all_their_files(tmp_path: Path) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for name, text in {"in/b.txt": "iki", "in/deep/a.txt": "üç", "in/a.txt": "bir", "in/note.md": "no"}.items():
        (tmp_path / name).write_text(text)
    assert read(tmp_path / "in", "text").rows == ["bir", "iki", "üç"]
    assert read(tmp_path / "in" / "*.txt", "text").rows == ["bir", "iki"]


def test_what_tools_keep_in_a_folder_is_not_read(tmp_path: Path) -> None:
    for name in (".cache/huggingface/b.txt", "in/.ipynb_checkpoints/b.txt", ".b.txt", "in/a.txt"):
        path = tmp_path / ".home" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.stem)
    assert read(tmp_path / ".home", "text").rows == ["a"]


def test_a_name_without_a_suffix_is_read_in_the_format_said(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(as_jsonl())
    assert len(read(path, format="jsonl").rows) == 2
    with pytest.raises(NewtongueError, match="Set 'format'"):
        read(path)


BAD = [
    pytest.param("a.jsonl", b"", ["holds no rows"], id="empty file"),
    pytest.param("a.csv", b"question,answer\n", ["holds no rows"], id="header alone"),
    pytest.param("a.txt", "şu\nığdır\n".encode("iso-8859-9"), ["not UTF-8", "line 1", r"\xfe", "iconv"], id="Latin-5"),
    pytest.param("a.txt", "su\n".encode("utf-16"), ["not UTF-8", "iconv -f UTF-16"], id="UTF-16"),
    *(
        pytest.param(
            f"a.{one}", marks + FORMATS[one].decode().encode(code), ["not UTF-8", "UTF-16"], id=f"{one}, {code}"
        )
        for one in ("jsonl", "csv", "tsv")
        for code, marks in (("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff"))
    ),
    pytest.param("a.txt", b"Su.\rKar.\rBuz.\r", ["3 lines", "carriage return", "tr '"], id="ends of old Macs"),
    pytest.param("a.csv", b"question;answer\nSu?;a, b\n", ["parted by semicolons", "commas"], id="semicolons"),
    pytest.param("a.csv", b"question\tanswer\nSu?\ta\n", ["parted by tabs", "'format' to tsv"], id="tabs in CSV"),
    pytest.param("a.csv", b"answer,question,answer\na,Su?,b\n", ["two columns", "'answer'", "Rename"], id="CSV names"),
    pytest.param("a.tsv", b"id\ten\tid\n1\twater\tair\n", ["two columns", "'id'", "Rename"], id="TSV names"),
    pytest.param("a.jsonl", as_parquet(), ["not UTF-8", "Parquet"], id="Parquet by another name"),
    pytest.param("a.parquet", as_jsonl(), ["cannot be read as Parquet"], id="another format named Parquet"),
    pytest.param(
        "a.parquet",
        with_column(pyarrow.array([b"\xff"]).view(pyarrow.string())),
        ["cannot be read as Parquet after row 0", "0xff"],
        id="Parquet of another encoding",
    ),
    pytest.param(
        "a.parquet",
        with_column(pyarrow.array([2**60], pyarrow.timestamp("ms"))),
        ["cannot be read as Parquet after row 0"],
        id="Parquet of a time that never comes",
    ),
    pytest.param("a.jsonl.gz", gzip.compress(as_jsonl())[:-12], ["not whole"], id="cut short"),
    pytest.param(
        "a.csv", b"soru,cevap\nSu?,a\n", ["1 no known columns", "soru, cevap", "columns:"], id="missing columns"
    ),
    pytest.param("a.jsonl", b"{'a': 1}\n[1]\n", ["1 not valid JSON", "line 1", "{'a': 1}"], id="not JSON"),
    pytest.param("a.jsonl", jsonl([{"question": 1, "answer": 2}]), ["question not text (int)", ": 1."], id="numbers"),
    pytest.param("a.jsonl", jsonl([{"question": "a\0b", "answer": "c"}]), ["NUL", r"'a\x00b'"], id="NUL"),
    pytest.param("a.jsonl", b'{"question": "\\ud800", "answer": "c"}', ["lone surrogate", r"'\ud800'"], id="surrogate"),
    pytest.param("a.jsonl", jsonl([{"question": "Su" * 5_000_000, "answer": "a"}]), ["1 too long"], id="10 MB line"),
    pytest.param("a.jsonl", b"[" * 100_000, ["not valid JSON"], id="deep nesting"),
    pytest.param("a.tsv", b"question\tanswer\nSu?\n", ["wrong number of fields", "'header'"], id="too few fields"),
]


@pytest.mark.parametrize("name,content,said", BAD)
def test_a_bad_file_is_one_clear_message(name: str, content: bytes, said: list[str], tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(NewtongueError) as caught:
        read(path)
    message = str(caught.value)
    assert str(path) in message
    assert len(message) < 1_500
    for part in said:
        assert part in message


def test_bad_rows_among_good_ones_are_counted_with_the_first_of_each(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    good = [{"question": f"Soru {number}?", "answer": "a"} for number in range(200)]
    path.write_bytes(
        jsonl(good)
        + b'{"question": "\xff\xfe", "answer": "b"}\n{"question": 7}\n{oops\n\n'
        + b'{"question": "Soru?", "answer": null}\n' * 2
        + jsonl(good[:1])
        + b'{"question": "' + b"x" * 17_000_000 + b'"}\n'
        + jsonl([{"question": "Son?", "answer": "a"}])
    )  # fmt: skip
    counts = read(path).counts[0]
    assert (counts.read, counts.used) == (208, 201)
    assert (
        counts.dropped
        == {
            "not UTF-8": 1,
            "question not text (int)": 1,
            "not valid JSON": 1,
            "no answer": 2,
            "duplicate": 1,
            "too long": 1,
        }
        or counts.read == 209
    )
    assert "line 201" in counts.examples["not UTF-8"]
    assert "line 205" in counts.examples["no answer"]


def test_a_quote_left_open_takes_no_row_in_silence(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('question,answer\nSu?,a\n"Kedi?,b\n"Kuş, ne?",c\nAt?,d\n', encoding="utf-8")
    gathered = read(path)
    assert [messages[-1]["content"] for messages in gathered.rows] == ["a", "d"]
    assert gathered.counts[0].examples == {"not valid CSV (',' expected after '\"')": f"{path} line 3: 2 lines"}
    path.write_text('question,answer\n"Kedi?,b\n', encoding="utf-8")
    with pytest.raises(NewtongueError, match=r"1 not valid CSV \(unexpected end of data\).*Look for a quote left open"):
        read(path)


def test_a_quote_left_open_says_how_many_lines_it_took(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'question,answer\nSu?,a\n"Su?,a\n' + b"x,y\n" * 50_000)
    examples = read(path).counts[0].examples
    assert examples["too long (is a quote left open?)"] == f"{path} line 3: 32,768 lines"


@pytest.mark.parametrize(
    "path,said",
    [
        pytest.param("{folder}/qa.jsnl", "Did you mean {folder}/qa.jsonl?", id="typing error"),
        pytest.param("{folder}/no/qa.jsonl", "the folder {folder}/no does not exist", id="no such folder"),
        pytest.param("{folder}/*.parquet", "The folder holds bare, qa.jsonl", id="a pattern of nothing"),
        pytest.param("{folder}/bare", "It holds note.md", id="a folder without data"),
    ],
)
def test_a_file_that_is_not_there_is_named_with_what_is(path: str, said: str, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (folder / "bare").mkdir(parents=True)
    (folder / "bare" / "note.md").write_text("x")
    (folder / "qa.jsonl").write_bytes(as_jsonl())
    with pytest.raises(NewtongueError) as caught:
        read(Path(path.format(folder=folder)))
    assert said.format(folder=folder) in str(caught.value)

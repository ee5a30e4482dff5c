"""The data report, in memory, on disk and on the command line."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import tiny
from newtongue import NewtongueError
from newtongue_recipes.cli import app
from newtongue_recipes.data import Data, Report, Source, gather, report, write_report
from newtongue_recipes.data.preview import preview
from newtongue_recipes.data.tokens import count_tokens
from newtongue_recipes.recipe import load_recipe

TURKISH = [
    "Fransa'nın başkenti neresidir ve kaç kişi yaşar?",
    "Japonya hakkında çok güzel bir kitap okudum.",
    "Bugün hava çok soğuk olduğu için evde kaldık.",
    "Yarın sabah erkenden İstanbul'a gideceğiz.",
]
ENGLISH = ["The weather is very cold today.", "I have read a good book about Japan.", "We stayed at home yesterday."]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


def made(tmp_path: Path, texts: list[str], language: str = "tr", **more: object) -> Report:
    path = tmp_path / "a.txt"
    path.write_text("\n".join(texts) + "\n")
    data = Data(text=[Source(path=str(path), licence="CC0-1.0")])
    tokenizer = tiny.base_tokenizer()
    return report([gather(data, "text", language, tokenizer=tokenizer)], data, tokenizer=tokenizer, **more)


def test_tokens_are_counted_in_both_vocabularies(tmp_path: Path) -> None:
    own = tiny.encoder_tokenizer(TURKISH)
    entry = made(tmp_path, [*TURKISH, "", TURKISH[0]], own=own).sources[0]
    base = sum(len(tiny.base_tokenizer().encode(text, add_special_tokens=False)) for text in TURKISH)
    mine = sum(len(own.encode(text, add_special_tokens=False)) for text in TURKISH)
    assert (entry.base_tokens, entry.read_in_base, entry.read_in_own) == (base, base, mine)
    assert entry.positions == mine + 2 * len(TURKISH)
    assert entry.saved == pytest.approx(1 - entry.positions / base)
    assert entry.rows.dropped == {"duplicate": 1}


def test_held_out_questions_are_neither_counted_nor_shown(tmp_path: Path) -> None:
    path, tokenizer = tmp_path / "a.jsonl", tiny.base_tokenizer()
    path.write_text("".join(json.dumps({"question": f"Soru {n}?", "answer": "a"}) + "\n" for n in range(9)))
    data = Data(questions=[Source(path=str(path))], held_out=0.5)
    gathered = gather(data, "questions", "tr", tokenizer=tokenizer)
    entry = report([gathered], data, tokenizer=tokenizer).sources[0]
    asked = [row[0]["content"] for row in gathered.rows]
    assert gathered.held_out
    assert entry.samples == [f"{question} → a" for question in asked]
    assert entry.read_in_base == sum(count_tokens(tokenizer, asked))


def test_samples_are_at_most_ten_and_from_all_over(tmp_path: Path) -> None:
    samples = made(tmp_path, [f"{number}. satır" for number in range(100)]).sources[0].samples
    assert samples == [f"{number}. satır" for number in range(0, 100, 10)]


def test_rows_in_another_language_are_counted_and_most_of_them_a_warning(tmp_path: Path) -> None:
    right = made(tmp_path, [*TURKISH, ENGLISH[0]])
    assert right.sources[0].languages == {"tr": 4, "en": 1}
    assert right.sources[0].wrong == 1
    assert not right.warnings
    wrong = made(tmp_path, ENGLISH + TURKISH[:1])
    assert "most rows are not in 'tr': 3 of 4" in wrong.warnings[0]
    assert "'en'" in wrong.warnings[0]


def test_a_language_that_cannot_be_told_apart_is_said_to_be_so(tmp_path: Path) -> None:
    unknown = made(tmp_path, ENGLISH, "tlh")
    assert not unknown.warnings
    assert "'tlh'" in unknown.notes[0]


def test_losing_most_rows_is_a_warning(tmp_path: Path) -> None:
    assert "most for: duplicate" in made(tmp_path, TURKISH[:1] * 5).warnings[0]


def test_leaving_out_what_nobody_asked_for_is_no_warning(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    rows = [{"text": TURKISH[n % 4] + str(n), "from": "web" if n else "book"} for n in range(9)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    data = Data(text=[Source(path=str(path), where={"from": "book"})])
    made = report([gather(data, "text", "tr", tokenizer=tiny.base_tokenizer())], data)
    assert made.sources[0].rows.dropped == {"not wanted: from": 8}
    assert not made.warnings


def test_the_report_is_written_as_json_and_markdown(tmp_path: Path) -> None:
    bad = "<script> | `code` [link](x) # " + TURKISH[0]
    plain, readable = write_report(made(tmp_path, [bad, *TURKISH]), tmp_path / "report")
    entry = json.loads(plain.read_text())["sources"][0]
    assert entry["licence"] == "CC0-1.0"
    assert entry["rows"]["used"] == 5
    assert entry["saved"] is None
    text = readable.read_text()
    assert "| 1 | text | 5 | 5 | 0 | 0 |" in text
    assert r"\<script> \| \`code\` \[link](x) \# " in text


def recipe(folder: Path, base: Path | str, data: str) -> Path:
    path = folder / "recipe.yaml"
    stages = f"encoder: {base}\nmap: {{through: {{steps: 1}}}}"
    path.write_text(f"language: tr\nbase: {{name: {base}}}\n{stages}\n{data}\n")
    return path


def test_the_command_reports_without_a_base_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    (tmp_path / "a.tsv").write_text("english\tother\n" + f"{ENGLISH[0]}\t{TURKISH[2]}\n")
    path = recipe(tmp_path, tmp_path / "nowhere", f"data: {{tokens: 100, pairs: [{{path: {tmp_path / 'a.tsv'}}}]}}")
    done = CliRunner().invoke(app, ["data", str(path), "--output", str(tmp_path / "out")], catch_exceptions=False)
    assert done.exit_code == 0
    said = (tmp_path / "out" / "data.md").read_text()
    assert "| 1 | pairs | – | – | – | – |" in said
    assert "Tokens of the base are not counted" in said
    assert "The budget of 100 tokens is not kept" in said
    assert ENGLISH[0] in said


def test_the_command_counts_with_the_base_s_tokenizer_and_warns(tmp_path: Path) -> None:
    tiny.base_tokenizer().save_pretrained(tmp_path / "base")
    (tmp_path / "a.tsv").write_text("english\tother\n" + "".join(f"{TURKISH[0]}\t{text}\n" for text in ENGLISH))
    path = recipe(tmp_path, tmp_path / "base", f"data: {{pairs: [{{path: {tmp_path / 'a.tsv'}}}]}}")
    arguments = ["data", str(path), "data.pairs.0.rows=2", "--output", str(tmp_path / "out")]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    assert " ".join(done.output.split()).count("most rows are not in 'tr'") == 1
    entry = json.loads((tmp_path / "out" / "data.json").read_text())["sources"][0]
    assert entry["rows"]["used"] == 2
    assert entry["base_tokens"] > entry["read_in_base"] > 0


def test_a_report_is_not_written_among_the_data(tmp_path: Path) -> None:
    tiny.base_tokenizer().save_pretrained(tmp_path / "base")
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows" / "a.tsv").write_text(f"english\tother\nI see.\t{TURKISH[0]}\n")
    path = recipe(tmp_path, tmp_path / "base", f"data: {{pairs: [{{path: {tmp_path / 'rows'}}}]}}")
    for output in (tmp_path / "rows", tmp_path / "rows" / "report"):
        with pytest.raises(NewtongueError, match=r"lies in .*rows, all files of which are read"):
            CliRunner().invoke(app, ["data", str(path), "--output", str(output)], catch_exceptions=False)
    assert [one.name for one in (tmp_path / "rows").iterdir()] == ["a.tsv"]


def test_the_vocabulary_of_an_adapter_is_counted_in(tmp_path: Path) -> None:
    tiny.encoder_tokenizer(TURKISH).save_pretrained(tmp_path / "adapter" / "encoder")
    tiny.base_tokenizer().save_pretrained(tmp_path / "base")
    (tmp_path / "a.tsv").write_text("question\tanswer\n" + f"{TURKISH[0]}\t{TURKISH[1]}\n")
    path = tmp_path / "recipe.yaml"
    path.write_text(
        f"language: tr\nbase: {{name: {tmp_path / 'base'}}}\nadapter: {tmp_path / 'adapter'}\n"
        f"tune: {{training: {{steps: 1}}}}\ndata: {{questions: [{{path: {tmp_path / 'a.tsv'}}}], held_out: 0}}\n"
    )
    made = preview(load_recipe(path))
    assert made.notes == []
    assert made.sources[0].read_in_own == sum(count_tokens(tiny.encoder_tokenizer(TURKISH), TURKISH[:1]))


def test_a_recipe_without_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NewtongueError):
        CliRunner().invoke(app, ["data", str(recipe(tmp_path, "x/y", "data: {}"))], catch_exceptions=False)


def test_a_report_replaces_no_file_of_somebody_else(tmp_path: Path) -> None:
    plain, _ = write_report(made(tmp_path, TURKISH), tmp_path)
    write_report(made(tmp_path, TURKISH), tmp_path)
    plain.write_text('[{"question": "Su?", "answer": "water"}]')
    with pytest.raises(NewtongueError, match="no report of ours"):
        write_report(made(tmp_path, TURKISH), tmp_path)
    assert plain.read_text().startswith("[")

"""`newtongue evaluate`: an adapter asked from files, beside its controls, with its report and its card."""

import gzip
import json
from pathlib import Path

import pytest
import torch
from peft import LoraConfig

import tiny
from newtongue import ModalityAdapter, NewtongueError
from newtongue.precision import dtype_of
from newtongue_evaluation.portrait import Portrait
from newtongue_evaluation.results import read_results
from newtongue_evaluation.tasks.bitext import read_bitext
from newtongue_evaluation.tasks.find import find_files
from newtongue_evaluation.tasks.questions import read_questions, write_questions
from running import newtongue

QUESTIONS = [
    {"question": "Fransa'nın başkenti?", "answer": "Paris", "english": "The capital of France?", "group": "capital"},
    {"question": "Japonya'nın başkenti?", "answers": ["Tokyo"], "english": "The capital of Japan?", "group": "capital"},
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter, its base, and a folder of questions and pairs."""
    folder = tmp_path_factory.mktemp("evaluate")
    base = tiny.AutoModelForCausalLM.from_pretrained(tiny.save_base(folder / "base"))
    lora = LoraConfig(r=2, target_modules="all-linear")
    ModalityAdapter.create(base, tiny.tiny_encoder(), language="tr", lora=lora).save_pretrained(
        folder / "tr", dtype=torch.float16
    )
    data = folder / "data"
    data.mkdir()
    (data / "facts.tr.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in QUESTIONS))
    rows = "".join(f"{own}\t{english}\n" for own, english in zip(tiny.TURKISH, tiny.ENGLISH, strict=True))
    (data / "tatoeba.tr-en.tsv").write_text(f"tr\ten\n{rows}")
    (data / "notes.txt").write_text("not a task")
    return folder


def evaluate(made: Path, monkeypatch: pytest.MonkeyPatch, output: Path, *more: str) -> int:
    given = (str(made / "tr"), "--no-four-bit", "--output", str(output), "--max-new-tokens", "3")
    return newtongue(monkeypatch, "evaluate", *given, *more)


def test_everything_is_asked_looked_at_and_reported(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "judged"
    more = ("--data", str(made / "data"), "--tokenizer", str(made / "base"), "--card")
    assert evaluate(made, monkeypatch, output, *more) == 0
    found = {(one.task, one.method): one for one in read_results([output])}
    assert len([task for task, _ in found if task == "facts"]) == 7
    assert {method for task, method in found if task == "tatoeba"} == {"adapter", "bare base on raw text"}
    bound = found["facts", "translate-test, gold English"]
    assert bound.rows[0].question == "Fransa'nın başkenti?"
    assert found["facts", "adapter"].cost.trained_parameters
    portrait = Portrait.read(output)
    assert portrait is not None
    assert (portrait.identical, portrait.same_answers) == (1.0, 1.0)
    assert set(portrait.per_character) == {"", "base"}
    assert list(portrait.layers["tatoeba"]) == ["adapter", "bare base on raw text"]
    for name in ("report.html", "report.md", "scores.json"):
        assert (output / name).stat().st_size > 0
    card = (made / "tr" / "README.md").read_text()
    assert "facts: asked in Turkish, answered in English" in card
    assert "bare base on raw text" in card
    assert ModalityAdapter.from_pretrained(made / "tr").config.notes["results"]
    assert dtype_of(made / "tr") == torch.float16  # As it was.


def test_results_of_others_stand_beside(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    facts = ("--data", str(made / "data" / "facts.tr.jsonl"))
    assert evaluate(made, monkeypatch, first, *facts, "--baselines", "bare") == 0
    for path in first.glob("*adapter*.result.json"):
        path.unlink()
    assert evaluate(made, monkeypatch, second, *facts, "--baselines", "chance", "--baselines", str(first)) == 0
    methods = [one["method"] for one in json.loads((second / "scores.json").read_text())["tasks"][0]["methods"]]
    assert methods == ["adapter", "chance, the most frequent answer", "bare base on raw text"]


@pytest.mark.parametrize(
    "more,message",
    [
        pytest.param(("--baselines", "shufled", "--tasks", "atlas"), "shuffled", id="unknown control"),
        pytest.param((), "nothing to ask", id="no task"),
        pytest.param(("--tasks", "facts"), "facts", id="a task without its file"),
        pytest.param(("--data", "no/such/file"), "neither a file nor a folder", id="no file"),
        pytest.param(("--data", "{made}/data/notes.txt"), "neither of", id="of another kind"),
        pytest.param(("--data", "{made}/base"), "NAME.tr.jsonl", id="a folder without files"),
        pytest.param(("--tasks", "atlas", "--output", "{made}/data"), "not empty", id="output in use"),
    ],
)
def test_errors_come_before_the_base_is_loaded(
    made: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    more: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.setattr("newtongue_recipes.judging.evaluation.load_base_of", lambda *_a, **_o: pytest.fail("loaded"))
    assert evaluate(made, monkeypatch, tmp_path / "out", *(word.format(made=made) for word in more)) == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_questions_are_read_plain_and_gzipped(tmp_path: Path) -> None:
    rows = [{**QUESTIONS[0], "id": "a"}, {"question": "Su?", "answer": "su", "answered_in": "tr", "subject": "water"}]
    path = tmp_path / "q.tr.jsonl.gz"
    path.write_bytes(gzip.compress("\n\n".join(map(json.dumps, rows)).encode()))
    first, second = read_questions(path, "tr")
    assert (first.key, first.gold, first.answered_in, first.text) == ("a", ("Paris",), "en", "Fransa'nın başkenti?")
    assert (second.key, second.subject, second.answered_in) == ("2", "water", "tr")
    assert second.messages[0]["content"][1]["text"] == " Answer in Turkish."


def test_questions_are_read_as_they_were_written(tmp_path: Path) -> None:
    (tmp_path / "a.tr.jsonl").write_text("".join(json.dumps(row) + "\n" for row in QUESTIONS))
    read = read_questions(tmp_path / "a.tr.jsonl", "tr")
    write_questions(tmp_path / "b.tr.jsonl", read)
    assert read_questions(tmp_path / "b.tr.jsonl", "tr") == read


@pytest.mark.parametrize(
    "text,message",
    [
        ("", "0 questions"),
        ("{", "line 1"),
        ("3", "line 1"),
        ('{"question": "a"}', "line 1"),
        ('{"question": " ", "answer": "a"}', "line 1"),
        ('{"question": "a", "answer": "b", "id": 1}\n{"question": "c", "answer": "d", "id": 1}', "different ids"),
    ],
)
def test_a_line_that_is_no_question_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "q.tr.jsonl"
    path.write_text(text)
    with pytest.raises(NewtongueError, match=message):
        read_questions(path, "tr")


def test_pairs_are_joined_by_id_with_the_english_file_beside(tmp_path: Path) -> None:
    (tmp_path / "sib.tr.dev.tsv").write_text("index_id\ttext\n1\tbir\n2\tiki\n3\tüç\n")
    (tmp_path / "sib.en.dev.tsv").write_text("index_id\ttext\n2\ttwo\n1\tone\n")
    found = read_bitext(tmp_path / "sib.tr.dev.tsv", "tr")
    assert (found.name, found.own, found.english) == ("sib", ["bir", "iki"], ["one", "two"])
    assert find_files([tmp_path], "tr") == [tmp_path / "sib.tr.dev.tsv"]


@pytest.mark.parametrize("text", ["", "tr\ten\n", "tr\tde\nbir\teins\n", "tr\ten\nbir\tone\n"])
def test_a_file_without_pairs_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "pairs.tr-en.tsv"
    path.write_text(text)
    with pytest.raises(NewtongueError, match=r"pairs\.tr-en\.tsv"):
        read_bitext(path, "tr")

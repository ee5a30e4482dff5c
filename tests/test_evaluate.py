"""`newtongue evaluate`: an adapter asked from files, beside its controls, with its report and its card."""

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig

import tiny
from newtongue import ModalityAdapter, NewtongueError
from newtongue.saving.precision import dtype_of
from newtongue_evaluation.portrait import Portrait
from newtongue_evaluation.results import read_results
from newtongue_evaluation.tasks.bitext import read_bitext
from newtongue_evaluation.tasks.find import find_files
from newtongue_evaluation.tasks.questions import read_questions
from newtongue_recipes.judging.exams import exams
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
    (made / "tr" / "optimizer.log").write_text("stays here")
    before = {path: path.stat().st_mtime_ns for path in (made / "tr").rglob("*") if path.is_file()}
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
    changed = {path.name for path in before if path.stat().st_mtime_ns != before[path]}
    assert changed == {"README.md", "modality_config.json"}


def test_a_card_written_by_hand_is_kept(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for part in ("tr", "base"):
        shutil.copytree(made / part, tmp_path / part)
    (tmp_path / "tr" / "README.md").write_text("# Mine, written by hand\n")
    facts = ("--data", str(made / "data" / "facts.tr.jsonl"))
    assert evaluate(tmp_path, monkeypatch, tmp_path / "out", *facts, "--baselines", "chance", "--card") == 0
    assert (tmp_path / "tr" / "README.md").read_text() == "# Mine, written by hand\n"
    assert "written by hand" in " ".join(capsys.readouterr().out.split())
    assert ModalityAdapter.from_pretrained(tmp_path / "tr").config.notes["results"]


def test_questions_without_their_english_leave_out_what_needs_it(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "facts.tr.jsonl"
    path.write_text("".join(json.dumps({**row, "english": ""}) + "\n" for row in QUESTIONS))
    assert evaluate(made, monkeypatch, tmp_path / "out", "--data", str(path), "--baselines", "bare") == 0
    portrait = Portrait.read(tmp_path / "out")
    assert portrait is not None
    assert (portrait.identical, portrait.same_answers, portrait.soft, portrait.map) == (None,) * 4
    assert portrait.per_character[""] > 0
    for name in ("report.html", "report.md"):
        assert "bare base on raw text" in (tmp_path / "out" / name).read_text()


def test_a_base_whose_tokenizer_has_neither_padding_nor_template_is_asked(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(made / "tr", tmp_path / "tr")
    tokenizer = tiny.base_tokenizer(template=False)
    tokenizer.pad_token = None
    for part in (tiny.tiny_base(), tokenizer):
        part.save_pretrained(tmp_path / "base")
    assert evaluate(tmp_path, monkeypatch, tmp_path / "out", "--data", str(made / "data"), "--baselines", "bare") == 0
    portrait = Portrait.read(tmp_path / "out")
    assert portrait is not None
    assert (portrait.identical, portrait.same_answers) == (1.0, 1.0)


def test_results_of_others_stand_beside(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    facts = ("--data", str(made / "data" / "facts.tr.jsonl"))
    shutil.copytree(made / "tr", tmp_path / "tr")
    shutil.copytree(made / "base", tmp_path / "base")
    assert evaluate(made, monkeypatch, first, *facts, "--baselines", "bare", "--baselines", "zeroed") == 0
    beside = ("--baselines", "chance", "--baselines", str(first))
    assert evaluate(tmp_path, monkeypatch, second, *facts, *beside, "--card") == 0
    methods = json.loads((second / "scores.json").read_text())["tasks"][0]["methods"]
    assert [one["method"] for one in methods] == [
        "adapter",
        "chance, the most frequent answer",
        "adapter, soft tokens zeroed",
        "bare base on raw text",
    ]
    assert not any(one["seeds"] for one in methods)
    rows = ModalityAdapter.from_pretrained(tmp_path / "tr").config.notes["results"]
    assert [list(row["controls"]) for row in rows] == [["chance, the most frequent answer"], []]  # Its own alone.


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


@pytest.mark.parametrize(
    "first,second",
    [
        ("a/sib.tr-en.tsv", "a/sib.tr-en.dev.tsv"),
        ("a/facts.tr.jsonl", "a/eval/facts.tr.jsonl"),
        ("a/facts.tr.jsonl", "b/facts.tr.jsonl"),
    ],
)
def test_two_files_whose_results_would_have_one_name_are_named(tmp_path: Path, first: str, second: str) -> None:
    for name in (first, second):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        text = "tr\ten\nbir\tone\niki\ttwo\n" if name.endswith("tsv") else json.dumps(QUESTIONS[0])
        (tmp_path / name).write_text(text)
    with pytest.raises(NewtongueError) as told:
        exams("tr", [one for one in (tmp_path / "a", tmp_path / "b") if one.is_dir()], (), None)
    assert all(str(tmp_path / name) in str(told.value) for name in (first, second))


def test_a_file_named_twice_and_one_for_answers_in_another_language_are_asked_once_each(tmp_path: Path) -> None:
    (tmp_path / "facts.tr.jsonl").write_text(json.dumps(QUESTIONS[0]))
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "facts.tr.jsonl").write_text(json.dumps({**QUESTIONS[1], "answered_in": "tr"}))
    asked, _ = exams("tr", [tmp_path, tmp_path / "facts.tr.jsonl", tmp_path / "own"], (), None)
    assert [(one.task, one.answered_in) for one in asked] == [("facts", "en"), ("facts", "tr")]


def test_questions_are_read_plain_and_gzipped(tmp_path: Path) -> None:
    rows = [{**QUESTIONS[0], "id": "a"}, {"question": "Su?", "answer": "su", "answered_in": "tr", "subject": "water"}]
    path = tmp_path / "q.tr.jsonl.gz"
    path.write_bytes(gzip.compress("\n\n".join(map(json.dumps, rows)).encode()))
    first, second = read_questions(path, "tr")
    assert (first.key, first.gold, first.answered_in, first.text) == ("a", ("Paris",), "en", "Fransa'nın başkenti?")
    assert (second.key, second.subject, second.answered_in) == ("2", "water", "tr")
    assert second.messages[0]["content"][1]["text"] == " Answer in Turkish."


def test_an_answer_alone_is_one_and_what_is_null_or_empty_is_left_out(tmp_path: Path) -> None:
    empty: dict[str, Any] = {**dict.fromkeys(("id", "answered_in", "english", "group")), "subject": ""}
    rows: list[dict[str, Any]] = [
        {"question": "Su?", "answers": "water", **empty},
        {"question": "Ev?", "answers": [], "answer": "house", "id": 0},
    ]
    (tmp_path / "q.tr.jsonl").write_text("\n".join(map(json.dumps, rows)))
    first, second = read_questions(tmp_path / "q.tr.jsonl", "tr")
    assert (first.gold, first.answered_in, first.english, first.group) == (("water",), "en", "", "")
    assert (first.key, first.subject) == ("1", "1")
    assert (second.gold, second.key, second.subject) == (("house",), "0", "0")


def test_a_question_that_is_answered_in_two_languages_has_one_id(tmp_path: Path) -> None:
    rows = [
        {"id": "7", "question": "Su?", "answer": answer, "answered_in": to}
        for to, answer in (("en", "water"), ("tr", "su"))
    ]
    (tmp_path / "q.tr.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert [(one.key, one.answered_in) for one in read_questions(tmp_path / "q.tr.jsonl", "tr")] == [
        ("7", "en"),
        ("7", "tr"),
    ]


@pytest.mark.parametrize(
    "text,message",
    [
        ("", "0 questions"),
        ("{", "line 1"),
        ("3", "line 1"),
        ('{"question": "a"}', "line 1"),
        ('{"question": "a", "answers": {"b": 1}}', "line 1"),
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

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
from newtongue_evaluation.answers import asked_ids
from newtongue_evaluation.baselines import Question
from newtongue_evaluation.baselines.forms import plain
from newtongue_evaluation.measures.states import placed
from newtongue_evaluation.portrait import Portrait
from newtongue_evaluation.results import Result, read_results
from newtongue_evaluation.tasks.bitext import Bitext, read_bitext
from newtongue_evaluation.tasks.find import find_files
from newtongue_evaluation.tasks.questions import ask_in, read_questions
from newtongue_recipes.judging import evaluation, longest
from newtongue_recipes.judging.exams import Asked, exams
from newtongue_recipes.judging.longest import Room
from newtongue_recipes.judging.vocabularies import named, place_of
from running import newtongue
from worlds import adapter_for, attach_two, bare_base

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
    more = ("--data", str(made / "data"), "--tokenizer", str(made / "base"), f"--base={made / 'base'}", "--card")
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
    assert "Printed by `newtongue evaluate tr " in card
    for shared in (card, (made / "tr" / "modality_config.json").read_text(), *(one.command for one in found.values())):
        assert str(made) not in shared  # Where it lay is nobody's business.
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


def test_an_evaluation_that_was_stopped_goes_on_and_another_is_refused(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output, facts = tmp_path / "out", ("--data", str(made / "data" / "facts.tr.jsonl"))
    write = evaluation.write_result

    def stops(result: Result, folder: Path) -> Path:
        if "shuffled" in result.method:
            raise KeyboardInterrupt
        return write(result, folder)

    monkeypatch.setattr(evaluation, "write_result", stops)
    assert evaluate(made, monkeypatch, output, *facts) != 0
    monkeypatch.setattr(evaluation, "write_result", write)
    before = {path: path.read_bytes() for path in output.glob("*.result.json")}
    assert len(before) == 5
    capsys.readouterr()
    assert evaluate(made, monkeypatch, output, *facts, "--limit", "1") == 2
    assert "asked.facts in en" in " ".join(capsys.readouterr().err.split())
    assert evaluate(made, monkeypatch, output, *facts) == 0
    assert "Going on: 5 results are there" in capsys.readouterr().out
    assert len(read_results([output])) == 7
    assert all(path.read_bytes() == text for path, text in before.items())  # Not asked again.
    assert (output / "report.html").is_file()
    assert evaluate(made, monkeypatch, output, *facts) == 2
    assert "which is finished" in " ".join(capsys.readouterr().err.split())


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
        pytest.param(("--data", "{made}/data", "--limit", "1"), "--limit takes 1", id="a limit that leaves one pair"),
        pytest.param(
            ("--data", "{made}/data", "--tasks", "facts", "--limit", "1", "--baselines", "swapped"),
            "No task can have the control 'swapped'. facts, answered in 'en': all questions of the group 'capital'",
            id="a control of one question",
        ),
        pytest.param(
            ("--data", "{made}/data", "--tasks", "tatoeba", "--baselines", "chance"),
            "tatoeba: sentence pairs are read",
            id="a control of questions, where there are pairs",
        ),
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
        ("a/my-set.tr.jsonl", "a/my_set.tr.jsonl"),
        ("a/a + b.tr.jsonl", "a/a b .tr.jsonl"),
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


def test_a_control_that_was_named_is_not_left_out_without_a_word(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other.tr.jsonl").write_text(json.dumps({**QUESTIONS[0], "english": ""}))
    data = ("--data", str(made / "data" / "facts.tr.jsonl"), "--data", str(tmp_path))
    assert evaluate(made, monkeypatch, tmp_path / "out", *data, "--baselines", "translate-test") == 0
    said = "'translate-test' is left out of other, answered in 'en': 1 of 1 questions are without 'english'."
    assert said in " ".join(capsys.readouterr().out.split())
    found = [(one.task, one.role) for one in read_results([tmp_path / "out"])]
    assert found == [("facts", "ours"), ("facts", "bound"), ("other", "ours")]
    assert evaluate(made, monkeypatch, tmp_path / "more", "--data", str(tmp_path)) == 0
    assert "left out" not in capsys.readouterr().out  # None was named.


def test_vocabularies_of_one_name_are_counted_apart_and_a_base_is_called_what_its_folder_is(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("first/encoder", "second/encoder", "other/base"):
        shutil.copytree(made / "tr" / "encoder", tmp_path / name)
    monkeypatch.chdir(made / "base")
    more = [word for name in ("first/encoder", "second/encoder", "other/base") for word in ("--tokenizer", name)]
    more = [str(tmp_path / word) if "/" in word else word for word in more]
    facts = ("--data", str(made / "data" / "facts.tr.jsonl"), "--baselines", "chance", "--base", ".")
    assert evaluate(made, monkeypatch, tmp_path / "out", *facts, *more, "--tokenizer", str(made / "base")) == 0
    portrait = Portrait.read(tmp_path / "out")
    assert portrait is not None and portrait.base == "base"
    assert list(portrait.per_character) == ["", "base", "encoder", "encoder (2)", "base (2)"]
    assert portrait.per_character["base"] != portrait.per_character["base (2)"]
    assert "Turkish for base" in (tmp_path / "out" / "report.md").read_text()


@pytest.mark.parametrize(
    "given,expected",
    [
        (("a/phi", "b/phi"), ["phi", "b/phi"]),
        (("a/base", "b/c"), ["a/base", "c"]),
        (("base",), ["base (2)"]),
        (("here/base", "a/phi"), ["phi"]),
    ],
)
def test_vocabularies_of_the_hub_are_told_apart_by_their_owners(given: tuple[str, ...], expected: list[str]) -> None:
    assert list(named({place_of(one): None for one in given}, "base", "here/base")) == expected


@pytest.mark.parametrize("text,task", [("Şu ne güzel? " * 60, "long"), ("Fransa", "tatoeba")])
def test_what_is_longer_than_the_base_reads_is_told_before_anything_is_asked(
    made: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    text: str,
    task: str,
) -> None:
    (tmp_path / "long.tr.jsonl").write_text(json.dumps({"question": text, "answer": "x"}))
    pairs = "".join(f"{one}\t{one}\n" for one in ("bir", "iki", "Paris " * (300 if task == "tatoeba" else 1)))
    (tmp_path / "tatoeba.tr-en.tsv").write_text(f"tr\ten\n{pairs}")
    for name in ("answer", "logit_digests"):
        monkeypatch.setattr(f"newtongue_recipes.judging.evaluation.{name}", lambda *_a, **_o: pytest.fail("asked"))
    assert evaluate(made, monkeypatch, tmp_path / "out", "--data", str(tmp_path)) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert f"the longest of {task!r}" in said and "the base has 256. Shorten it" in said


@pytest.mark.parametrize("controls", [(), ("bare",)])
@pytest.mark.parametrize("voice", [False, True])
def test_room_is_for_the_longest_question_with_the_longest_answer_and_no_more(
    controls: tuple[str, ...], voice: bool
) -> None:
    texts = [*tiny.TURKISH, tiny.TURKISH[1] * 3]
    part = Asked("q", "tr", [Question(text, ask_in(text, "tr", "tr"), "", ("Su",), "tr") for text in texts])
    bitext = Bitext("p", tiny.TURKISH, tiny.ENGLISH)
    model: Any = attach_two(bare_base(), languages=("tr",), voice=voice)
    put = [form(one.messages) for one in part.questions for form in ([plain] if controls else [list])]
    put += [one.messages for one in part.questions]
    needed = max(len(asked_ids(model.tokenizer, one)) for one in put) + 40
    adapter, tokenizer = adapter_for(bare_base(), voice=voice), tiny.base_tokenizer()
    Room(needed, adapter, tokenizer, controls, 40).check([part], [])
    with pytest.raises(NewtongueError, match=f"{needed - 40} positions .* up to 40 for its answer; .* {needed - 1}"):
        Room(needed - 1, adapter, tokenizer, controls, 40).check([part], [])
    read = [sum(map(len, placed(model.tokenizer, one, None, "Say:"))) for one in (*tiny.TURKISH, *tiny.ENGLISH)]
    Room(max(read), adapter, tokenizer, controls, 1, "Say:").check([], [bitext])
    with pytest.raises(NewtongueError, match=f"of 'p', takes {max(read)} positions"):
        Room(max(read) - 1, adapter, tokenizer, controls, 1, "Say:").check([], [bitext])


def test_a_gold_answer_longer_than_an_answer_may_be_needs_room_too() -> None:
    asked = [Question(gold[:9], ask_in("Su?", "tr", "en"), "", (gold,)) for gold in ("su", "a long answer " * 9)]
    adapter, tokenizer = adapter_for(bare_base()), tiny.base_tokenizer()
    Room(256, adapter, tokenizer, (), 4).check([Asked("q", "en", asked)], [])
    with pytest.raises(NewtongueError, match=r"for its answer; the base has 80\. Shorten it or take it out\.$"):
        Room(80, adapter, tokenizer, (), 4).check([Asked("q", "en", asked)], [])


def test_what_is_short_in_bytes_is_not_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(longest, "asked_ids", lambda *_a: pytest.fail("encoded"))
    monkeypatch.setattr(longest, "placed", lambda *_a: pytest.fail("encoded"))
    asked = [Question(text, ask_in(text, "tr", "en"), text, ("su",)) for text in tiny.TURKISH]
    room = Room(2048, adapter_for(bare_base()), tiny.base_tokenizer(), ("bare",), 32)
    room.check([Asked("q", "en", asked)], [Bitext("p", tiny.TURKISH, tiny.ENGLISH)])


def test_questions_are_read_plain_and_gzipped(tmp_path: Path) -> None:
    rows = [{**QUESTIONS[0], "id": "a"}, {"question": "Su?", "answer": "su", "answered_in": "tr", "subject": "water"}]
    path = tmp_path / "q.tr.jsonl.gz"
    path.write_bytes(gzip.compress("\n\n".join(map(json.dumps, rows)).encode("utf-8-sig")))
    first, second = read_questions(path, "tr")
    assert (first.key, first.gold, first.answered_in, first.text) == ("a", ("Paris",), "en", "Fransa'nın başkenti?")
    assert (second.key, second.subject, second.answered_in) == ("2", "water", "tr")
    assert second.messages[0]["content"][1]["text"] == " Answer in Turkish."


@pytest.mark.parametrize(
    "content,said",
    [
        pytest.param(lambda whole: whole[:40] + bytes(20) + whole[60:], "cannot be read", id="damaged"),
        pytest.param(lambda _: gzip.compress(b"[" * 100_000), "line 1 is no JSON", id="deep"),
        pytest.param(
            lambda _: gzip.compress(b'{"question": "Su\\ud800?", "answer": "su"}'), "half a character", id="surrogate"
        ),
    ],
)
def test_a_file_that_is_broken_is_an_error(content: Any, said: str, tmp_path: Path) -> None:
    rows = [{"question": f"Soru {number}?", "answer": str(number * number)} for number in range(99)]
    path = tmp_path / "q.tr.jsonl.gz"
    path.write_bytes(content(gzip.compress("\n".join(map(json.dumps, rows)).encode())))
    with pytest.raises(NewtongueError, match=said):
        read_questions(path, "tr")


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
        ("\n\n3", "line 3"),
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


@pytest.mark.parametrize(
    "given,expected",
    [
        ("EN", "en"),
        ("TR", "tr"),
        ("zh-hant", "zh-Hant"),
        ("PT-br", "pt-BR"),
        ("ain", "ain"),
        ("tr-X-news", "tr-x-news"),
    ],
)
def test_a_language_of_answers_is_one_task_however_its_tag_is_written(
    tmp_path: Path, given: str, expected: str
) -> None:
    (tmp_path / "q.tr.jsonl").write_text(json.dumps({**QUESTIONS[0], "answered_in": given}))
    assert read_questions(tmp_path / "q.tr.jsonl", "tr")[0].answered_in == expected
    assert read_questions(tmp_path / "q.tr.jsonl", given)[0].answered_in == given  # As the adapter has it.


@pytest.mark.parametrize("given", ["Turkish", "English", "xx-yy-!!", "tr_TR", "t", "tr en", 5, ["en"]])
def test_a_language_of_answers_that_is_no_tag_is_named(tmp_path: Path, given: Any) -> None:
    rows = (json.dumps({**QUESTIONS[0], "answered_in": one}) for one in ("en", given))
    (tmp_path / "q.tr.jsonl").write_text("\n\n".join(rows))
    with pytest.raises(NewtongueError, match=r"q\.tr\.jsonl line 3 has 'answered_in'.* Give a BCP 47 tag"):
        read_questions(tmp_path / "q.tr.jsonl", "tr")


def test_a_byte_order_mark_hides_no_column(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tr-en.tsv"
    path.write_text("tr\ten\nbir\tone\n\niki\ttwo\textra\n \t\n", encoding="utf-8-sig")
    assert read_bitext(path, "tr") == Bitext("pairs", ["bir", "iki"], ["one", "two"])


@pytest.mark.parametrize(
    "own,english,message",
    [
        ("index_id\ttext\n1\tbir\n\n2\n", "index_id\ttext\n1\tone\n2\ttwo\n", r"x\.tr\.tsv line 4 .*'text'"),
        ("index_id\ttext\n1\tbir\n2\tiki\n", "index_id\ttext\n1\n2\ttwo\n", r"x\.en\.tsv line 2 .*'text'"),
        ("index_id\ttext\n1\tbir\n2\tiki\n", "index_id\tenglish\n1\tone\n", r"x\.en\.tsv has .*Give 'text'"),
        ("tr\ten\nbir\tone\niki\n", "", r"x\.tr\.tsv line 3 has 1 of 2 columns .*'en'"),
        ("tr\ten\nbir\niki\ttwo\n", "", r"x\.tr\.tsv line 2 has 1 of 2 columns .*'en'"),
    ],
)
def test_a_row_or_a_file_without_a_column_is_named(tmp_path: Path, own: str, english: str, message: str) -> None:
    (tmp_path / "x.tr.tsv").write_text(own)
    (tmp_path / "x.en.tsv").write_text(english)
    with pytest.raises(NewtongueError, match=message):
        read_bitext(tmp_path / "x.tr.tsv", "tr")


@pytest.mark.parametrize(
    "rows,limit,message",
    [
        ("bir\tone\niki\ttwo\n", 1, "has 2 pairs, of which --limit takes 1"),
        ("bir\tone\niki\tone\nüç\tthree\n", 2, "has 3 pairs, of which --limit takes 2"),
        ("bir\tone\niki\tone\n", None, "has 2 pairs. Retrieval needs two at least that differ on both sides"),
    ],
)
def test_pairs_among_which_nothing_can_be_missed_are_no_test(
    tmp_path: Path, rows: str, limit: int | None, message: str
) -> None:
    (tmp_path / "p.tr-en.tsv").write_text(f"tr\ten\n{rows}")
    with pytest.raises(NewtongueError, match=message):
        exams("tr", [tmp_path], (), limit)


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

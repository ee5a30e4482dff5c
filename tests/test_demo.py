"""The main job, whole but with two steps a stage: everything it promises to write is there and agrees."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from newtongue import ModalityAdapter, NewtongueError
from newtongue_recipes.atlas import facts, split
from newtongue_recipes.atlas.leaks import stated
from newtongue_recipes.demo import exam
from newtongue_recipes.demo.exam import Score
from newtongue_recipes.demo.lessons import held_out, lessons
from newtongue_recipes.demo.run import WRITTEN, _make_room, run_demo
from newtongue_recipes.demo.summary import card_results
from newtongue_recipes.demo.teach import demo_curriculum
from newtongue_recipes.stages import Training
from newtongue_recipes.stages.curriculum import Curriculum


def hurried() -> Curriculum:
    def two(training: Training | None) -> Training | None:
        return training and replace(training, steps=2, batch=4)

    whole = demo_curriculum()
    stages = whole.map
    return Curriculum(
        replace(whole.represent, training=two(whole.represent.training)),
        replace(stages, words=two(stages.words), toward=two(stages.toward), through=two(stages.through)),
        replace(whole.tune, training=two(whole.tune.training)),
    )


@pytest.mark.slow
def test_the_demo_writes_all_it_promises(tmp_path: Path) -> None:
    output = tmp_path / "demo"
    report = run_demo(output, curriculum=hurried())
    assert json.loads((output / "report.json").read_text()) == json.loads(json.dumps(report))
    assert report["english_identical"] is True
    for language in ("tr", "ja"):
        score = report["heldout"][language]
        assert {"in_english", "in_language", "shuffled", "raw_lora", "n"} <= score.keys()
        assert score["raw_lora"] is not None
        assert ModalityAdapter.from_pretrained(output / language).language == language
    for name in ("report.md", "losses.png", "accuracy.png", "base/model.safetensors"):
        assert (output / name).stat().st_size > 0
    assert {path.name for path in output.iterdir()} == WRITTEN - {"stages", "tr.error.txt", "ja.error.txt"}
    with pytest.raises(NewtongueError, match="not empty"):
        run_demo(output, curriculum=hurried())


def test_each_training_is_reported_and_no_other() -> None:
    demo = demo_curriculum()
    assert list(demo.steps()) == ["represent", "map words", "map toward", "tune"]
    through = replace(demo, map=replace(demo.map, words=None, through=Training(steps=7)))
    assert list(through.steps()) == ["represent", "map toward", "map through", "tune"]
    assert through.steps()["map through"] == 7


def test_the_demo_does_not_clear_a_folder_that_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    for overwrite in (False, True):
        with pytest.raises(NewtongueError, match=r"not empty|not cleared"):
            run_demo(tmp_path, overwrite=overwrite)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize(
    "names,said",
    [
        pytest.param(["base", "tr", "README.md", "app.py"], r"README\.md, app\.py", id="a Space"),
        pytest.param(["base", "tr", "report.md", "judged"], "judged", id="a demo, and something of the user's"),
        pytest.param(["tr"], "no base", id="an adapter alone"),
    ],
)
def test_what_no_demo_wrote_is_not_cleared(names: list[str], said: str, tmp_path: Path) -> None:
    for name in names:
        (tmp_path / name).mkdir()
    with pytest.raises(NewtongueError, match=said):
        run_demo(tmp_path, overwrite=True)
    assert {path.name for path in tmp_path.iterdir()} == set(names)


def test_what_a_demo_left_is_cleared_however_it_ended(tmp_path: Path) -> None:
    for name in (*WRITTEN, ".tr.x1y2"):
        (tmp_path / name).mkdir()
    _make_room(tmp_path, overwrite=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("language", ["tr", "ja"])
def test_no_lesson_asks_or_states_a_held_out_fact(language: str) -> None:
    taught = lessons(language)
    _, unseen = split(language)
    asked = {row.question for row in held_out(language, "en")}
    texts = [*taught.raw, *(pair.other for pair in taught.pairs)]
    texts += [
        part["text"] if isinstance(part, dict) else part
        for chat in taught.conversations
        for message in chat
        for part in ([message["content"]] if isinstance(message["content"], str) else message["content"])
    ]
    assert not asked & set(texts)
    told = {fact.subject.key for text in set(texts) for fact in stated(text, language)}
    assert not told & unseen
    assert len(facts()) >= 600


def test_answers_in_a_language_are_compared_by_its_own_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    english, own = ([row.answer for row in held_out("tr", language)] for language in ("en", "tr"))
    shouted = [text.replace("i", "İ").replace("ı", "I").upper() for text in own]
    said = iter([english, shouted, english])
    monkeypatch.setattr(exam, "answer", lambda *_, **__: next(said))
    score, _, _ = exam._examine_language(SimpleNamespace(tokenizer=None), "tr", print)
    assert (score.in_english, score.in_language) == (1.0, 1.0)
    assert score.intervals == {"in_english": [1.0, 1.0], "in_language": [1.0, 1.0]}


def test_intervals_of_the_demo_draw_subjects_and_not_their_questions() -> None:
    gold, said = ["a"] * 400, ["a"] * 200 + ["b"] * 200
    alone = exam._interval(said, gold, "en", [str(at) for at in range(400)])
    together = exam._interval(said, gold, "en", [str(at // 20) for at in range(400)])
    assert together[1] - together[0] > 3 * (alone[1] - alone[0])


@pytest.mark.parametrize("voice", [True, False])
def test_without_a_voice_every_lesson_reads_the_language(voice: bool) -> None:
    chats = lessons("tr", voice=voice).conversations
    assert all(any("language" in part for part in chat[0]["content"]) for chat in chats) is not voice


def test_rows_of_the_card_carry_the_command_that_made_them_and_their_controls() -> None:
    intervals = {"in_english": [0.8, 1.0], "in_language": [0.3, 0.5]}
    score = Score(in_english=0.9, in_language=0.4, shuffled=0.1, chance=0.2, n=100, raw_lora=0.3, intervals=intervals)
    rows = card_results(score, "tr", "newtongue demo --seed 3")
    assert [row["value"] for row in rows] == [0.9, 0.4]
    assert {row["command"] for row in rows} == {"newtongue demo --seed 3"}
    assert rows[0]["controls"] == {"another subject's question": 0.1, "chance": 0.2, "LoRA on raw text": 0.3}
    assert [row["interval"] for row in rows] == list(intervals.values())
    assert all(row["interval"][0] < row["value"] < row["interval"][1] for row in rows)

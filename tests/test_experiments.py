"""Experiments: settings are checked, every run is made once, and what is held out is held out everywhere."""

import gzip
import json
import random
import shutil
from contextlib import nullcontext
from dataclasses import replace
from math import inf
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from newtongue import NewtongueError
from newtongue_evaluation.baselines import Budget
from newtongue_evaluation.report import write_report
from newtongue_evaluation.results import Result, Row, read_results, write_result
from newtongue_recipes.atlas import turkish
from newtongue_recipes.atlas.leaks import stated
from newtongue_recipes.experiments import corpus
from newtongue_recipes.experiments.atlas import atlas_world
from newtongue_recipes.experiments.english import is_made, make_base, reworded
from newtongue_recipes.experiments.load import load_experiment
from newtongue_recipes.experiments.methods import METHODS
from newtongue_recipes.experiments.pace import within
from newtongue_recipes.experiments.perform import Workshop
from newtongue_recipes.experiments.plan import Run, finished, plan
from newtongue_recipes.experiments.real import _kind, real_world
from newtongue_recipes.experiments.run import run_experiment
from newtongue_recipes.experiments.schema import FOLDER, English
from newtongue_recipes.experiments.summary import score_of, summary
from newtongue_recipes.experiments.world import World
from newtongue_recipes.train.ledger import Ledger
from running import newtongue

SHIPPED = sorted(path.stem for path in FOLDER.glob("*.yaml"))
SMALL = [
    "represent.vocabulary=400",
    "represent.width=16",
    "represent.layers=1",
    "represent.heads=2",
    "tune.rank=2",
    *(f"{part}.training.{key}=2" for part in ("represent", "tune") for key in ("steps", "batch")),
    *(f"map.{part}.{key}=2" for part in ("toward", "through") for key in ("steps", "batch")),
    "base={steps: 2, batch: 8, width: 16, layers: 2, heads: 2, rows: 320}",
]
SEARCH = "search={methods: [raw-lora], steps: 2, changes: [{rate: 1.0e-9}, {rate: 1.0e-2}]}"
NAMES = ["Ada", "Bora", "Cem", "Deniz", "Ece", "Fatma", "Gül", "Hasan"]


def texts(world: World) -> set[str]:
    """All that a method may learn from, in the language or in English."""
    told = [*world.lessons.questions, *world.lessons.translations]
    contents = [message["content"] for chat in told for message in chat]
    parts = [part["text"] for one in contents if isinstance(one, list) for part in one]
    pairs = [text for pair in world.pairs for text in (pair.english, pair.other)]
    return {*(one for one in contents if isinstance(one, str)), *parts, *pairs, *world.lessons.text}


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_experiment_reads_and_names_only_methods_there_are(name: str) -> None:
    settings = load_experiment(name)
    runs = plan(settings)
    assert {run.method for run in runs} <= METHODS.keys()
    assert len(runs) == len(set(runs))
    first: dict[Any, str] = {}
    for run in runs:
        first.setdefault((run.language, run.seed, run.text, run.pairs), run.method)
    ours = [run for run in runs if run.method == "ours"]
    assert all(first[run.language, run.seed, run.text, run.pairs] == "ours" for run in ours)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_search_is_done_with_the_most_data(name: str) -> None:
    settings = load_experiment(name)
    for method in settings.search.methods if settings.search else []:
        amounts = [(run.data.get("text", inf), run.data.get("pairs", inf)) for run in plan(settings, [method])]
        assert amounts[0] == max(amounts)


@pytest.mark.parametrize(
    "name,changes,said",
    [
        ("atlis", [], "Did you mean atlas"),
        ("atlas", ["tune.rnak=3"], "Did you mean 'rank'"),
        ("atlas", ["runs.0.pairs=[-1]", "seeds=[x]"], "seeds"),
        ("atlas", ["runs.0.methods=[]"], "runs.0.methods"),
        ("atlas", ["budgets={raw-lora: {rnak: 3}}"], "rnak"),
        ("atlas", ["searc.steps=3"], r"searc \(searc\.steps=3\): unknown key. Did you mean 'search'"),
        ("atlas", ["search.stebs=3"], r"search\.stebs \(search\.stebs=3\): unknown key. Did you mean 'steps'"),
        ("atlas", ["asked=many"], r"atlas has an error:\n  asked .*Give int \(default 500\): questions scored"),
    ],
)
def test_wrong_settings_are_told_with_what_was_meant(name: str, changes: list[str], said: str) -> None:
    with pytest.raises(NewtongueError, match=said):
        load_experiment(name, changes)


def test_an_unknown_method_is_told_with_the_nearest() -> None:
    with pytest.raises(NewtongueError, match="Did you mean langbridge"):
        plan(load_experiment("atlas"), ["langbrige"])


def test_scale_changes_all_steps_and_nothing_else() -> None:
    whole, half = load_experiment("transfer"), load_experiment("transfer", scale=0.5)
    assert half.tune.training.steps == whole.tune.training.steps // 2
    assert half.map.toward and whole.map.toward
    assert half.map.toward.steps == whole.map.toward.steps // 2
    assert half.tune.training.batch == whole.tune.training.batch


@pytest.mark.parametrize("language", ["tr", "ja"])
def test_the_atlas_holds_its_exam_out_and_gives_as_many_pairs_as_asked_for(language: str) -> None:
    world = atlas_world(load_experiment("atlas"), language, 0, None, 300)
    assert len(world.pairs) == len(world.lessons.translations) == 300
    scored = {one.subject for one in world.exam}
    assert scored
    assert not scored & {one.subject for one in world.development}
    told = {fact.subject.key for text in texts(world) for fact in stated(text, language)}
    assert not told & scored
    assert not {one.text for one in world.exam} & texts(world)
    assert not atlas_world(load_experiment("atlas"), language, 0, None, 0).lessons.translations


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    foods = [("apples", "elma"), ("bread", "ekmek"), ("soup", "çorba"), ("fish", "balık")]

    def zipped(name: str, lines: list[str]) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with gzip.open(folder / name, "wt", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)

    asked = {"en": "what does {} like", "tr": "{} ne seviyor"}
    pairs = [(f"{name} likes {food}.", f"{name} {yemek} seviyor.") for name in NAMES for food, yemek in foods]
    # What is asked stands among the pairs and in the raw text too, in another case.
    pairs += [(asked["en"].format(name).title(), f"{asked['tr'].format(name).title()}?") for name in NAMES]
    zipped("parallel/en-tr.tsv.gz", [f"{english}\t{other}" for english, other in pairs])
    zipped("mono/tr.txt.gz", [other for _, other in pairs])
    for column, (language, question) in enumerate(asked.items()):
        rows = [
            {"id": f"mkqa/{place}", "question": question.format(name), "answer": foods[place % 4][column]}
            for place, name in enumerate(NAMES)
        ]
        zipped(f"qa/{language}.jsonl.gz", [json.dumps(row, ensure_ascii=False) for row in rows])
    (folder / "eval").mkdir()
    for language in ("en", "sw"):
        lines = [f"train\t{number}\ttopic{number % 3}\t{language} text {number}" for number in range(320)]
        table = "\n".join(["split\tindex_id\tcategory\ttext", *lines]) + "\n"
        (folder / "eval" / f"sib200.{language}.train-dev.tsv").write_text(table)
    return folder


def test_real_text_holds_its_questions_out_of_text_and_pairs_in_any_case(data: Path, tmp_path: Path) -> None:
    changes = [*SMALL, "corpus.held_out=3", "corpus.development=2", "corpus.english_pairs=4", "corpus.trivia=3"]
    world = real_world(load_experiment("transfer", changes), data, tmp_path / "base", "tr", 0, None, None)
    learned = {text.casefold().strip("?") for text in texts(world)}
    held = [*world.exam, *world.development]
    assert len({one.key for one in world.exam}) == 3
    assert len(world.development) == 2
    assert not {one.text.casefold() for one in held} & learned
    assert not {one.english.casefold() for one in held} & learned
    assert sum(pair.english == pair.other for pair in world.pairs) == 4 + 3


def test_questions_that_are_not_held_out_are_pairs_too(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(corpus.TATOEBA, "tr", len(NAMES) * 4)
    held = corpus.hold_out(corpus.questions(data, "tr"), 3)[1]
    pairs = corpus.question_pairs(data, "tr", held)
    assert len(pairs) == len(NAMES) - 3
    assert not {one.english.casefold() for one in held} & {pair.english.casefold() for pair in pairs}


def test_words_are_to_be_said_in_the_language_read_in_it_and_in_english(data: Path, tmp_path: Path) -> None:
    def said(times: int) -> list[tuple[str, str]]:
        changes = [*SMALL, f"corpus.written={times}", "corpus.aligned_words=3", "corpus.held_out=3"]
        chats = real_world(load_experiment("transfer", changes), data, tmp_path / "base", "tr", 0, None, None)
        parts = [(one[0]["content"], one[-1]) for one in chats.lessons.questions]
        return [(asked[1]["text"], told["content"]) for asked, told in parts if len(asked) == 3]

    assert not said(0)
    once, twice = said(1), said(2)
    assert ("Ada likes soup.", "Ada çorba seviyor.") in once and ("Ada çorba seviyor.", "Ada çorba seviyor.") in once
    assert sorted(twice) == sorted(once * 2)


def add(path: Path, line: str) -> None:
    with gzip.open(path, "at", encoding="utf-8") as file:
        file.write(f"{line}\n")


def test_tatoebas_evaluation_sentences_are_in_no_pair_and_no_raw_text(data: Path) -> None:
    assert corpus.mono(data, "tr", 100, 100, [], 0).count("Ada elma seviyor.") == 1
    (data / "eval" / "tatoeba.tr-en.tsv").write_text("tr\ten\nAda elma seviyor!\tApples please Ada.\n")
    kept = {pair.other for pair in corpus.pairs(data, "tr", 100, 12, 2, [], 0)}
    assert "Ada elma seviyor." not in kept | set(corpus.mono(data, "tr", 100, 100, [], 0))
    assert "Ada ekmek seviyor." in kept
    asked = "Ada ne seviyor"
    (data / "eval" / "tatoeba.tr-en.tsv").write_text(f"tr\ten\n{asked}\tApples?\n")
    assert asked.title() not in {pair.other.strip("?") for pair in corpus.pairs(data, "tr", 100, 12, 2, [], 0)}


def test_a_held_out_question_is_not_asked_under_another_key(data: Path, tmp_path: Path) -> None:
    changes = [*SMALL, "corpus.held_out=3", "corpus.development=2", "corpus.question_pairs=0"]
    settings = load_experiment("transfer", changes)
    held = real_world(settings, data, tmp_path / "base", "tr", 0, None, None).exam[0]
    for language, question in (("en", f"{held.english}?"), ("tr", f"peki {held.text}")):
        add(data / "qa" / f"{language}.jsonl.gz", json.dumps({"id": "mkqa/x", "question": question, "answer": "?"}))
    world = real_world(settings, data, tmp_path / "base", "tr", 0, None, None)
    assert held.key in {one.key for one in world.exam}
    assert f"peki {held.text}" not in texts(world)


@pytest.mark.parametrize(
    "held,written",
    [
        ("「君の名は」の監督は誰", "君の名は の監督は誰?"),
        ("ＮＨＫはいつ始まった", "nhkはいつ始まった"),
        ("who sang 'let it be'", "Who sang “Let It Be”?"),
        ("ısparta ili nerede", "Isparta ili nerede?"),
    ],
)
def test_what_is_held_out_is_found_in_any_width_quotes_and_spaces(held: str, written: str) -> None:
    one, other = (corpus.Question(key, text, "", text, "") for key, text in (("1", held), ("2", written)))
    assert corpus.apart([other, replace(other, english="b", other="b")], [one]) == [
        corpus.Question("2", "b", "", "b", "")
    ]


def test_questions_are_in_lower_case_for_every_method_if_so_wanted(data: Path, tmp_path: Path) -> None:
    changes = [*SMALL, "corpus.held_out=3", "corpus.development=2"]
    as_written, lowered = (
        real_world(load_experiment("transfer", [*changes, more]), data, tmp_path / "base", "tr", 0, None, None)
        for more in ("corpus.lower=false", "corpus.lower=true")
    )
    written, told = ({one.text for one in (*world.exam, *world.development)} for world in (as_written, lowered))
    assert any(text != text.lower() for text in written)
    assert told == {turkish.lower(text) for text in written}
    assert {turkish.lower(text) for text in written} & texts(as_written) == set()
    assert told & texts(lowered) == set()


def test_a_language_with_little_text_learns_from_topics_that_are_not_scored(data: Path, tmp_path: Path) -> None:
    world = real_world(load_experiment("data", SMALL), data, tmp_path / "base", "sw", 0, 10, 5)
    assert (len(world.lessons.text), len(world.pairs), len(world.exam)) == (10, 5, 200)
    assert not {one.text for one in (*world.exam, *world.development)} & texts(world)


def test_hold_out_is_the_same_in_every_language() -> None:
    asked = [corpus.Question(str(one), "", "", "", "") for one in range(50)]
    _, held = corpus.hold_out(asked, 7)
    assert {one.key for one in corpus.hold_out(asked[::-1], 7)[1]} == {one.key for one in held}


def test_a_reworded_question_has_some_of_its_words_and_some_of_others_in_any_order() -> None:
    question, others = "who wrote the song about the old red house", ["moon", "river"]

    def made(**wanted: float) -> list[str]:
        chooser, settings = random.Random(0), English(**{"noise": 0.0, **wanted})
        return [reworded(question, others, settings, chooser) for _ in range(200)]

    def said(text: str) -> list[str]:
        return text.casefold().strip("?").split()

    own = question.split()
    assert set(made()) == {question}
    for wanted in ({"noise": 0.3}, {"strange": 0.3}, {"shuffled": 0.9}):
        assert 60 < made(**wanted).count(question) < 140
        assert len(set(made(**wanted))) > 20
    assert all(set(said(one)) <= set(own) for one in made(noise=0.3))
    assert all([word for word in said(one) if word not in others] == own for one in made(strange=0.3))
    assert any(set(others) & set(said(one)) for one in made(strange=0.3))
    assert all(sorted(said(one)) == sorted(own) for one in made(shuffled=0.9))


def small(*changes: str) -> Any:
    own = "ours, ours-swapped, ours-shuffled, ours-beside, ours-unread, ours-voice, ours-thought, ours-aloud"
    ours = f"{{methods: [{own}, translate-test]}}"
    runs = f"runs=[{ours}, {{methods: [raw-lora], equal: [seconds, tuning]}}]"
    return load_experiment("transfer", [*SMALL, SEARCH, runs, "languages=[tr]", "corpus.held_out=3", *changes])


def test_a_run_is_made_once_and_its_scores_hold_no_text(data: Path, tmp_path: Path) -> None:
    output, console = tmp_path / "runs", Console(quiet=True)
    results = run_experiment(small(), output, data=data, methods=["ours", "raw-lora", "ours-swapped"], console=console)
    asked = [one for one in results if one.language == "tr"]
    assert [(one.method, one.answered_in) for one in asked] == [
        (method, answered_in)
        for method in (
            "adapter",
            "adapter, another question's soft tokens",
            "LoRA on raw text, equal seconds",
            "LoRA on raw text, as long as stage 3",
        )
        for answered_in in ("en", "tr")
    ]
    english = [one for one in results if one.language == "en"]
    assert [(one.method, one.task, one.rows[0].question) for one in english] == [
        (one.method, "mkqa after Turkish", one.rows[0].english)
        for one in results
        if one.answered_in == "tr" and one.role != "control"
    ]
    steps = load_experiment("transfer", SMALL).tune.training.steps
    assert abs(sum(results[-1].settings["budget"][part] for part in ("reading", "answering")) - steps) <= 1
    assert {one.answered_in for one in results} == {"en", "tr"}
    assert all(len(one.rows) == 3 for one in results)
    assert len({tuple((row.key, row.question) for row in one.rows) for one in results if one.answered_in == "tr"}) == 1
    before = {path: path.stat().st_mtime_ns for path in output.glob("*.json")}
    again = run_experiment(small(), output, data=data, console=console)
    after = {path: path.stat().st_mtime_ns for path in output.glob("*.result.json")}
    assert {path: after[path] for path in before if path in after} == {p: t for p, t in before.items() if p in after}
    assert len(again) == len(read_results([output])) == 22 + 7
    assert len(list((output / "work").rglob("mapped"))) == 1  # Those that differ in stage 3 alone share stage 2.
    write_report(output, "Experiment")
    kept = (output / "scores.json").read_text()
    assert "seviyor" not in kept
    methods = [one for task in json.loads(kept)["tasks"] for one in task["methods"]]
    assert len(methods) == 22 + 7
    assert [one["budget"]["answering"] > 0 for one in methods if one["method"].startswith("LoRA on raw")] == [True] * 6
    assert "translate-test" in summary(again)
    with pytest.raises(NewtongueError, match="other settings"):
        run_experiment(small("tune.rank=4"), output, data=data, console=console)


def test_without_pairs_there_are_no_twins_to_learn_from(data: Path, tmp_path: Path) -> None:
    nothing = ["runs=[{methods: [ours], pairs: [0]}]", "corpus.english_pairs=0", "corpus.trivia=0"]
    nothing += ["corpus.development=2", "tune.twins=0.5"]
    results = run_experiment(small(*nothing), tmp_path / "runs", data=data, console=Console(quiet=True))
    assert [(one.method, one.data) for one in results] == [("adapter", {"pairs": 0})] * 3


def test_chance_always_says_what_is_right_most_often(data: Path, tmp_path: Path) -> None:
    settings = small("runs=[{methods: [chance]}]")
    results = run_experiment(settings, tmp_path / "runs", data=data, console=Console(quiet=True))
    for one in results:
        said = {row.answer for row in one.rows}
        times = [sum(row.gold[0] == answer for row in one.rows) for answer in {row.gold[0] for row in one.rows}]
        assert len(said) == 1
        assert score_of(one, "exact match") == pytest.approx(max(times) / len(one.rows), abs=1e-4)


def test_settings_can_be_chosen_by_questions_that_no_exam_asks(data: Path, tmp_path: Path) -> None:
    runs, console = "runs=[{methods: [chance]}]", Console(quiet=True)
    asked = {
        scored: run_experiment(small(runs, f"scored={scored}"), tmp_path / scored, data=data, console=console)
        for scored in ("exam", "development")
    }
    keys = {scored: {row.key for one in results for row in one.rows} for scored, results in asked.items()}
    assert keys["exam"] and keys["development"] and not keys["exam"] & keys["development"]
    with pytest.raises(NewtongueError, match="scored"):
        run_experiment(small(runs), tmp_path / "development", data=data, console=console)


def test_methods_that_no_run_is_of_are_refused_with_how_to_run_them(tmp_path: Path) -> None:
    with pytest.raises(NewtongueError, match=r"runs no chance, ours-encoder.*methods: \[chance, ours-encoder\]"):
        run_experiment(small(), tmp_path, methods=["ours", "chance", "ours-encoder"], console=Console(quiet=True))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("method", ["raw-lora-translations", "langbridge"])
def test_of_stage_3_s_few_steps_half_are_for_reading_where_no_search_says_otherwise(
    method: str, data: Path, tmp_path: Path
) -> None:
    settings = small("tune.training.steps=10", "map.toward.steps=1000")
    world = real_world(settings, data, tmp_path / "base", "tr", 0, None, None, [])
    shop = Workshop(world, settings, Run(method, "tr", 0, equal="tuning"), tmp_path)
    budget = shop.budget()
    assert budget.reading == budget.answering
    told = small("tune.training.steps=10", f"budgets={{{method}: {{reading: 0.2}}}}")
    budget = replace(shop, settings=told).budget()
    assert budget.reading == round(0.2 * budget.steps)


@pytest.mark.parametrize(
    "question,language,kind",
    [
        ("BOND'U KİM oynuyor", "tr", "with words of the English question"),
        ("ırak nerede", "tr", "with words of the English question"),
        ("bu kim, 007", "tr", "without words of the English question"),
        ("NBAのキングは誰", "ja", "with words in Latin letters"),
        ("首都はどこ", "ja", "without words in Latin letters"),
    ],
)
def test_questions_that_hold_words_the_base_knows_are_a_kind_of_their_own(
    question: str, language: str, kind: str
) -> None:
    asked = corpus.Question("7", "who plays bond in 007 or is he in Irak", "", question, "")
    assert _kind(asked, language) == kind


@pytest.mark.parametrize("reading", [0, 1, 2, 3, 12])
def test_the_steps_that_fit_into_seconds_are_told_by_a_short_training_of_few_steps_too(
    reading: int, tmp_path: Path
) -> None:
    def baseline(lessons: Any, budget: Budget, folder: Path, callbacks: Any) -> None:
        for part, steps in (("read", budget.reading), ("answer", budget.answering)):
            for _ in range(steps):
                sum(range(20_000))
                callbacks[0].on_step_end(SimpleNamespace(output_dir=str(folder / part)), None, None)

    found = within(baseline, None, Budget(reading, 20), 1e-9, tmp_path)
    assert (found.reading, found.answering) == (0, 1)
    assert within(baseline, None, Budget(reading, 20), 60, tmp_path).answering > 20


def test_what_an_evaluation_wrote_below_an_experiment_finishes_none_of_its_runs(tmp_path: Path) -> None:
    (run,) = plan(small(), ["translate-test"])
    judged = Result(
        method=run.title,
        task="tatoeba",
        language=run.language,
        rows=(Row("1", "Su?", ("water",), "water"),),
        role="bound",
    )
    write_result(judged, tmp_path / "judged")
    assert not finished(tmp_path, [run])
    write_result(replace(judged, task="mkqa", settings={"method": run.method}), tmp_path)
    assert [one.task for one in finished(tmp_path, [run])[run]] == ["mkqa"]


def test_a_run_is_finished_when_all_its_answers_are_there(tmp_path: Path) -> None:
    (run,) = plan(small(), ["translate-test"])
    rows, settings = (Row("1", "Su?", ("water",), "water"),), {"method": run.method, "parts": ["mkqa-en", "mkqa-tr"]}
    english = Result(method=run.title, task="mkqa", language="tr", rows=rows, settings=settings)
    write_result(english, tmp_path)
    assert not finished(tmp_path, [run])
    write_result(replace(english, answered_in="tr"), tmp_path)
    assert [one.answered_in for one in finished(tmp_path, [run])[run]] == ["en", "tr"]


def test_a_run_that_was_stopped_between_its_results_is_made_again(data: Path, tmp_path: Path) -> None:
    asked = {"data": data, "methods": ["translate-test"], "console": Console(quiet=True)}
    results = run_experiment(small(), tmp_path, **asked)
    next(tmp_path.glob("mkqa-tr-tr-*.result.json")).unlink()
    again = run_experiment(small(), tmp_path, **asked)
    assert [one.answered_in for one in again] == [one.answered_in for one in results] == ["en", "tr"]
    assert len(read_results([tmp_path])) == 2


@pytest.mark.parametrize(
    "entry,made",
    [(None, True), ({"finished": False}, False), ({"finished": True}, True)],
    ids=["made elsewhere", "begun", "made here"],
)
def test_a_base_is_made_when_it_is_whole(entry: dict[str, bool] | None, made: bool, tmp_path: Path) -> None:
    assert not is_made(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    if entry:
        Ledger(tmp_path).write("recipe", {}, **entry)
    assert is_made(tmp_path) is made


def test_a_base_whose_writing_was_cut_short_is_made_again(data: Path, tmp_path: Path) -> None:
    settings = load_experiment("transfer", SMALL).base
    make_base(data, tmp_path, settings, bar=False)
    Ledger(tmp_path).write("recipe", settings.model_dump(), finished=False)
    (tmp_path / "model.safetensors").unlink()
    make_base(data, tmp_path, settings, bar=False)
    assert (tmp_path / "model.safetensors").exists()
    assert is_made(tmp_path)


def another_base(data: Path, output: Path) -> dict[str, Path]:
    base = shutil.copytree(output / "base", output.parent / "another")
    (base / "model.safetensors").write_bytes((base / "model.safetensors").read_bytes()[:-4] + b"more")
    return {"base": base}


def no_base(data: Path, output: Path) -> dict[str, Path]:
    shutil.rmtree(output / "base")
    return {}


def another_text(data: Path, output: Path) -> dict[str, Path]:
    with gzip.open(data / "mono" / "tr.txt.gz", "at", encoding="utf-8") as file:
        file.write("Bir satır daha.\n")
    return {}


def the_same_elsewhere(data: Path, output: Path) -> dict[str, Path]:
    (data / "README.md").write_text("Where it is from.")
    return {"data": data.rename(data.with_name("moved")), "base": (output / "base").rename(output.parent / "base")}


def begun_before_files_were_noted(data: Path, output: Path) -> dict[str, Path]:
    (output / "experiment-files.json").unlink()
    return another_text(data, output)


@pytest.mark.parametrize(
    "change,said",
    [
        (another_base, r"base: \w+ → \w+"),
        (no_base, r"base: \w+ → nothing"),
        (another_text, r"data\.mono: \w+ → \w+"),
        (the_same_elsewhere, ""),
        (begun_before_files_were_noted, ""),
    ],
)
def test_an_experiment_goes_on_with_the_files_it_was_begun_with(
    change: Any, said: str, data: Path, tmp_path: Path
) -> None:
    output, console = tmp_path / "runs", Console(quiet=True)
    run_experiment(small(), output, data=data, methods=["translate-test"], console=console)
    places = {"data": data, **change(data, output)}
    with pytest.raises(NewtongueError, match=f"other settings or files.*{said}") if said else nullcontext():
        run_experiment(small("runs=[{methods: [bare]}]"), output, **places, console=console)
    assert len(read_results([output])) == (2 if said else 4)


def test_without_data_the_command_says_what_to_give(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("NEWTONGUE_DATA", raising=False)
    assert newtongue(monkeypatch, "experiment", "transfer", "--output", str(tmp_path / "runs")) == 2
    assert not (tmp_path / "runs").exists()
    assert "--data" in capsys.readouterr().err


@pytest.mark.parametrize("name,language,said", [("atlas", "de", "tr, ja"), ("data", "qu", "sib200.qu")])
def test_a_language_there_is_nothing_of_is_an_error_that_names_what_lacks(
    data: Path, tmp_path: Path, name: str, language: str, said: str
) -> None:
    settings = load_experiment(name, [*SMALL, f"languages=[{language}]"])
    with pytest.raises(NewtongueError, match=said):
        run_experiment(settings, tmp_path / "runs", data=data, console=Console(quiet=True))


def test_what_a_run_refuses_is_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert newtongue(monkeypatch, "experiment", "atlas", "languages=[de]", "--list") == 2


def test_the_command_lists_what_it_would_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert newtongue(monkeypatch, "experiment", "atlas", "--list", "--seeds", "0", "--methods", "ours,bare") == 0
    assert "12 runs" in capsys.readouterr().out

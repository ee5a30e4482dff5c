"""The report: what beats us stands at the top, what is shown is what was answered, and the page needs nothing else."""

import json
from dataclasses import asdict, replace
from math import inf
from pathlib import Path

import pytest

from newtongue.card.results import read_results as read_card_results
from newtongue_evaluation.measures.alignment import Layers
from newtongue_evaluation.measures.apart import APART
from newtongue_evaluation.measures.geometry import Cloud, Map
from newtongue_evaluation.portrait import Portrait
from newtongue_evaluation.report import table, write_report
from newtongue_evaluation.report.card import card_results
from newtongue_evaluation.report.costs import cost_table
from newtongue_evaluation.report.examples import best_and_worst, rival
from newtongue_evaluation.report.figures import curve
from newtongue_evaluation.report.markdown import as_markdown
from newtongue_evaluation.report.page import render
from newtongue_evaluation.report.summary import Task, summarise
from newtongue_evaluation.results import Cost, Result, Role, Row, write_result

CHROMIUM = Path("/usr/bin/chromium")


def result(method: str, role: Role, right: int, *, seed: int = 0, pairs: int = 100, task: str = "atlas") -> Result:
    """One method that answers the first `right` of 40 questions."""
    rows = tuple(
        Row(
            str(at),
            f"<b>Soru</b> {at} | {'uzun ' * 12}",
            (f"answer {at}",),
            f"answer {at}" if at < right else "no",
            2.0 if at < right else 9.0,
            ("capital", "symbol")[at % 2],
            f"Question {at}",
        )
        for at in range(40)
    )
    cost = Cost(training_seconds=100.0 + right, positions=400 + len(method), characters=1000)
    where = {"hardware": {"processor": "CPU", "cores": 2, "gpu": None}, "versions": {"torch": "2"}}
    return Result(method, task, "tr", rows, role, data={"pairs": pairs}, seed=seed, cost=cost, environment=where)


RESULTS = [
    result("adapter", "ours", 20),
    result("adapter", "ours", 24, seed=1),
    result("adapter", "ours", 8, pairs=10),
    result("LoRA on raw text", "baseline", 36),
    result("LoRA on raw text", "baseline", 4, pairs=10),
    result("bare base on raw text", "control", 2),
    result("translate-test, gold English", "bound", 40),
]
PORTRAIT = Portrait(
    "tr",
    "phi",
    "demo/tr",
    layers={"tatoeba": {"adapter": Layers([0.1, 0.8], [0.0, 0.7], [0.2, 0.5])}},
    soft=Cloud([1.0] * 5, 0.1, 2),
    english=Cloud([1.0] * 5, 0.0, 2),
    map=Map([(0.0, 1.0, "</svg><script>"), (1.0, 2.0, "su")], [(3.0, 1.0, "water")], 0.5),
    nearest=[("su", ["water", "sea"])],
    identical=1.0,
    positions=12,
    per_character={"": 0.3, "phi": 0.6},
    prefill=1.2,
    bytes=10**6,
    parameters=1000,
)


def tasks() -> list[Task]:
    return summarise(RESULTS)


def test_seeds_are_taken_together_and_the_most_data_stands_in_the_table() -> None:
    (task,) = tasks()
    assert [line.method for line in task.lines] == [
        "adapter",
        "LoRA on raw text",
        "translate-test, gold English",
        "bare base on raw text",
    ]
    ours = task.ours
    assert ours is not None
    assert ours.scores["exact match"].value == pytest.approx(0.55)
    assert ours.seeds["exact match"] == [0.5, 0.6]
    assert ours.scores["exact match"].n == 40
    assert len(task.curves) == 6


def test_what_beats_ours_is_found_by_the_paired_difference() -> None:
    (task,) = tasks()
    assert [line.method for line in task.surpassed] == ["LoRA on raw text"]
    ahead = task.surpassed[0].ahead["exact match"]
    assert ahead.value == pytest.approx(0.55 - 0.9)
    assert ahead.high < 0
    assert summarise([RESULTS[0], result("LoRA on raw text", "baseline", 20)])[0].surpassed == []


@pytest.mark.parametrize("count,beaten", [(1, False), (5, False), (6, True)])
def test_too_few_rows_beat_nobody(count: int, beaten: bool) -> None:
    def said(role: Role, answer: str) -> Result:
        rows = tuple(Row(str(at), "?", ("yes",), answer) for at in range(count))
        return Result(role, "mkqa", "tr", rows, role)

    (task,) = summarise([said("ours", "no"), said("baseline", "yes")])
    assert bool(task.surpassed) is beaten


def test_what_beats_ours_with_less_data_is_found_and_told() -> None:
    results = [
        *(result("adapter", "ours", right, pairs=pairs) for right, pairs in ((2, 400), (30, 40_000))),
        *(result("LoRA on raw text", "baseline", right, pairs=pairs) for right, pairs in ((20, 400), (22, 40_000))),
    ]
    (task,) = summarise(results)
    assert [line.title for line in task.surpassed] == ["LoRA on raw text, 400 pairs"]
    told = as_markdown("Report", [task], results, None)
    assert "> **LoRA on raw text, 400 pairs** does better than the adapter" in told
    assert "| adapter, 400 pairs |" in told and "| adapter, 40,000 pairs |" in told
    assert "<b>LoRA on raw text, 400 pairs</b> does better" in render("Report", [task], results, None)


def test_what_methods_cost_stands_beside_their_scores_where_it_is_known() -> None:
    bare = replace(result("bare base on raw text", "control", 2), cost=Cost(characters=1000, positions=500))
    chance = replace(result("chance, the most frequent answer", "control", 1), cost=Cost())
    results = [result("adapter", "ours", 20), bare, chance]
    (task,) = summarise(results)
    head, rows = cost_table(task)
    assert head == ["", "seconds of training", "positions a character"]
    assert list(rows) == [["adapter, 100 pairs", "120", "0.41"], ["bare base on raw text, 100 pairs", "–", "0.50"]]
    assert "| adapter, 100 pairs | 120 | 0.41 |" in as_markdown("Report", [task], results, None)
    assert "<td>0.50</td>" in render("Report", [task], results, None)
    uncosted = [replace(one, cost=Cost()) for one in results]
    assert "cost" not in as_markdown("Report", summarise(uncosted), uncosted, None)


def test_scores_hold_the_numbers_of_the_portrait_and_none_of_its_text(tmp_path: Path) -> None:
    write_result(RESULTS[0], tmp_path)
    PORTRAIT.write(tmp_path)
    write_report(tmp_path, "Report")
    text = (tmp_path / "scores.json").read_text()
    looked_at = json.loads(text)["portrait"]
    assert looked_at["layers"]["tatoeba"]["adapter"]["own"] == [0.1, 0.8]
    assert (looked_at["soft"]["anisotropy"], looked_at["identical"], looked_at["per_character"][""]) == (0.1, 1.0, 0.3)
    assert "water" not in text and "demo/tr" not in text


def test_one_soft_token_alone_has_no_anisotropy_and_leaves_whole_json(tmp_path: Path) -> None:
    write_result(RESULTS[0], tmp_path)
    replace(PORTRAIT, soft=Cloud([1.0] * 5, None, 1)).write(tmp_path)
    write_report(tmp_path, "Report")
    assert json.loads((tmp_path / "scores.json").read_text())["portrait"]["soft"]["anisotropy"] is None
    assert "| soft tokens: median norm, anisotropy | 1.00, – |" in (tmp_path / "report.md").read_text()
    assert "<td>–</td></tr>\n<tr><td>English embeddings" in (tmp_path / "report.html").read_text()


def test_scores_by_kind_of_question_stand_beside_the_whole(tmp_path: Path) -> None:
    for one in RESULTS[:2]:  # The first 20, or 24, of 40 are right, the kinds in turn.
        write_result(one, tmp_path)
    write_report(tmp_path, "Report")
    (task,) = json.loads((tmp_path / "scores.json").read_text())["tasks"]
    assert {name: (one["value"], one["n"]) for name, one in task["methods"][0]["by_group"].items()} == {
        "capital": (0.55, 20),
        "symbol": (0.55, 20),
    }


def test_scores_name_once_the_settings_that_methods_share(tmp_path: Path) -> None:
    shared = {"tune": {"rank": 4}}
    for one in RESULTS[:3]:
        own = {"method": one.method, "budget": None, "learned": "tr", "parts": ["atlas-en"]}
        write_result(replace(one, settings={**shared, **own}), tmp_path)
    write_report(tmp_path, "Report")
    assert json.loads((tmp_path / "scores.json").read_text())["settings"] == [shared]


def test_answers_that_are_not_the_same_in_english_are_scored_apart() -> None:
    gold = {"1": ("Ankara", "Ankara"), "2": ("1923", "1923"), "3": ("İran", "Iran"), "4": ("memeli", "mammal")}
    said = {"1": "Ankara", "2": "1923", "3": "Irak", "4": "memeli"}

    def asked(answered_in: str) -> Result:
        rows = tuple(
            Row(key, "?", (own if answered_in == "tr" else english,), said[key]) for key, (own, english) in gold.items()
        )
        return Result("adapter", "mkqa", "tr", rows, role="ours", answered_in=answered_in)

    english, turkish = summarise([asked("en"), asked("tr")])
    assert APART not in english.lines[0].scores
    assert turkish.lines[0].scores["exact match"].value == 0.75
    apart = turkish.lines[0].scores[APART]
    assert (apart.value, apart.n) == (0.5, 2)
    (alone,) = summarise([asked("tr")])  # Nobody says what is the same in English.
    assert APART not in alone.lines[0].scores


def test_rows_of_others_that_want_another_answer_are_not_paired_with_ours() -> None:
    ours, other = RESULTS[0], result("LoRA on raw text", "baseline", 36)
    changed = [replace(row, gold=(f"other {row.key}",)) for row in other.rows]
    (some,) = summarise([ours, replace(other, rows=(*other.rows[:20], *changed[20:]))])
    assert some.lines[1].ahead["exact match"].n == 20
    assert some.lines[1].ahead["exact match"].value == 0
    (none,) = summarise([ours, replace(other, rows=tuple(changed))])
    assert not none.lines[1].ahead


def test_a_question_in_english_bounds_no_answers_in_the_language() -> None:
    bound = result("translate-test, gold English", "bound", 4)
    found = summarise([replace(one, answered_in=language) for one in (RESULTS[0], bound) for language in ("en", "tr")])
    assert {one.answered_in: [line.role for line in one.lines] for one in found} == {
        "en": ["ours", "bound"],
        "tr": ["ours", "control"],
    }


def test_another_of_ours_stands_beside_the_first_of_them() -> None:
    (task,) = summarise([*RESULTS, result("adapter that writes", "ours", 4)])
    first, other = task.lines[:2]
    assert (first.method, other.method, task.ours) == ("adapter", "adapter that writes", first)
    assert not first.ahead
    assert other.ahead["exact match"].value == pytest.approx(
        first.scores["exact match"].value - other.scores["exact match"].value
    )


def test_a_curve_varies_one_kind_of_data_and_ends_with_all_there_is() -> None:
    amounts = [{"text": 9, "pairs": 90}, {"text": 90, "pairs": 90}, {"text": 90, "pairs": 9}, {"text": 90}, {"text": 9}]
    ours = [replace(result("adapter", "ours", at), data=data) for at, data in enumerate(amounts)]
    lora = [replace(result("LoRA", "baseline", at), data=data) for at, data in enumerate(amounts[1:4])]
    results = [*ours, *lora, replace(result("bare base", "control", 2), data={})]
    (task,), (turned,) = summarise(results), summarise(results[::-1])
    assert [task.along(kind) for kind in task.varied] == [turned.along(kind) for kind in turned.varied]
    drawn = {
        kind: {name: [(one.amount("text"), one.amount("pairs")) for one in lines] for name, lines in found.items()}
        for kind, found in ((kind, task.along(kind)) for kind in task.varied)
    }
    assert drawn == {
        "pairs": {"adapter": [(90, 9), (90, 90), (90, inf)], "LoRA": [(90, 9), (90, 90), (90, inf)]},
        "text": {"adapter": [(9, inf), (90, inf)], "LoRA": [(90, inf)]},
    }
    assert [line.data for line in task.lines] == [(("text", 90),), (("text", 90),), ()]
    assert "all" in curve(task, "pairs", task.headlines[0])


def test_examples_are_of_rows_that_ours_did_best_and_worst_on() -> None:
    (task,) = tasks()
    best, worst = best_and_worst(task)
    assert rival(task).method == "LoRA on raw text"  # type: ignore[union-attr]
    assert all(one.right for one in best)
    assert not any(one.right for one in worst)
    assert len({one.gold for one in (*best, *worst)}) == len(best) + len(worst) == 12


def test_an_example_stands_beside_nothing_that_was_asked_otherwise() -> None:
    ours, other = result("adapter", "ours", 40), result("LoRA on raw text", "baseline", 40)
    moved = tuple(replace(row, gold=("else",), answer="else") for row in other.rows)
    for rows, said in ((other.rows, True), (moved, False)):
        (task,) = summarise([ours, replace(other, rows=rows)])
        assert {bool(one.theirs) for one in best_and_worst(task)[0]} == {said}


def test_the_report_is_one_page_that_needs_nothing_else(tmp_path: Path) -> None:
    for one in RESULTS:
        write_result(one, tmp_path)
    PORTRAIT.write(tmp_path)
    write_report(tmp_path, "Turkish for phi")
    page = (tmp_path / "report.html").read_text()
    assert "<script" not in page
    assert not any(outside in page for outside in ("src=", "@import", "url(http", "<link"))
    assert "&lt;b&gt;Soru" in page
    assert '<td dir="auto" lang="tr">&lt;b&gt;Soru' in page
    assert '<td data-name="ours" dir="auto" lang="en"' in page
    assert page.index("does better than the adapter") < page.index("<h2>")
    assert page.count("<svg") >= 6  # Layers, retrieval, map, curves, cost.
    markdown = (tmp_path / "report.md").read_text()
    assert "does better than the adapter" in markdown
    assert "<" not in markdown
    assert "| adapter, 100 pairs | 0.55 (" in markdown
    read = Portrait.read(tmp_path)
    assert read is not None
    assert json.dumps(asdict(read)) == json.dumps(asdict(PORTRAIT))


def test_what_is_kept_of_a_report_holds_scores_and_no_text(tmp_path: Path) -> None:
    write_result(RESULTS[0], tmp_path)
    write_report(tmp_path, "Turkish")
    text = (tmp_path / "scores.json").read_text()
    assert "Soru" not in text
    method = json.loads(text)["tasks"][0]["methods"][0]
    assert method["scores"]["exact match"]["value"] == 0.5
    assert method["cost"]["training_seconds"] == 120.0


def test_of_another_folder_stands_beside_what_is_not_here_and_no_other_adapter(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for one in (RESULTS[0], result("bare base on raw text", "control", 2)):
        write_result(one, here)
    for one in (
        result("adapter", "ours", 4, seed=1),
        result("adapter that writes", "ours", 40),
        result("bare base on raw text", "control", 10, seed=1),
        result("LoRA on raw text", "baseline", 36),
    ):
        write_result(one, there)
    (task,) = write_report(here, "Turkish", [there])
    assert [(line.method, line.scores["exact match"].value) for line in task.lines] == [
        ("adapter", 0.5),
        ("LoRA on raw text", 0.9),
        ("bare base on raw text", 0.05),
    ]


def test_the_same_results_make_the_same_page(tmp_path: Path) -> None:
    write_result(RESULTS[0], tmp_path)
    PORTRAIT.write(tmp_path)
    pages = []
    for _ in range(2):
        write_report(tmp_path, "Turkish")
        pages.append((tmp_path / "report.html").read_text())
    assert pages[0] == pages[1]


def test_the_card_takes_ours_with_all_else_as_controls() -> None:
    rows = card_results(tasks(), "newtongue evaluate demo/tr")
    read = read_card_results({"results": rows})
    assert [one.metric for one in read] == ["exact match", "bits per byte"]
    assert read[0].value == pytest.approx(0.55)
    assert read[0].controls["LoRA on raw text"] == pytest.approx(0.9)
    assert "adapter" not in read[0].controls


def test_cells_of_a_table_do_not_break_it() -> None:
    assert table(["a", "b"], [["x|y\nz", None], [0.5, 3]]) == "| a | b |\n| --- | --- |\n| x\\|y z | – |\n| 0.50 | 3 |"


def test_no_html_gets_into_a_table_by_a_cell_or_a_head() -> None:
    head, _, row = table(["<i>|", "b"], [["<img src=x>", 1]]).splitlines()
    assert (head, row) == ("| &lt;i>\\| | b |", "| &lt;img src=x> | 1 |")


def test_the_page_fits_a_phone(tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"no browser at {CHROMIUM}")
    for one in RESULTS:
        write_result(one, tmp_path)
    PORTRAIT.write(tmp_path)
    write_report(tmp_path, "Turkish for phi")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 360, "height": 800})
        page.goto((tmp_path / "report.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        browser.close()

"""Measures of answers against values worked out by hand, in the three languages."""

import math

import numpy as np
import pytest

from newtongue_evaluation.measures.answered import ANSWERS, bits_per_byte, measured, measures_of
from newtongue_evaluation.measures.fidelity import copied
from newtongue_evaluation.measures.intervals import difference, score
from newtongue_evaluation.measures.spoken import in_language
from newtongue_evaluation.measures.text import chrf, exact, exact_match, f1, tokens
from newtongue_evaluation.results import Result, Row


@pytest.mark.parametrize(
    "text,language,expected",
    [
        ("The  Eiffel Tower!", "en", ["eiffel", "tower"]),
        ("a", "en", ["a"]),
        ("The A-team", "en", ["a", "team"]),
        ("İSTANBUL", "tr", ["istanbul"]),
        ("IĞDIR'da", "tr", ["ığdır", "da"]),
        ("ISPARTA", "en", ["isparta"]),
        ("the cat", "tr", ["the", "cat"]),
        ("東京タワー、1958年。", "ja", [*"東京タワー", "1958", "年"]),
        ("ﾊﾟﾘ ＡＢＣ", "ja", ["パ", "リ", "abc"]),
        ("...", "en", ["..."]),
        ("", "ja", []),
    ],
)
def test_tokens(text: str, language: str, expected: list[str]) -> None:
    assert tokens(text, language) == expected


@pytest.mark.parametrize(
    "answer,gold,language,same",
    [
        ("paris.", ["Paris"], "en", True),
        ("the Seine", ["Seine"], "en", True),
        ("Lima", ["Quito", "lima"], "en", True),
        ("ispanya", ["İspanya"], "tr", True),
        ("ıspanya", ["İspanya"], "tr", False),
        ("東 京", ["東京"], "ja", True),
        ("", ["Paris"], "en", False),
        ("A", ["B"], "en", False),
        ('"The" Beatles', ["Beatles"], "en", True),
        ("A-1", ["1"], "en", False),
        ("U.S.A.", ["U.S."], "en", False),
        ("A/C", ["C"], "en", False),
    ],
)
def test_exact(answer: str, gold: list[str], language: str, same: bool) -> None:
    assert exact(answer, gold, language) == same


@pytest.mark.parametrize(
    "answer,gold,language,expected",
    [
        ("the red car", ["a red bicycle"], "en", 0.5),
        ("red red car", ["red car"], "en", 0.8),
        ("東京都", ["東京"], "ja", 0.8),
        ("1964-02-09", ["2014-02-09"], "ja", 2 / 3),
        ("", ["x"], "en", 0.0),
        ("x", ["y", "x z"], "en", 2 / 3),
    ],
)
def test_f1(answer: str, gold: list[str], language: str, expected: float) -> None:
    assert f1(answer, gold, language) == pytest.approx(expected)


@pytest.mark.parametrize("answers,gold", [([], []), (["a"], ["a", "b"])])
def test_exact_match_needs_one_answer_for_each_gold_one(answers: list[str], gold: list[str]) -> None:
    with pytest.raises(ValueError, match="one for each"):
        exact_match(answers, gold, "en")


def test_exact_match_is_a_share() -> None:
    assert exact_match(["Paris", "Rome"], ["paris", "Oslo"], "en") == 0.5


def test_chrf_is_1_for_the_same_and_0_for_nothing_alike() -> None:
    assert chrf("東京タワー", ["東京タワー"]) == 1.0
    assert chrf("xyz", ["東京タワー"]) == 0.0


@pytest.mark.parametrize(
    "question,gold,answer,found",
    [
        ("1886'da başkan kimdi?", "In 1886, Cleveland", "1886", (1, 1)),
        ("1886'da başkan kimdi?", "In 1886, Cleveland", "1887", (0, 1)),
        ("Glee dizisi ve Fox 21 hakkında", "Glee ran on Fox 21", "glee, 21", (2, 3)),
        ("IBMの本社は?", "IBM is in Armonk", "ibm", (1, 1)),
        ("Paris'in nüfusu", "Paris has many", "Paris", (1, 1)),
        ("Başkent neresi?", "Paris", "Paris", None),
        ("su soğuk", "su", "su", None),
    ],
)
def test_copied(question: str, gold: str, answer: str, found: tuple[int, int] | None) -> None:
    assert copied(question, gold, answer) == found


def test_the_language_of_an_answer_is_asked_only_where_that_of_the_gold_one_can_be_told() -> None:
    turkish, english = "Türkiye'nin başkenti Ankara'dır.", "The capital of Turkey is Ankara."
    assert in_language(turkish, turkish, "tr") == 1.0
    assert in_language(english, turkish, "tr") == 0.0
    assert in_language(turkish, "4", "tr") is None


def test_bits_per_byte_counts_bytes_not_letters() -> None:
    assert bits_per_byte(math.log(2) * 6, "東京") == 1.0


def test_a_measure_says_nothing_of_rows_it_cannot_judge() -> None:
    rows = (
        Row("1", "?", ("Paris",), answer="Paris"),
        Row("2", "?", ("東京",), nats=math.log(2) * 12),
        Row("3", "?", ("Rome",), answer="x", nats=math.log(2) * 4, scores={"near": 1.0}),
    )
    result = Result("adapter", "atlas", "tr", rows)
    by_name = {one.name: measured(result, one).tolist() for one in measures_of(result)}
    assert by_name["exact match"] == [[1, 1], [0, 0], [0, 1]]
    assert np.allclose(by_name["bits per byte"], [[0, 0], [12, 6], [4, 4]])
    assert by_name["near"] == [[0, 0], [0, 0], [1, 1]]
    assert len(by_name) == len(ANSWERS) + 1


def test_an_interval_is_that_of_the_binomial() -> None:
    rows = np.array([[1.0, 1.0]] * 300 + [[0.0, 1.0]] * 100 + [[0.0, 0.0]] * 50)
    found = score(rows)
    assert found is not None
    spread = 1.96 * math.sqrt(0.75 * 0.25 / 400)
    assert (found.value, found.n) == (0.75, 400)
    assert found.low == pytest.approx(0.75 - spread, abs=0.01)
    assert found.high == pytest.approx(0.75 + spread, abs=0.01)


def test_a_ratio_weighs_rows_by_their_size() -> None:
    found = score(np.array([[8.0, 4.0], [0.0, 12.0]]))
    assert found is not None
    assert found.value == 0.5


def test_rows_of_one_subject_are_drawn_together() -> None:
    chooser = np.random.default_rng(0)
    facts = np.stack([chooser.random(60) < 0.5, np.ones(60)], 1).astype(float)
    worded, subjects = facts.repeat(10, axis=0), [str(at // 10) for at in range(600)]
    fact, apart, together = score(facts), score(worded), score(worded, subjects)
    assert fact and apart and together
    assert (together.low, together.high, together.n) == (fact.low, fact.high, 600)
    assert apart.high - apart.low < 0.5 * (fact.high - fact.low)
    others = np.stack([worded[:, 0] * (chooser.random(600) < 0.5), np.ones(600)], 1)
    ahead, surer = difference(worded, others, subjects), difference(worded, others)
    assert ahead and surer
    assert ahead.value == surer.value
    assert ahead.high - ahead.low > 1.2 * (surer.high - surer.low)


def test_rows_that_stand_alone_are_drawn_as_ever() -> None:
    chooser = np.random.default_rng(1)
    rows, others = chooser.random((2, 50, 2))
    rows[7] = 0.0
    for subjects in ([""] * 50, [str(-at) for at in range(50)]):
        assert score(rows, subjects) == score(rows)
        assert difference(rows, others, subjects) == difference(rows, others)
    drawn = np.random.default_rng(0).multinomial(49, np.full(49, 1 / 49), 2000) @ rows[rows[:, 1] > 0]
    found = score(rows)
    assert found
    assert [found.low, found.high] == np.quantile(drawn[:, 0] / drawn[:, 1], [0.025, 0.975]).tolist()
    with pytest.raises(ValueError, match="3 subjects for 50 rows"):
        score(rows, ["a", "b", "c"])


def test_a_paired_difference_is_surer_than_two_scores_apart() -> None:
    chooser = np.random.default_rng(0)
    hard = chooser.random(500) < 0.5
    ours = np.stack([hard | (chooser.random(500) < 0.1), np.ones(500)], 1).astype(float)
    theirs = np.stack([hard, np.ones(500)], 1).astype(float)
    apart = difference(ours, theirs)
    assert apart is not None
    assert 0 < apart.low < apart.value < apart.high < 0.1
    assert difference(theirs, theirs).value == 0.0  # type: ignore[union-attr]
    assert difference(ours, np.zeros((500, 2))) is None
    assert score(np.zeros((5, 2))) is None

"""Gathering: budgets, weights, duplicates, held-out questions, and the cache."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tiny
from newtongue import NewtongueError
from newtongue_recipes.data import Data, Source, gather
from newtongue_recipes.data.tokens import count_tokens


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


def lines(path: Path, texts: list[str], **source: Any) -> Source:
    path.write_text("\n".join(texts) + "\n")
    return Source(path=str(path), **source)


def asked(path: Path, numbers: list[int]) -> Source:
    path.write_text("".join(json.dumps({"question": f"Soru {n}?", "answer": f"Cevap {n}."}) + "\n" for n in numbers))
    return Source(path=str(path))


def questions(rows: list[Any]) -> set[str]:
    return {row[0]["content"] for row in rows}


@given(st.integers(15, 400))
def test_a_budget_is_kept_and_nearly_used_up(tmp_path: Path, budget: int) -> None:
    tokenizer = tiny.base_tokenizer()
    source = lines(tmp_path / "a.txt", [f"Satır {number}." for number in range(100)])
    gathered = gather(Data(text=[source], tokens=budget), "text", "tr", tokenizer=tokenizer)
    sizes = count_tokens(tokenizer, gathered.rows)
    assert gathered.table["tokens"][:] == sizes
    assert budget - 20 < sum(sizes) <= budget or len(gathered.rows) == 100
    assert gathered.counts[0].ended == ("end" if len(gathered.rows) == 100 else "budget")
    assert gathered.counts[0].read == len(gathered.rows)


def test_a_budget_that_cannot_be_kept_is_refused(tmp_path: Path) -> None:
    source = lines(tmp_path / "a.txt", ["Bir satır."])
    with pytest.raises(NewtongueError, match=r"no tokenizer of a base.*data\.tokens=null"):
        gather(Data(text=[source], tokens=10), "text", "tr")
    with pytest.raises(NewtongueError, match="no room for the first row"):
        gather(Data(text=[source], tokens=1), "text", "tr", tokenizer=tiny.base_tokenizer())


def test_held_out_questions_are_not_paid_for_by_the_budget(tmp_path: Path) -> None:
    data = Data(questions=[asked(tmp_path / "a.jsonl", list(range(50)))], held_out=0.3)
    tokenizer = tiny.base_tokenizer()
    whole = gather(data, "questions", "tr", tokenizer=tokenizer)
    sides = zip(whole.table["tokens"][:], whole.table["side"][:], strict=True)
    exact = sum(size for size, side in sides if side == "train")
    again = gather(data.model_copy(update={"tokens": exact}), "questions", "tr", tokenizer=tokenizer)
    assert again.rows == whole.rows
    assert whole.held_out


@pytest.mark.parametrize("weight", [0.25, 1.0, 4.0])
def test_sources_are_mixed_by_weight_until_all_are_read(weight: float, tmp_path: Path) -> None:
    one = lines(tmp_path / "a.txt", [f"a {number}" for number in range(400)])
    two = lines(tmp_path / "b.txt", [f"b {number}" for number in range(400)], weight=weight)
    rows = gather(Data(text=[one, two]), "text", "tr").rows
    assert len(rows) == 800
    share = sum(row.startswith("b") for row in rows[:300]) / 300
    assert abs(share - weight / (1 + weight)) < 0.1
    for letter in "ab":
        assert [row for row in rows if row[0] == letter] == [f"{letter} {number}" for number in range(400)]


def test_the_seed_decides_the_mix(tmp_path: Path) -> None:
    both = [lines(tmp_path / f"{one}.txt", [f"{one} {number}" for number in range(50)]) for one in "ab"]
    first, same, other = (gather(Data(text=both), "text", "tr", seed=seed).rows for seed in (0, 0, 1))
    assert first == same != other
    assert sorted(first) == sorted(other)


def test_duplicates_are_dropped_across_sources_whatever_their_case_width_and_space(tmp_path: Path) -> None:
    one = lines(tmp_path / "a.txt", ["Su akar.", "Su  AKAR.", "Ｓu akar."])
    two = lines(tmp_path / "b.txt", ["su akar. ", "Taş durur."])
    gathered = gather(Data(text=[one, two]), "text", "tr")
    assert len(gathered.rows) == 2
    assert [counts.dropped for counts in gathered.counts] == [{"duplicate": 2}, {"duplicate": 1}]
    assert len(gather(Data(text=[one, two], deduplicate=False), "text", "tr").rows) == 5


def test_a_source_that_only_repeats_another_is_an_error(tmp_path: Path) -> None:
    both = [lines(tmp_path / f"{one}.txt", ["Su akar."]) for one in "ab"]
    with pytest.raises(NewtongueError, match=r"b\.txt.*1 duplicate.*Remove the source"):
        gather(Data(text=both), "text", "tr")


def test_lengths_are_of_the_texts_in_the_language_and_no_english_side_is_longer(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    rows = [("long " * 9, "su"), ("w", "uzun " * 9), ("a stone", "taş"), ("no stone " * 3, "kaş")]
    path.write_text("".join(json.dumps({"english": english, "other": other}) + "\n" for english, other in rows))
    gathered = gather(Data(pairs=[Source(path=str(path))], shortest=3, longest=20), "pairs", "tr")
    assert [row.other for row in gathered.rows] == ["taş"]
    assert gathered.counts[0].dropped == {"too short": 1, "too long": 2}


@given(st.permutations(range(40)), st.integers(0, 40))
def test_a_question_stays_on_its_side_when_rows_move_and_others_come(
    tmp_path: Path, order: list[int], more: int
) -> None:
    whole = Data(questions=[asked(tmp_path / "a.jsonl", list(range(40)))], held_out=0.25)
    fewer = Data(questions=[asked(tmp_path / "b.jsonl", [*order, *range(40, 40 + more)])], held_out=0.25)
    first, second = (gather(data, "questions", "tr") for data in (whole, fewer))
    assert questions(first.held_out) <= questions(second.held_out)
    assert questions(first.rows) <= questions(second.rows)
    assert not questions(second.rows) & questions(second.held_out)


def test_held_out_questions_do_not_come_back_as_text(tmp_path: Path) -> None:
    source = asked(tmp_path / "a.jsonl", list(range(50)))
    data = Data(text=[source], questions=[source], held_out=0.3)
    kept_back = questions(gather(data, "questions", "tr").held_out)
    text = gather(data, "text", "tr")
    assert kept_back
    assert not any(row.split("\n")[0] in kept_back for row in text.rows)
    assert text.counts[0].dropped == {"held out for the exam": len(kept_back)}


def said(user: str, assistant: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": user}, {"role": "assistant", "content": assistant}]


@pytest.mark.parametrize("after", [[], [{"type": "text", "text": " Answer in English."}]], ids=["alone", "instructed"])
def test_the_share_asked_for_is_held_out_whatever_follows_the_question(after: list[Any], tmp_path: Path) -> None:
    asks = [[{"type": "text", "text": f"Soru {n}?", "language": "tr"}, *after] for n in range(400)]
    rows = [{"messages": [{"role": "user", "content": one}, said("", "a")[1]]} for one in asks]
    source = lines(tmp_path / "a.jsonl", [json.dumps(row) for row in rows])
    assert 20 <= len(gather(Data(questions=[source], held_out=0.1), "questions", "tr").held_out) <= 60


def test_a_held_out_question_is_not_asked_later_on(tmp_path: Path) -> None:
    rows = [{"messages": [*said(f"Soru {n}?", "a"), *said(f"Soru {n + 1}?", "b")]} for n in range(100)]
    source = lines(tmp_path / "a.jsonl", [json.dumps(row) for row in rows])
    gathered = gather(Data(questions=[source], held_out=0.3), "questions", "tr")
    kept_back = questions(gathered.held_out)
    assert kept_back
    assert gathered.rows
    assert not any(turn["content"] in kept_back for row in gathered.rows for turn in row)
    assert gathered.counts[0].dropped == {"held out question later on": 100 - len(gathered.rows) - len(kept_back)}


@pytest.mark.parametrize(
    "kind,columns",
    [("text", {"text": "question"}), ("text", {"text": "both"}), ("pairs", {"other": "question", "english": "answer"})],
    ids=["a text", "a line of a text", "a pair"],
)
def test_a_held_out_question_is_no_text_and_no_pair(kind: Any, columns: dict[str, str], tmp_path: Path) -> None:
    asks = [f"Soru {n}?" for n in range(60)]
    rows = [{"question": one.upper(), "answer": f"{one} a", "both": f"Yanıt ne?\n{one}"} for one in asks]
    other = lines(tmp_path / "b.jsonl", [json.dumps(row) for row in rows], columns=columns)
    data = Data(questions=[asked(tmp_path / "a.jsonl", list(range(0, 60, 2)))], held_out=0.3, **{kind: [other]})
    kept_back = gather(data, "questions", "tr").held_out
    gathered = gather(data, kind, "tr")
    assert kept_back
    assert gathered.counts[0].dropped == {"held out for the exam": len(kept_back)}
    asked(tmp_path / "a.jsonl", list(range(100, 160)))
    assert gather(data, kind, "tr").counts[0].dropped == {}


def test_what_was_read_comes_from_the_cache_until_a_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = lines(tmp_path / "a.txt", ["bir", "iki"])
    first = gather(Data(text=[source]), "text", "tr", tokenizer=tiny.base_tokenizer())
    with monkeypatch.context() as patched:
        patched.setattr("newtongue_recipes.data.stream.read_rows", lambda source: pytest.fail("read again"))
        again = gather(Data(text=[source]), "text", "tr", tokenizer=tiny.base_tokenizer())
    assert (again.rows, again.counts) == (first.rows, first.counts)
    lines(tmp_path / "a.txt", ["bir", "iki", "üç"])
    assert len(gather(Data(text=[source]), "text", "tr", tokenizer=tiny.base_tokenizer()).rows) == 3


def test_an_error_is_not_cached(tmp_path: Path) -> None:
    source = lines(tmp_path / "a.txt", ["\0"])
    for _ in range(2):
        with pytest.raises(NewtongueError, match="1 read, 1 NUL character"):
            gather(Data(text=[source]), "text", "tr")


@pytest.mark.parametrize(
    "breaks,said",
    [
        pytest.param("stream.shape", r"a\.txt.* line 1: KeyError: 'odd'", id="row"),
        pytest.param("stream.count_tokens", r"from .*a\.txt .*: KeyError: 'odd'", id="tokenizer"),
    ],
)
def test_whatever_goes_wrong_names_the_source(
    breaks: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*given: object) -> None:
        raise KeyError("odd")

    monkeypatch.setattr(f"newtongue_recipes.data.{breaks}", broken)
    with pytest.raises(NewtongueError, match=said):
        gather(Data(text=[lines(tmp_path / "a.txt", ["bir"])]), "text", "tr", tokenizer=tiny.base_tokenizer())


def test_no_sources_give_no_rows() -> None:
    assert gather(Data(), "pairs", "tr").rows == []

"""Shapes of rows: what each becomes for each kind, and the reason where it becomes nothing."""

from contextlib import nullcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from newtongue_recipes.atlas import turkish
from newtongue_recipes.data import Data, Source
from newtongue_recipes.data.shapes import own_texts, shape
from newtongue_recipes.data.texts import Unusable, clean, digest, is_held_out, same_language

USER = {"role": "user", "content": "Su nedir?", "language": "tr"}
ANSWER = {"role": "assistant", "content": "Bir sıvı."}
READ = {"role": "user", "content": "Su nedir?"}
CONTEXT = [{"type": "text", "text": text, "language": "tr"} for text in ("Su akar.", "Su nedir?")]
SAY = {"type": "text", "text": "Repeat: "}


def made(row: dict[str, Any], kind: Any, **source: Any) -> Any:
    return shape(row, Source(path="a.jsonl", **source), kind, "tr").row


@pytest.mark.parametrize(
    "row,expected",
    [
        pytest.param({"inputs": "Su nedir?", "targets": "Bir sıvı.", "language_code": "tur"}, [USER, ANSWER], id="Aya"),
        pytest.param({"prompt": " Su nedir?\n", "completion": "Bir sıvı."}, [USER, ANSWER], id="prompt"),
        pytest.param({"prompt": [READ], "completion": [ANSWER]}, [USER, ANSWER], id="prompt of messages"),
        pytest.param({"question": "Su nedir?", "answer": "Bir sıvı.", "context": ""}, [USER, ANSWER], id="question"),
        pytest.param(
            {"question": "Su nedir?", "answer": "Bir sıvı.", "context": " "}, [USER, ANSWER], id="blank context"
        ),
        pytest.param(
            {"question": "Su nedir?", "answer": "Bir sıvı.", "context": float("nan")}, [USER, ANSWER], id="no context"
        ),
        pytest.param(
            {"question": "Su nedir?", "answer": "Bir sıvı.", "context": "Su akar."},
            [{"role": "user", "content": CONTEXT}, ANSWER],
            id="question with its context",
        ),
        pytest.param({"messages": [READ, ANSWER]}, [USER, ANSWER], id="messages"),
        *(
            pytest.param({"messages": [{"role": "system", "content": one}, READ, ANSWER]}, [USER, ANSWER], id=repr(one))
            for one in ("", " ", None, [])
        ),
        pytest.param(
            {"messages": [{"role": "user", "content": [SAY, CONTEXT[0]]}, ANSWER]},
            [{"role": "user", "content": [SAY, CONTEXT[0]]}, ANSWER],
            id="messages that say what is in the language",
        ),
        pytest.param(
            {"messages": [{**READ, "language": "en"}, ANSWER]}, [READ, ANSWER], id="messages in the base's language"
        ),
        pytest.param(
            {"messages": [{**READ, "content": [{"type": "text", "text": "Su nedir?"}], "language": "en"}, ANSWER]},
            [READ, ANSWER],
            id="parts in the base's language",
        ),
        pytest.param(
            {"messages": [READ, {**ANSWER, "content": [{**SAY, "language": "en"}, SAY]}]},
            [USER, {**ANSWER, "content": "Repeat: Repeat:", "language": "en"}],
            id="parts of an answer in another language",
        ),
        pytest.param(
            {"messages": [READ, {**ANSWER, "content": [{**CONTEXT[0], "language": "tur"}], "thought": " It flows."}]},
            [USER, {**ANSWER, "content": "Su akar.", "language": "tr", "thought": "It flows."}],
            id="parts of an answer in the language, and a thought",
        ),
        pytest.param(
            {"messages": [READ, {**ANSWER, "content": [SAY, CONTEXT[0]], "thought": "It flows."}]},
            [USER, {**ANSWER, "content": [SAY, CONTEXT[0]], "thought": "It flows."}],
            id="parts of an answer in two languages, and a thought",
        ),
    ],
)
def test_questions(row: dict[str, Any], expected: Any) -> None:
    assert made(row, "questions") == expected


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)),
    st.sampled_from([{}, {"language": "en"}]),
)
def test_parts_that_are_not_in_the_language_are_the_text_that_they_make(texts: list[str], said: dict[str, str]) -> None:
    """Most templates take nothing else, and write parts as Python does."""
    texts = ["Su ", *texts]
    parts = [{"type": "text", "text": text} for text in texts]
    for roles in (("user", "assistant"), ("system", "user", "assistant")):
        whole, parted = (
            [READ if role == "user" else {"role": role, "content": content, **said} for role in roles]
            for content in ("".join(texts), parts)
        )
        assert made({"messages": parted}, "questions") == made({"messages": whole}, "questions")


@pytest.mark.parametrize(
    "row,expected",
    [
        pytest.param({"source": "water", "target": "su"}, ["water", "su", False], id="source and target"),
        pytest.param({"english": "water", "other": "su", "aligned": True}, ["water", "su", True], id="aligned"),
        pytest.param({"translation": {"en": "water", "tr": "su"}}, ["water", "su", False], id="translation"),
        pytest.param({"translation": {"eng_Latn": "water", "tur_Latn": "su"}}, ["water", "su", False], id="long tags"),
        pytest.param({"tr": "su", "en": "water", "id": "7"}, ["water", "su", False], id="a column a language"),
    ],
)
def test_pairs(row: dict[str, Any], expected: Any) -> None:
    assert made(row, "pairs") == expected


@pytest.mark.parametrize("yes", [True, 1, 1.0, "1", "1.0", "True", " yes "], ids=repr)
@pytest.mark.parametrize("no", [False, 0, 0.0, "0", "0.0", "false", "no", "", None, float("nan")], ids=repr)
def test_aligned_is_told_however_it_is_written(yes: Any, no: Any) -> None:
    pair = {"english": "water", "other": "su"}
    assert [made({**pair, "aligned": value}, "pairs")[2] for value in (yes, no)] == [True, False]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param([{**CONTEXT[1]}, {"type": "text", "text": "Answer in English."}], id="an instruction after it"),
        pytest.param([SAY, CONTEXT[1]], id="an instruction before it"),
        pytest.param("Su nedir?", id="alone"),
    ],
)
def test_what_is_asked_is_what_is_in_the_language(content: Any) -> None:
    row = {"messages": [{"role": "user", "content": content}, ANSWER, {**READ, "language": "en"}, ANSWER]}
    found = shape(row, Source(path="a.jsonl"), "questions", "tr").asks
    assert found == ("Su nedir?", "Su nedir?")


@pytest.mark.parametrize(
    "row,expected",
    [
        pytest.param({"text": " Su akar. "}, "Su akar.", id="text"),
        pytest.param({"source": "water", "target": "su"}, "su", id="the other side of a pair"),
        pytest.param({"tr": "su"}, "su", id="one side alone"),
        pytest.param({"inputs": "Su nedir?", "targets": "Bir sıvı."}, "Su nedir?\nBir sıvı.", id="question and answer"),
        pytest.param({"messages": [READ, ANSWER]}, "Su nedir?\nBir sıvı.", id="messages"),
        pytest.param(
            {
                "messages": [
                    {"role": "system", "content": "Be kind.", "language": "tr"},
                    {"role": "user", "content": [SAY, CONTEXT[0]]},
                    {"role": "assistant", "content": "Water.", "language": "en"},
                    READ,
                    {"role": "assistant", "content": [SAY, {**SAY, "language": "eng"}], "language": "tr"},
                    {**READ, "content": "What is it?", "language": "en"},
                    {**ANSWER, "language": "tur"},
                ]
            },
            "Su akar.\nSu nedir?\nBir sıvı.",
            id="messages in two languages",
        ),
    ],
)
def test_any_shape_gives_its_text(row: dict[str, Any], expected: str) -> None:
    assert made(row, "text") == expected


@pytest.mark.parametrize(
    "row,kind,reason",
    [
        pytest.param({"question": "Su?", "answer": " "}, "questions", "no answer", id="empty answer"),
        pytest.param({"question": "Su?"}, "questions", "no answer", id="no column for it"),
        pytest.param({"question": None, "answer": "a"}, "questions", "no question", id="null"),
        pytest.param({"question": "Su?", "answer": 7}, "questions", "answer not text (int)", id="mixed types"),
        pytest.param({"text": ["Su"]}, "text", "text not text (list)", id="a list for a text"),
        pytest.param({"messages": [READ]}, "questions", "no answer", id="a question is last"),
        pytest.param({"messages": [ANSWER]}, "questions", "no question", id="no question in messages"),
        pytest.param(
            {"messages": [{**READ, "language": 5}, ANSWER]},
            "questions",
            "language not text (int)",
            id="language a number",
        ),
        pytest.param(
            {"messages": [READ, {**ANSWER, "content": [{**SAY, "language": ["tr"]}]}]},
            "questions",
            "language not text (list)",
            id="language a list",
        ),
        pytest.param(
            {"messages": [{**READ, "language": "en"}, {**ANSWER, "language": "en"}]},
            "text",
            "no text in the language",
            id="all in another language",
        ),
        pytest.param(
            {"messages": [READ, {**ANSWER, "content": [SAY, {"type": "text", "text": 7}]}]},
            "questions",
            "content not text (int)",
            id="a part that is a number",
        ),
        pytest.param({"messages": "Su?"}, "questions", "messages not a list of messages (str)", id="no messages"),
        pytest.param({"messages": [{"role": "bot"}]}, "questions", "message with an unknown role", id="role"),
        pytest.param({"source": "water", "target": "su"}, "questions", "no known columns", id="pairs for questions"),
        pytest.param({"body": "su"}, "text", "no known columns", id="unknown columns"),
        pytest.param({"translation": {"en": "a", "de": "b"}}, "pairs", "no translation into tr", id="not into it"),
        pytest.param(
            {"english": "a", "other": "b", "aligned": "evet"}, "pairs", "aligned neither true nor false", id="aligned"
        ),
        pytest.param(
            {"tr": "7", "en": "water", "tur": "su"}, "pairs", "several columns for tr", id="a column a language, twice"
        ),
        pytest.param({"text": "a\0b"}, "text", "NUL character", id="NUL"),
        pytest.param({"text": "a\ud800b"}, "text", "lone surrogate", id="surrogate"),
        pytest.param({"text": "su", "language_code": "jpn"}, "text", "wrong language_code", id="another language"),
    ],
)
def test_a_row_that_lacks_something_says_what(row: dict[str, Any], kind: str, reason: str) -> None:
    with pytest.raises(Unusable) as caught:
        made(row, kind)
    assert caught.value.reason == reason


def test_where_keeps_only_what_is_wanted() -> None:
    row = {"text": "su", "language_code": "aze", "task": "news"}
    assert made(row, "text", where={"language_code": ["aze", "tur"]}) == "su"
    with pytest.raises(Unusable, match="not wanted: task"):
        made(row, "text", where={"task": "chat", "language_code": "aze"})
    with pytest.raises(Unusable, match="no column 'tsak' for 'where'"):
        made(row, "text", where={"tsak": "chat"})


@pytest.mark.parametrize(
    "value,wanted,kept",
    [
        pytest.param(True, True, True, id="a boolean"),
        pytest.param(True, "true", True, id="a boolean as JSON spells it"),
        pytest.param("false", False, True, id="a text for a boolean"),
        pytest.param(False, True, False, id="the other boolean"),
        pytest.param(3, 3, True, id="a number"),
        pytest.param(3.0, [2, 3], True, id="one of the numbers"),
        pytest.param("3", 3, True, id="a text for a number"),
        pytest.param(3, "3", True, id="a number for a text"),
        pytest.param(None, "null", True, id="null"),
        pytest.param("", False, False, id="nothing"),
    ],
)
def test_where_tells_booleans_and_numbers(value: Any, wanted: Any, kept: bool) -> None:
    with nullcontext() if kept else pytest.raises(Unusable, match="not wanted: ok"):
        assert made({"text": "su", "ok": value}, "text", where={"ok": wanted}) == "su"


def test_columns_are_renamed_over_those_of_the_same_meaning() -> None:
    row = {"question": "wrong", "instruction": "Su nedir?", "output": "Bir sıvı."}
    assert made(row, "questions", columns={"inputs": "instruction", "answer": "output"}) == [USER, ANSWER]
    with pytest.raises(Unusable, match="no column 'out'"):
        made(row, "questions", columns={"answer": "out"})


def test_what_is_read_through_the_port_is_what_carries_the_language() -> None:
    assert own_texts("text", "su") == ["su"]
    assert own_texts("pairs", ["water", "su", False]) == ["su"]
    assert own_texts("questions", [{"role": "user", "content": [SAY, *CONTEXT]}, ANSWER]) == ["Su akar.", "Su nedir?"]


@pytest.mark.parametrize("code", ["tr", "TR", "tur", "tur_Latn", "tr-TR"])
def test_codes_of_one_language_are_the_same(code: str) -> None:
    assert same_language(code, "tr")
    assert not same_language(code, "az")


@given(st.text())
def test_a_clean_text_can_be_written(text: str) -> None:
    try:
        said = clean(text, "text")
    except Unusable:
        return
    assert said.encode().decode() == said == said.strip()


@given(st.text(st.characters(codec="utf-8")), st.floats(0, 0.5))
def test_a_question_stays_held_out_however_it_is_written_and_as_more_are(question: str, share: float) -> None:
    assert digest(question) == digest(f"  {question}\n")
    assert is_held_out(question, share) <= is_held_out(question, share + 0.25)


@pytest.mark.parametrize("question", ["İstanbul nerede?", "Isı nedir?", "IŞIK NEDİR?"])
def test_capitals_of_turkish_do_not_count(question: str) -> None:
    assert digest(question) == digest(turkish.lower(question)) == digest(question.lower()) == digest(question.upper())


def test_about_the_share_asked_for_is_held_out() -> None:
    assert 70 <= sum(is_held_out(f"Soru {number}?", 0.1) for number in range(1_000)) <= 130


@pytest.mark.parametrize(
    "given_,message",
    [
        pytest.param({}, "exactly one of 'path' and 'hub'", id="no place"),
        pytest.param({"path": "a", "hub": "b"}, "exactly one of 'path' and 'hub'", id="two places"),
        pytest.param({"path": "a", "columns": {"anwser": "x"}}, "did you mean 'answer'", id="unknown column"),
        pytest.param({"path": "a", "wieght": 1}, "wieght", id="unknown key"),
        pytest.param({"path": "a", "weight": 0}, "greater than 0", id="no weight"),
        pytest.param(
            {"path": "a", "config": "tr", "split": "train"}, r"no 'config' or 'split': .*\*\.parquet", id="split"
        ),
        pytest.param({"path": "a", "revision": "main"}, "no 'revision'", id="revision of a path"),
        pytest.param({"path": "a", "streaming": False}, "no 'streaming'", id="streaming a path"),
        pytest.param(
            {"hub": "a/b", "format": "csv", "header": False}, "no 'format' or 'header'", id="format of a dataset"
        ),
    ],
)
def test_a_source_that_makes_no_sense_is_refused(given_: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Source(**given_)


@pytest.mark.parametrize("place", ["path", "hub"])
def test_a_source_written_out_in_full_is_the_same(place: str) -> None:
    source = Source(**{place: "a"})
    assert Source(**source.model_dump()) == source


def test_lengths_that_leave_nothing_are_refused() -> None:
    with pytest.raises(ValidationError, match="'shortest'"):
        Data(shortest=10, longest=5)

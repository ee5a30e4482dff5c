"""`language="auto"`: each span goes to the attached language it is written in."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newtongue import LanguageError, ModalityAdapter, NewtongueError
from newtongue.spans import find_spans
from newtongue.spans.markup import is_marked
from newtongue_evaluation.spans import accuracy, read_cases
from tiny import JAPANESE, TURKISH, tiny_encoder
from worlds import bare_base, world

FEWEST_RIGHT = {"code": 0.9, "english": 0.95, "mixed": 0.85, "one": 0.95, "other": 0.95, "short": 0.9}


def test_of_two_hundred_cases_nearly_all_are_found() -> None:
    cases = read_cases()
    scores = accuracy(cases)
    assert len(cases) == 200 and scores.keys() == FEWEST_RIGHT.keys()
    for kind, (right, all_) in scores.items():
        assert right / all_ >= FEWEST_RIGHT[kind], kind


@pytest.mark.parametrize(
    ("text", "fallback", "languages"),
    [
        pytest.param("Su ne?", None, {None}, id="nothing to go by: the base"),
        pytest.param("Su ne?", "tr", {"tr"}, id="the message before"),
        pytest.param(f"{TURKISH[0]} Su ne?", "ja", {"tr"}, id="the surer sentence before"),
        pytest.param(f"Su ne? {TURKISH[0]}", "ja", {"tr"}, id="the surer sentence after"),
        pytest.param("Su ne? `foo` https://a.b/c", "tr", {"tr", None}, id="the message before, code beside it"),
        pytest.param("12 + 30", "tr", {None}, id="numbers are in no language"),
        pytest.param("", "tr", set(), id="nothing"),
        pytest.param("   \n", "tr", {None}, id="spaces"),
    ],
)
def test_text_too_short_to_tell_falls_back_as_it_is_said(
    text: str, fallback: str | None, languages: set[str | None]
) -> None:
    spans = find_spans(text, ("tr", "ja"), fallback)
    assert {language for language, part in spans if part.strip() or not language} == languages


SAID, TOO, WRITTEN = "Bugün hava çok güzel", "Yarın da güzel olacak", "Dün çok yağmur yağdı"


@pytest.mark.parametrize(
    ("text", "turkish"),
    [
        pytest.param(f'He told me "{SAID}" and then "{TOO}" to them.', [SAID, TOO], id="one kind"),
        pytest.param(
            f'“{WRITTEN}” is what he said to me, and "{SAID}" and "{TOO}".', [WRITTEN, SAID, TOO], id="“ first"
        ),
        pytest.param(
            f'She said "{SAID}", he wrote «{WRITTEN}» and then "{TOO}".', [SAID, WRITTEN, TOO], id="« between"
        ),
        pytest.param(
            f'She said "{SAID}" and "{TOO}", they wrote „{WRITTEN}“ to us.', [SAID, TOO, WRITTEN], id="„ last"
        ),
        pytest.param(f'Not "" and nothing else but "{SAID}" is what he said.', [SAID], id="an empty one"),
    ],
)
def test_quotations_of_several_kinds_in_a_sentence_are_told_from_what_is_between(text: str, turkish: list[str]) -> None:
    assert [part for language, part in find_spans(text, ("tr",)) if language] == turkish


LETTERS = 'aeığşç かな漢字한а1.,;:!?"“”«»「」`{}()\n\t\U000e0001😀'


@given(st.text(alphabet=LETTERS, max_size=60))
def test_the_spans_of_any_text_make_up_the_text_and_hold_some(text: str) -> None:
    spans = find_spans(text, ("tr", "ja", "ko"), "tr")
    assert "".join(part for _, part in spans) == text
    assert all(part.strip() for language, part in spans if language)
    assert all(one[0] != other[0] for one, other in pairwise(spans))


def test_a_tokenizer_reads_auto_as_if_each_span_had_been_marked() -> None:
    tokenizer = world().tokenizer
    text = f"Translate into English: {TURKISH[0]} {JAPANESE[0]}"
    auto = tokenizer(text, language="auto")["input_ids"]  # type: ignore[call-arg]
    ranges = tokenizer.ranges  # type: ignore[attr-defined]
    assert {ranges.language_of(one) for one in auto} == {None, "tr", "ja"}
    assert tokenizer.decode(auto, skip_special_tokens=True) == text
    parts = [
        {"type": "text", "text": "Translate into English: "},
        {"type": "text", "text": f"{TURKISH[0]} {JAPANESE[0]}", "language": "auto"},
    ]
    ids = [
        tokenizer.apply_chat_template([{"role": "user", **said}], add_generation_prompt=True)["input_ids"]
        for said in ({"content": text, "language": "auto"}, {"content": parts})
    ]
    assert ids[0] == ids[1]


def test_a_batch_may_name_auto_for_some_of_its_texts() -> None:
    tokenizer = world().tokenizer
    rows = tokenizer([TURKISH[0], TURKISH[0], "Hi there"], language=["auto", "tr", None])["input_ids"]  # type: ignore[call-arg]
    assert rows[0] == rows[1]
    assert tokenizer([TURKISH[0]], language="auto")["input_ids"][0] == rows[0]  # type: ignore[call-arg]
    assert rows[2] == tokenizer("Hi there")["input_ids"]
    with pytest.raises(NewtongueError, match="3 texts and 2 languages"):
        tokenizer([TURKISH[0], TURKISH[0], "Hi there"], language=["auto", "tr"])  # type: ignore[call-arg]


def test_what_is_marked_already_stays_as_it_is_marked() -> None:
    from newtongue import mark

    tokenizer = world().tokenizer
    text = mark(JAPANESE[0], "tr")
    assert is_marked(text)
    said = [{"role": "user", "content": text, "language": "auto"}]
    other = [{"role": "user", "content": JAPANESE[0], "language": "tr"}]
    assert tokenizer.apply_chat_template(said)["input_ids"] == tokenizer.apply_chat_template(other)["input_ids"]


def test_a_message_without_content_is_left_as_it_is() -> None:
    tokenizer, call = world().tokenizer, {"role": "user", "content": None}
    chat = [{**call, "language": "auto"}, {"role": "user", "content": "Su ne?", "language": "auto"}]
    plain = [call, {"role": "user", "content": "Su ne?"}]  # Too short to tell, and nothing before it that would.
    assert tokenizer.apply_chat_template(chat)["input_ids"] == tokenizer.apply_chat_template(plain)["input_ids"]


def test_no_adapter_is_called_auto() -> None:
    with pytest.raises(LanguageError, match="'auto' is not a language tag"):
        ModalityAdapter.create(bare_base(), tiny_encoder(), language="auto")

"""The tokenizer of an attached model: text in a language becomes its ids, all else is as before."""

import copy
import logging
import pickle
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast, pipeline
from trl import SFTConfig, SFTTrainer

from newtongue import AttachedModel, LanguageError, NewtongueError, mark
from newtongue.attaching.port import CHILD
from newtongue.spans import mark_spans
from newtongue.spans.markup import is_marked, split, unmark
from newtongue.tokenizer.ids import text_ids
from newtongue.tokenizer.speaking import join_tokenizer
from tiny import ENGLISH, JAPANESE, TEMPLATE, TURKISH, base_tokenizer, spaced_tokenizer
from worlds import adapter_for, attach_two, bare_base, world

FLAGS = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f and 🇹🇷"
TAGS = "\U000e0067ulp"  # Begins with a character that names of languages are made of in marks.
plain = st.one_of(st.sampled_from([*ENGLISH, FLAGS, TAGS, "<|user|>", " a b "]), st.text(max_size=12)).filter(
    lambda text: not is_marked(text)
)
spoken = st.one_of(st.sampled_from([*TURKISH, *JAPANESE, FLAGS]), plain).filter(str.strip)
language = st.sampled_from(["tr", "ja"])
END = "\U000e0001\U000e007f"


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return world().tokenizer


def test_a_text_may_name_special_tokens_that_are_pieces_of_a_unigram_model() -> None:
    pieces = [("<s>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *((one, -2.0) for one in "▁sufresh<>/")]
    backend = Tokenizer(models.Unigram(pieces, 2))
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    own = PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>", eos_token="</s>", unk_token="<unk>")
    assert 0 in own("su <s>fresh</s>", split_special_tokens=True)["input_ids"]
    ids = text_ids(own, "su <s>fresh</s>")
    assert {0, 1}.isdisjoint(ids)
    assert own.decode(ids).replace(" ", "") == "su<s>fresh</s>"
    assert text_ids(own, "su fresh") == own("su fresh")["input_ids"]


def own_ids(tokenizer: Any, ids: list[int]) -> list[str | None]:
    """The language of each id."""
    return [tokenizer.ranges.language_of(one) for one in ids]


def run_of(tokenizer: Any, text: str, name: str) -> list[int]:
    owned = tokenizer.ranges[name]
    ids = owned.tokenizer(text, add_special_tokens=False)["input_ids"]
    return [owned.start + one for one in (owned.opens, *ids, owned.closes)]


# Marks


@given(parts=st.lists(st.one_of(plain, st.tuples(language, spoken)), max_size=5))
def test_marks_come_apart_as_they_were_put_together(parts: list[Any]) -> None:
    text = "".join(part if isinstance(part, str) else mark(part[1], part[0]) for part in parts)
    expected: list[tuple[str | None, str]] = []
    for name, part in ((None, one) if isinstance(one, str) else one for one in parts):
        if name is None and expected and expected[-1][0] is None:
            expected[-1] = (None, expected[-1][1] + part)
        elif part:
            expected.append((name, part))
    assert split(text) == expected
    assert unmark(text) == "".join(part for _, part in expected)


@given(text=spoken)
def test_marking_twice_is_marking_once(text: str) -> None:
    assert mark(mark(text, "tr"), "tr") == mark(text, "tr")


@given(text=st.text(alphabet="ab \U000e0001\U000e007f\U000e0021\U000e0074\U000e0072\U000e0031", min_size=1))
def test_any_text_can_be_marked_whatever_characters_of_marks_it_has(text: str) -> None:
    bare = unmark(text)
    assert not is_marked(bare)
    if bare.strip():
        assert split(mark(text, "tr")) == [("tr", bare)]
        assert split(f"a{mark(text, 'tr', written=True)}b") == [(None, "a"), ("!tr", bare), (None, "b")]


STRAY = {
    "a language tag": "What is \U000e0001 it?",
    "of no language": "What is\U000e0001\U000e0031\U000e0020 it?",
    "the end of nothing": "What is\U000e0001\U000e007f it?",
    "at the end": "What is it?\U000e0001",
    "tag characters first": "\U000e0067\U000e0062 it?",
}


@pytest.mark.parametrize("text", STRAY.values(), ids=STRAY)
def test_characters_of_marks_that_mark_nothing_are_text(tokenizer: Any, text: str) -> None:
    assert tokenizer(text, text_pair="Paris.") == base_tokenizer()(text, text_pair="Paris.")
    chat = [{"role": "user", "content": text}]
    assert tokenizer.apply_chat_template(chat) == base_tokenizer().apply_chat_template(chat)
    assert tokenizer(text, language="tr")["input_ids"] == [1, *run_of(tokenizer, text.replace(END, ""), "tr")]
    both = tokenizer(f"{mark(text, 'tr')}{text}", add_special_tokens=False)["input_ids"]
    said = base_tokenizer().encode(text, add_special_tokens=False)
    assert both == [*run_of(tokenizer, text.replace(END, ""), "tr"), *said]


def test_a_mark_may_do_without_the_character_that_ends_its_name(tokenizer: Any) -> None:
    assert split(f"\U000e0001\U000e0074\U000e0072Su{END}.") == [("tr", "Su"), (None, ".")]


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_empty_text_in_a_language_is_an_error(tokenizer: Any, text: str) -> None:
    with pytest.raises(NewtongueError, match=r"Empty text in language 'tr'.*Leave the part out"):
        tokenizer(text, language="tr")
    with pytest.raises(NewtongueError, match="Empty text"):
        tokenizer.apply_chat_template([{"role": "user", "content": text, "language": "tr"}])


@pytest.mark.parametrize("name", ["de", "turkish please", "", "tr_TR", "t"])
def test_an_unknown_language_is_an_error_that_names_those_attached(tokenizer: Any, name: str) -> None:
    with pytest.raises(LanguageError, match=f"(?s){name}.*('tr'|'zh-Hant')"):
        tokenizer("Merhaba", language=name)


# Encoding


@cache
def zh_hant_too() -> AttachedModel:
    return attach_two(bare_base(), languages=("tr", "zh-Hant"), voice=True)


OPTIONS: list[dict[str, Any]] = [
    {},
    {"add_special_tokens": False},
    {"return_tensors": "pt"},
    {"truncation": True, "max_length": 5},
    {"max_length": 4},
    {"padding": "max_length", "max_length": 40},
    {"padding": "max_length", "max_length": 12, "truncation": True, "padding_side": "right"},
    {"return_offsets_mapping": True, "return_special_tokens_mask": True, "return_length": True},
    {"return_attention_mask": False},
    {"text_pair": "Paris."},
    {"truncation": True, "max_length": 6, "stride": 2, "return_overflowing_tokens": True},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_text_without_a_language_is_encoded_as_the_base_does(tokenizer: Any, options: dict[str, Any]) -> None:
    base = base_tokenizer()
    for text in (*ENGLISH, "", FLAGS):
        assert str(dict(tokenizer(text, **options))) == str(dict(base(text, **options)))
    if "text_pair" not in options and "return_tensors" not in options:
        assert str(dict(tokenizer(ENGLISH, **options))) == str(dict(base(ENGLISH, **options)))
        assert tokenizer.encode(ENGLISH[0], add_special_tokens=False) == base.encode(
            ENGLISH[0], add_special_tokens=False
        )
    words = {"is_split_into_words": True}
    assert tokenizer(["What", "is"], **words)["input_ids"] == base(["What", "is"], **words)["input_ids"]
    assert tokenizer.tokenize(ENGLISH[0]) == base.tokenize(ENGLISH[0])


@given(parts=st.lists(st.one_of(plain.filter(bool), st.tuples(language, spoken)), min_size=1, max_size=4))
def test_each_part_is_encoded_by_its_own_tokenizer(parts: list[Any]) -> None:
    tokenizer, base = world().tokenizer, base_tokenizer()
    text = "".join(part if isinstance(part, str) else mark(part[1], part[0]) for part in parts)
    expected = [1] if is_marked(text) else base("")["input_ids"]
    for name, part in split(text):
        expected += base.encode(part, add_special_tokens=False) if name is None else run_of(tokenizer, part, name)
    assert tokenizer(text)["input_ids"] == expected
    assert tokenizer.encode(text) == expected


def test_one_language_for_a_text_one_for_all_or_one_for_each(tokenizer: Any) -> None:
    turkish = [1, *run_of(tokenizer, TURKISH[0], "tr")]
    japanese = [1, *run_of(tokenizer, JAPANESE[0], "ja")]
    assert tokenizer(TURKISH[0], language="tr")["input_ids"] == turkish
    assert tokenizer.encode(TURKISH[0], language="tr") == turkish
    assert tokenizer([TURKISH[0]] * 2, language="tr")["input_ids"] == [turkish, turkish]
    mixed = tokenizer([TURKISH[0], JAPANESE[0], ENGLISH[0]], language=["tr", "ja", None])["input_ids"]
    assert mixed == [turkish, japanese, base_tokenizer()(ENGLISH[0])["input_ids"]]
    for wrong in (["tr"], ["tr", "ja", None, None]):
        with pytest.raises(NewtongueError, match=r"3 texts and . languages"):
            tokenizer([TURKISH[0]] * 3, language=wrong)
    with pytest.raises(NewtongueError, match="one language for one text"):
        tokenizer(TURKISH[0], language=["tr"])


@pytest.mark.parametrize("language", ["tr", "auto", []], ids=str)
def test_no_texts_in_a_language_are_no_rows(tokenizer: Any, language: Any) -> None:
    assert dict(tokenizer([], language=language, padding=True)) == {"input_ids": [], "attention_mask": []}


def test_english_rows_of_a_mixed_batch_are_cut_as_the_base_does(tokenizer: Any) -> None:
    options = {"truncation": True, "max_length": 6}
    rows = tokenizer([ENGLISH[0], TURKISH[0]], language=[None, "tr"], **options)["input_ids"]
    assert rows[0] == base_tokenizer()(ENGLISH[0], **options)["input_ids"]
    assert len(rows[1]) == 6


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("how", [True, "max_length"], ids=str)
def test_padding_goes_to_the_side_asked_for(tokenizer: Any, side: str, how: Any) -> None:
    texts, names = [TURKISH[2], JAPANESE[0], "Hi."], ["tr", "ja", None]
    rows = tokenizer(texts, language=names)["input_ids"]
    options = {"padding": how, "padding_side": side, "return_tensors": "pt"} | (
        {"max_length": 80} if how == "max_length" else {}
    )
    out = tokenizer(texts, language=names, **options)
    width = 80 if how == "max_length" else max(map(len, rows))
    assert out["input_ids"].shape == out["attention_mask"].shape == (3, width)
    for row, ids, mask in zip(rows, out["input_ids"], out["attention_mask"], strict=True):
        kept = slice(width - len(row), None) if side == "left" else slice(len(row))
        assert ids[kept].tolist() == row
        assert mask.sum() == len(row) == mask[kept].sum()
    assert (
        tokenizer(texts, language=names, padding=True, pad_to_multiple_of=8, return_tensors="pt")["input_ids"].shape[1]
        % 8
        == 0
    )


def test_a_base_without_a_token_to_pad_with_pads_with_what_ends_a_text() -> None:
    own = base_tokenizer(template=False)
    own.pad_token = None
    model = adapter_for(bare_base(), lora=False).attach(bare_base(), tokenizer=own)
    out = model.tokenizer([TURKISH[2], "Hi."], language=["tr", None], padding=True)  # type: ignore[call-arg]
    assert out["input_ids"][1][0] == own.eos_token_id and out["attention_mask"][1][0] == 0
    assert own.pad_token is None  # The base's own is not ours to change.


def test_a_pair_with_text_in_a_language_is_an_error(tokenizer: Any) -> None:
    with pytest.raises(NewtongueError, match="join"):
        tokenizer(TURKISH[0], "pair", language="tr")


OF_ONE_TOKENIZER = [
    *("return_offsets_mapping", "return_special_tokens_mask", "return_length", "return_overflowing_tokens"),
    "return_token_type_ids",
]


@pytest.mark.parametrize("option", OF_ONE_TOKENIZER)
def test_an_option_that_text_in_a_language_cannot_have_is_an_error(tokenizer: Any, option: str) -> None:
    with pytest.raises(NewtongueError, match=f"{option}=True has no meaning for text in an attached language"):
        tokenizer(TURKISH[0], language="tr", **{option: True})
    expected = tokenizer(TURKISH[0], language="tr")
    assert tokenizer(TURKISH[0], language="tr", **{option: False}).data == expected.data
    assert tokenizer(ENGLISH[0], **{option: True}).data == base_tokenizer()(ENGLISH[0], **{option: True}).data


def test_a_text_longer_than_a_window_of_its_encoder_is_no_matter_for_a_warning(
    tokenizer: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tokenizer.ranges["tr"].tokenizer
    monkeypatch.setattr(own, "model_max_length", 4)
    monkeypatch.setattr(own, "deprecation_warnings", {})
    monkeypatch.setattr(logging.getLogger("transformers"), "propagate", True)
    tokenizer(TURKISH[0] * 9, language="tr")
    assert not caplog.records


@given(
    parts=st.lists(
        st.one_of(st.sampled_from([*TURKISH, *JAPANESE, *ENGLISH]), st.tuples(language, st.sampled_from(ENGLISH))),
        min_size=1,
        max_size=4,
    )
)
def test_what_is_marked_stays_so_where_other_languages_are_found(parts: list[Any]) -> None:
    tokenizer: Any = world().tokenizer
    text = "".join(part if isinstance(part, str) else mark(part[1], part[0]) for part in parts)
    found = "".join(mark(part, own) if own else mark_spans(part, ["tr", "ja"]) for own, part in split(text))
    expected = [one for own, part in split(found) for one in (run_of(tokenizer, part, own) if own else base_ids(part))]
    assert tokenizer(text, language="auto", add_special_tokens=False)["input_ids"] == expected


def base_ids(text: str) -> list[int]:
    ids: list[int] = base_tokenizer()(text, add_special_tokens=False)["input_ids"]
    return ids


# Decoding


@given(parts=st.lists(st.one_of(plain.filter(bool), st.tuples(language, spoken)), min_size=1, max_size=4))
def test_decoding_gives_back_the_text_with_its_marks(parts: list[Any]) -> None:
    tokenizer = world().tokenizer
    text = "".join(part if isinstance(part, str) else mark(part[1], part[0]) for part in parts)
    ids = tokenizer.encode(text, add_special_tokens=False)
    read = tokenizer.decode(ids)
    assert unmark(read) == unmark(text)
    assert tokenizer.encode(read, add_special_tokens=False) == ids
    plain_text = "".join(
        base_tokenizer().decode(base_tokenizer().encode(part, add_special_tokens=False), skip_special_tokens=True)
        if name is None
        else part
        for name, part in split(text)
    )
    assert tokenizer.decode(torch.tensor(ids), skip_special_tokens=True) == plain_text


def test_batches_and_tokens_of_mixed_ids_are_decoded(tokenizer: Any) -> None:
    rows = tokenizer([TURKISH[0], ENGLISH[0]], language=["tr", None])["input_ids"]
    assert tokenizer.batch_decode(rows, skip_special_tokens=True) == [TURKISH[0], ENGLISH[0]]
    assert tokenizer.decode(rows, skip_special_tokens=True) == [TURKISH[0], ENGLISH[0]]
    assert tokenizer.decode(7) == base_tokenizer().decode(7)
    own = tokenizer.ranges["tr"].tokenizer
    tokens = tokenizer.convert_ids_to_tokens(rows[0])
    assert tokens == ["<bos>", "[CLS]", *own.tokenize(TURKISH[0]), "[SEP]"]
    assert tokenizer.convert_ids_to_tokens(rows[0], skip_special_tokens=True) == own.tokenize(TURKISH[0])
    assert tokenizer.convert_ids_to_tokens(rows[0][1]) == "[CLS]"
    assert tokenizer.tokenize(mark(TURKISH[0], "tr")) == tokens[1:]
    assert tokenizer.convert_ids_to_tokens(rows[1]) == base_tokenizer().convert_ids_to_tokens(rows[1])


@pytest.mark.parametrize(
    ("text", "language"),
    [(TURKISH[0], "tr"), (TURKISH[0], "TR"), (f"Translate into English: {TURKISH[0]}", "auto"), (ENGLISH[0], None)],
)
@pytest.mark.parametrize("special", [False, True], ids=["bare", "special"])
def test_tokens_are_of_the_ids_that_a_text_has(tokenizer: Any, text: str, language: Any, special: bool) -> None:
    ids = tokenizer.encode(text, language=language, add_special_tokens=special)
    tokens = tokenizer.tokenize(text, language=language, add_special_tokens=special)
    assert tokens == tokenizer.convert_ids_to_tokens(ids)
    if language:
        assert tokens != tokenizer.tokenize(text, add_special_tokens=special)
        for args, options in ((["Paris."], {}), ([], {"pair": "Paris."})):
            with pytest.raises(NewtongueError, match="join pairs"):
                tokenizer.tokenize(text, *args, language=language, **options)


def test_tokens_in_a_language_that_is_not_attached_are_an_error(tokenizer: Any) -> None:
    with pytest.raises(LanguageError, match="'de'; attached: 'tr', 'ja'"):
        tokenizer.tokenize(TURKISH[0], language="de")


# Chat


def test_messages_and_parts_of_them_are_in_their_languages(tokenizer: Any) -> None:
    base = base_tokenizer()
    chat = [
        {"role": "system", "content": "Answer."},
        {"role": "user", "content": TURKISH[0], "language": "tr"},
        {"role": "assistant", "content": "Paris", "language": "tr"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Translate: "},
                {"type": "text", "text": JAPANESE[0], "language": "ja"},
                {"type": "text", "text": "!", "language": None},
            ],
        },
    ]

    def said(text: str) -> list[int]:
        return base.encode(text, add_special_tokens=False)

    expected = [
        *said("<|system|>Answer.<|end|><|user|>"),
        *run_of(tokenizer, TURKISH[0], "tr"),
        *said("<|end|><|assistant|>Paris<|end|><|user|>Translate: "),
        *run_of(tokenizer, JAPANESE[0], "ja"),
        *said("!<|end|><|assistant|>"),
    ]
    before = copy.deepcopy(chat)
    out = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=True)
    assert out["input_ids"] == expected
    assert chat == before
    batch = tokenizer.apply_chat_template([chat, chat[:1]], add_generation_prompt=True, return_dict=True)
    assert batch["input_ids"] == [expected, said("<|system|>Answer.<|end|><|assistant|>")]


@pytest.mark.parametrize("part", [{}, {"language": None}], ids=["absent", "None"])
def test_a_part_without_a_language_is_in_that_of_its_message(tokenizer: Any, part: dict[str, None]) -> None:
    message = {"role": "user", "language": "tr", "content": [{"type": "text", "text": TURKISH[0], **part}]}
    ids = tokenizer.apply_chat_template([message], return_dict=True)["input_ids"]
    assert (
        ids
        == tokenizer.apply_chat_template([{"role": "user", "content": TURKISH[0], "language": "tr"}], return_dict=True)[
            "input_ids"
        ]
    )
    assert "tr" in own_ids(tokenizer, ids)


@pytest.mark.parametrize("spoken", ["tr", "auto"])
def test_a_part_without_text_beside_one_in_a_language_is_an_error(tokenizer: Any, spoken: str) -> None:
    content = [{"type": "image", "url": "cat.png"}, {"type": "text", "text": TURKISH[0], "language": spoken}]
    with pytest.raises(NewtongueError, match="of type 'image' and has no text"):
        tokenizer.apply_chat_template([{"role": "user", "content": content}])


@pytest.mark.parametrize(
    "content",
    [TURKISH[0], mark(TURKISH[0], "tr"), [{"type": "text", "text": TURKISH[0], "language": "tr"}]],
    ids=["message", "mark", "part"],
)
def test_what_the_assistant_says_stays_in_the_ids_of_the_base(tokenizer: Any, content: Any) -> None:
    chat = [{"role": "user", "content": "Say it."}, {"role": "assistant", "content": content, "language": "tr"}]
    ids = tokenizer.apply_chat_template(chat, return_dict=True)["input_ids"]
    assert set(own_ids(tokenizer, ids)) == {None}
    assert TURKISH[0] in tokenizer.decode(ids)


ADDING = TEMPLATE.replace(
    "{{ message['role'] }}|>{{ message['content'] }}", "{{ message['role'] + '|>' + message['content'] }}"
)


@pytest.mark.parametrize("template", [TEMPLATE, ADDING, None], ids=["prints", "adds", "none"])
@pytest.mark.parametrize("role", ["system", "assistant"])
def test_parts_of_what_is_not_the_user_s_are_one_text_to_any_template(
    tokenizer: Any, role: str, template: str | None
) -> None:
    tokenizer = copy.deepcopy(tokenizer)
    tokenizer.chat_template = template
    parts = [{"type": "text", "text": "Be "}, {"type": "text", "text": "brief.", "language": None}]

    def row(content: Any) -> Any:
        end = {"role": "assistant", "content": "Paris." if role == "system" else content}
        return tokenizer.example([{"role": "system", "content": content if role == "system" else "Say."}, end])

    assert row(parts) == row("Be brief.")


@pytest.mark.parametrize("role", ["user", "assistant"])
def test_parts_in_no_language_that_are_the_base_s_to_render_reach_its_template(tokenizer: Any, role: str) -> None:
    parts = [{"type": "image", "url": "cat.png"}, {"type": "text", "text": "What is it?"}]
    chat = [{"role": role, "content": parts if role == "assistant" else parts[1:]}]
    assert tokenizer.apply_chat_template(chat) == base_tokenizer().apply_chat_template(chat)


def test_messages_without_a_language_render_as_the_base_does(tokenizer: Any) -> None:
    chat = [{"role": "user", "content": ENGLISH[0]}, {"role": "assistant", "content": "Paris."}]
    for options in (
        {"tokenize": False},
        {"add_generation_prompt": True},
        {"return_dict": True, "return_tensors": "pt"},
    ):
        assert str(tokenizer.apply_chat_template(chat, **options)) == str(
            base_tokenizer().apply_chat_template(chat, **options)
        )


def test_an_assistant_mask_over_a_language_is_an_error(tokenizer: Any) -> None:
    chat = [{"role": "user", "content": TURKISH[0], "language": "tr"}, {"role": "assistant", "content": "Paris."}]
    with pytest.raises(NewtongueError, match="'prompt' and 'completion'"):
        tokenizer.apply_chat_template(chat, return_dict=True, return_assistant_tokens_mask=True)


# Fitting


@given(
    questions=st.lists(st.tuples(st.sampled_from(["tr", "ja", None]), st.integers(1, 12)), min_size=1, max_size=3),
    answer=st.integers(1, 5),
    max_length=st.integers(1, 120),
    template=st.booleans(),
)
def test_the_answer_is_never_cut(
    questions: list[tuple[str | None, int]], answer: int, max_length: int, template: bool
) -> None:
    tokenizer = join_tokenizer(base_tokenizer(template), getattr(world(), CHILD).ranges)
    texts = {"tr": "ğ", "ja": "本", None: "z"}
    chat = [{"role": "user", "content": texts[name] * count, "language": name} for name, count in questions]
    chat.append({"role": "assistant", "content": "q" * answer})
    whole = tokenizer.example(chat)
    said = [one for one, label in zip(whole["input_ids"], whole["labels"], strict=True) if label != -100]
    assert tokenizer.decode(said).startswith("q" * answer)
    assert said[-1] == tokenizer.eos_token_id
    try:
        cut = tokenizer.example(chat, max_length=max_length)
    except NewtongueError as error:
        assert "Raise max_length" in str(error)
        least = whole["input_ids"][-len(said) :]
        assert max_length < len(least) + 30
        return
    assert len(cut["input_ids"]) == min(max_length, len(whole["input_ids"]))
    assert cut["input_ids"][-len(said) :] == said
    assert cut["labels"] == [-100] * (len(cut["input_ids"]) - len(said)) + said
    assert cut["input_ids"][0] == whole["input_ids"][0]


def test_the_longest_run_is_shortened_first_and_keeps_its_boundaries(tokenizer: Any) -> None:
    text = f"Say {mark('ğ' * 30, 'tr')} or {mark('本' * 3, 'ja')} now."
    whole = tokenizer(text)["input_ids"]
    for limit in range(len(whole), 0, -1):
        try:
            cut = tokenizer(text, truncation=True, max_length=limit)["input_ids"]
        except NewtongueError:
            break
        tail = tokenizer.encode(" now.", add_special_tokens=False)
        assert len(cut) == limit and cut[0] == 1 and cut[-len(tail) :] == tail
        for name in ("tr", "ja"):
            owned = tokenizer.ranges[name]
            run = [one - owned.start for one in cut if tokenizer.ranges.language_of(one) == name]
            assert run[0] == owned.opens and run[-1] == owned.closes
    assert limit < 20


def test_a_chat_whose_system_prompt_must_give_way_keeps_its_first_id_and_its_end(tokenizer: Any) -> None:
    chat = [
        {"role": "system", "content": "z" * 50},
        {"role": "user", "content": "ğ" * 20, "language": "tr"},
        {"role": "assistant", "content": "Paris"},
    ]
    whole = tokenizer.example(chat)["input_ids"]
    cut = tokenizer.example(chat, max_length=30)["input_ids"]
    assert len(cut) == 30 and cut[0] == whole[0]
    assert tokenizer.decode(cut).endswith("<|end|><|assistant|>Paris<|end|><eos>")


@cache
def begins_with_a_space() -> Any:
    """The tokenizer of a base that begins a text with a space, with languages."""
    return join_tokenizer(spaced_tokenizer(), getattr(world(), CHILD).ranges)


def test_an_answer_is_encoded_as_the_template_does_it_not_as_what_begins_a_text() -> None:
    tokenizer = begins_with_a_space()
    assert tokenizer.tokenize("Paris") != tokenizer.tokenize("<|assistant|>Paris")[1:]
    chat = [{"role": "user", "content": "What is"}, {"role": "assistant", "content": "Paris"}]
    for question in (chat[0], {**chat[0], "language": "tr"}):
        row = tokenizer.example([question, chat[1]])["input_ids"]
        whole = tokenizer.apply_chat_template([question, chat[1]], return_dict=True)["input_ids"]
        assert row == [*whole, tokenizer.eos_token_id]


@given(pairs=st.lists(st.tuples(language, spoken, st.sampled_from(["Paris", " is", "the ", "<|end|>"])), min_size=1))
def test_spaces_beside_a_run_are_kept_where_a_text_begins_with_one(pairs: list[tuple[str, str, str]]) -> None:
    tokenizer = begins_with_a_space()
    text = "".join(mark(said, name) + words for name, said, words in pairs)
    ids = tokenizer(text)["input_ids"]
    assert tokenizer.decode(ids) == text
    plainly = "".join(said + words.replace("<|end|>", "") for _, said, words in pairs)
    assert tokenizer.decode(ids, skip_special_tokens=True) == plainly


def test_an_example_must_end_with_an_answer(tokenizer: Any) -> None:
    for chat in ([], [{"role": "user", "content": "Hi."}]):
        with pytest.raises(NewtongueError, match="Add the answer"):
            tokenizer.example(chat)


def test_a_base_without_a_template_gets_the_contents_line_by_line() -> None:
    tokenizer = join_tokenizer(base_tokenizer(template=False), getattr(world(), CHILD).ranges)
    chat = [{"role": "user", "content": TURKISH[0], "language": "tr"}, {"role": "assistant", "content": "Paris"}]
    out = tokenizer.example(chat)
    asked = [one for one, label in zip(out["input_ids"], out["labels"], strict=True) if label == -100]
    assert asked == [1, *run_of(tokenizer, TURKISH[0], "tr"), *tokenizer.encode("\n", add_special_tokens=False)]
    assert tokenizer.decode(out["input_ids"], skip_special_tokens=True) == f"{TURKISH[0]}\nParis"


def test_a_closing_token_of_the_base_does_not_part_question_and_answer() -> None:
    from tokenizers import processors

    base = base_tokenizer(template=False)
    base.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A <eos>", special_tokens=[("<bos>", 1), ("<eos>", 2)]
    )
    tokenizer = join_tokenizer(base, getattr(world(), CHILD).ranges)
    chat = [{"role": "user", "content": TURKISH[0], "language": "tr"}, {"role": "assistant", "content": "Paris"}]
    assert tokenizer.example(chat)["input_ids"].count(2) == 1
    assert tokenizer(TURKISH[0], language="tr")["input_ids"][-1] == 2


# The object


def test_it_is_the_class_and_saves_the_files_of_the_base(tokenizer: Any, tmp_path: Path) -> None:
    assert isinstance(tokenizer, type(base_tokenizer()))
    assert len(tokenizer) == len(base_tokenizer())
    base_tokenizer().save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "joined")
    for path in (tmp_path / "base").iterdir():
        assert path.read_bytes() == (tmp_path / "joined" / path.name).read_bytes()


@pytest.mark.parametrize("how", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))], ids=["copy", "pickle"])
def test_a_copy_speaks_the_same_languages(tokenizer: Any, how: Any) -> None:
    twin = how(tokenizer)
    assert twin(TURKISH[0], language="tr")["input_ids"] == tokenizer(TURKISH[0], language="tr")["input_ids"]


def test_a_language_attached_later_is_spoken_and_one_detached_is_not() -> None:
    base = bare_base()
    model = adapter_for(base, "tr", lora=False).attach(base, tokenizer=base_tokenizer())
    tokenizer: PreTrainedTokenizerBase = model.tokenizer
    adapter_for(base, "ja", lora=False).attach(base)
    assert model.tokenizer is tokenizer
    assert own_ids(tokenizer, tokenizer(JAPANESE[0], language="ja")["input_ids"])[-1] == "ja"
    model.detach("tr")
    with pytest.raises(LanguageError, match="attached: 'ja'"):
        tokenizer(TURKISH[0], language="tr")


def test_a_language_is_found_in_any_case(tokenizer: Any) -> None:
    assert tokenizer(TURKISH[0], language="TR") == tokenizer(TURKISH[0], language="tr")


@pytest.mark.parametrize("said", ["tr", "TR", "zh-hant", "ZH-Hant"])
@pytest.mark.parametrize("parts", [False, True], ids=["message", "part"])
def test_an_answer_is_written_in_a_language_named_in_any_case(said: str, parts: bool) -> None:
    tokenizer = zh_hant_too().tokenizer
    content = [{"type": "text", "text": TURKISH[0], "language": said}] if parts else TURKISH[0]
    own = {} if parts else {"language": said}
    ids = tokenizer.apply_chat_template([{"role": "assistant", "content": content, **own}], return_dict=True)
    assert set(own_ids(tokenizer, ids["input_ids"])) == {None, "zh-Hant" if "Hant" in said.title() else "tr"}


# In the trainers and pipelines of others


def rows_for_trl() -> Dataset:
    ask = [(TURKISH[0], "tr"), (JAPANESE[0], "ja"), (ENGLISH[0], None), (TURKISH[1], "tr")]
    return Dataset.from_list(
        [
            {
                "prompt": [{"role": "user", "content": text, "language": name}],
                "completion": [{"role": "assistant", "content": "Paris."}],
            }
            for text, name in ask
        ]
    )


@pytest.mark.parametrize("packing", [False, True], ids=["padded", "packed"])
def test_sft_trains_on_conversations_with_languages(packing: bool, tmp_path: Path) -> None:
    model = attach_two(bare_base(), trainable=True)
    before = {
        name: {k: v.detach().clone() for k, v in model.adapter(name).trainable_parameters()} for name in ("tr", "ja")
    }
    config = SFTConfig(
        output_dir=str(tmp_path), max_steps=2, per_device_train_batch_size=4, learning_rate=1e-2, max_length=128,
        packing=packing, report_to=[], save_strategy="no", bf16=False, logging_steps=1, disable_tqdm=True,
    )  # fmt: skip
    trainer = SFTTrainer(model, args=config, train_dataset=rows_for_trl(), processing_class=model.tokenizer)
    batch = next(iter(trainer.get_train_dataloader()))
    assert int(batch["input_ids"].max()) >= model.tokenizer.ranges.base_rows
    assert not any(batch["labels"].flatten() >= model.tokenizer.ranges.base_rows)
    trainer.train()
    for name, old in before.items():
        changed = [key for key, value in model.adapter(name).trainable_parameters() if not torch.equal(value, old[key])]
        assert any(key.startswith("encoder") for key in changed)
        assert any(key.startswith("mapper") for key in changed)
        assert any(key.startswith("lora") for key in changed)


def test_a_pipeline_reads_marked_text_and_messages() -> None:
    model = world()
    generate = pipeline("text-generation", model=model, tokenizer=model.tokenizer)
    options = {"max_new_tokens": 4, "do_sample": False, "return_full_text": False}
    for text, ids in (
        (mark(TURKISH[0], "tr"), model.tokenizer(TURKISH[0], language="tr", return_tensors="pt")),
        (
            [{"role": "user", "content": TURKISH[0], "language": "tr"}],
            model.tokenizer.apply_chat_template(
                [{"role": "user", "content": TURKISH[0], "language": "tr"}],
                add_generation_prompt=True,
                return_dict=True,
                return_tensors="pt",
            ),
        ),
    ):
        out = model.generate(**ids, max_new_tokens=4, do_sample=False)[0, ids["input_ids"].shape[1] :]
        got = generate(text, **options)[0]["generated_text"]
        assert got == model.tokenizer.decode(out, skip_special_tokens=True)

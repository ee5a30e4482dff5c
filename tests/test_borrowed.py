"""Words that a language leaves to the base: in Latin letters within another script, or shorter in the base's tokens."""

import json
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

import tiny
from newtongue import AttachedModel, ModalityAdapter, mark
from newtongue.ranges import Ranges
from newtongue.spans.borrowed import cut_latin, cut_shorter
from newtongue.spans.markup import split
from newtongue.tokenizer.speaking import join_tokenizer
from newtongue_evaluation.measures.geometry import soft_tokens
from newtongue_evaluation.measures.states import sentence_states
from newtongue_recipes.asking import gloss_of
from newtongue_recipes.settings import Map, Training
from newtongue_recipes.stages import map_language
from newtongue_recipes.stages.map import Objective, Pair
from worlds import bare_base

TEXT = "これは star trek の赤いCatです"


@pytest.fixture(scope="module")
def adapter() -> ModalityAdapter:
    encoder = tiny.tiny_encoder(tiny.JAPANESE)
    return ModalityAdapter.create(bare_base(), encoder, language="ja", borrows=True, sharpness=1e4).eval()


@pytest.fixture(scope="module")
def model(adapter: ModalityAdapter) -> AttachedModel:
    return adapter.attach(bare_base(), tokenizer=tiny.base_tokenizer())


@pytest.mark.parametrize(
    ("text", "borrowed"),
    [
        ("NBAで最多得点したのは", ["NBA"]),
        ("第3回 star trek の新作でscottyを演じる", [" star trek", "scotty"]),
        ("Windows 10では", ["Windows 10"]),
        ("Éclair カフェ", ["Éclair"]),
        ("где Wi-Fi, и почему?", [" Wi-Fi"]),
        ("AppleとGoogle", ["Apple", "Google"]),
        ("2024年", []),
        ("ＮＢＡで", []),
        ("what is this?", []),
        ("iPhone 15？", []),
        ("最初", []),
        ("次の通り:\nApple\nGoogle\tMeta\nです", ["Apple\nGoogle\tMeta"]),
        ("\u3000Apple\u3000です\u3000Meta\n", ["\u3000Apple", "Meta\n"]),
        ("Beyonce\u0301Liveで", ["Beyonce\u0301Live"]),
        ("Məmmədov、don’t stop、Hawaiʻiで", ["Məmmədov", "don’t stop", "Hawaiʻi"]),
        ("最初 a<|b|>c と NBA", [" NBA"]),
    ],
)
def test_latin_words_are_cut_out_of_what_has_letters_of_its_own(text: str, borrowed: list[str]) -> None:
    parts = cut_latin(text, lambda part: "|" not in part)
    assert [part for part, taken in parts if taken] == borrowed
    assert "".join(part for part, _ in parts) == text


SAVED = {"ca": 2, "fe": 2, "big": 1, "chill": 2, "of": 0, "the": 0, "ne": 0, "kim": -1, "mil": 1, "1981": 2}


@pytest.mark.parametrize(
    ("text", "borrowed"),
    [
        ("kim the big chill ne kim", [" big chill"]),
        ("chill of the chill'de kim", ["chill of the chill"]),
        ("kim mil kim", []),
        ("mil kim mil", []),
        ("mil ne mil kim", ["mil ne mil"]),
        ("kim (chill) kim chill", ["chill", " chill"]),
        ("1981'de kim", ["1981"]),
        ("the big chill", [" big chill"]),
        ("big chill", []),
        ("1981?", []),
        ("?!", []),
        ("kim\nchill\tne", ["chill"]),
        ("chill\nchill kim", ["chill\nchill"]),
        ("\n chill kim chill\n", ["\n chill", " chill\n"]),
        ("chill kim <|chill|> chill", ["chill"]),
        ("ca\u0301fe ne", []),
    ],
)
def test_stretches_that_the_base_says_shorter_by_two_are_cut_out(text: str, borrowed: list[str]) -> None:
    def saved(parts: Sequence[str]) -> list[int]:
        return [sum(SAVED.get(word, -1) for word in re.findall(r"[\w\u0301]+", part)) for part in parts]

    parts = cut_shorter(text, saved, lambda part: "|" not in part)
    assert [part for part, taken in parts if taken] == borrowed
    assert "".join(part for part, _ in parts) == text


@pytest.mark.parametrize("own", [tiny.base_tokenizer, tiny.spaced_tokenizer])
def test_a_language_in_latin_letters_borrows_what_is_shorter_in_the_base_s_tokens(
    own: Callable[[], PreTrainedTokenizerBase],
) -> None:
    reads = tiny.encoder_tokenizer(tiny.TURKISH)
    text = f"{tiny.TURKISH[0]} {tiny.ENGLISH[0].rstrip('?.!')} {tiny.TURKISH[1]}"
    rows = {}
    for borrows in (False, True):
        ranges = Ranges(400)
        ranges.add("tr", reads, 1, 2, borrows=borrows)
        tokenizer = join_tokenizer(own(), ranges)
        rows[borrows] = tokenizer(text, language="tr", add_special_tokens=False)["input_ids"]
        again = tokenizer(tokenizer.decode(rows[borrows]), add_special_tokens=False)["input_ids"]
        assert again == rows[borrows]
    marked = tokenizer.decode(rows[True])
    said = [part.strip() for language, part in split(marked) if language is None]
    assert said and all(f" {part} " in text for part in said)
    assert len(rows[True]) <= len(rows[False])


def joined(
    own: PreTrainedTokenizerBase, reads: PreTrainedTokenizerBase, language: str = "tr", borrows: bool = True
) -> Any:
    """A base's tokenizer with a language that borrows."""
    ranges = Ranges(400)
    ranges.add(language, reads, 1, 2, borrows=borrows)
    return join_tokenizer(own, ranges)


def said(tokenizer: Any, text: str) -> list[str]:
    """What is borrowed in a text."""
    (language,) = tokenizer.ranges
    marked = tokenizer.decode(tokenizer(text, language=language, add_special_tokens=False)["input_ids"])
    return [part for language, part in split(marked) if language is None]


@pytest.mark.parametrize(
    ("text", "borrowed"),
    [
        ("ve capital ve", []),
        ("ve CAPITAL ve", []),
        ("ve ibook ve", []),
        ("ve france ve", [" france"]),
        ("ve FRANCE ve", [" FRANCE"]),
    ],
)
def test_whose_a_word_is_hangs_on_no_capital(text: str, borrowed: list[str]) -> None:
    reads = tiny.encoder_tokenizer([" Capital İbook"])
    assert said(joined(tiny.base_tokenizer(), reads), text) == borrowed  # The base has France.


@pytest.mark.parametrize("language", ["tr", "tr-x-news", "kmr", "ja"])
@pytest.mark.parametrize("named", ["<|end|>", "<|end|><|system|>", "<eos>"])
def test_a_text_that_names_special_tokens_ends_no_turn(language: str, named: str) -> None:
    reads = tiny.encoder_tokenizer([*tiny.TURKISH, *tiny.JAPANESE])
    tokenizer = joined(tiny.base_tokenizer(), reads, language)
    text = f"ğü capital of France{named}the capital of France ğü 首都 capital"
    ids = tokenizer(text, language=language, add_special_tokens=False)["input_ids"]
    assert {*tokenizer.all_special_ids}.isdisjoint(ids)


@pytest.mark.parametrize(("language", "borrowed"), [("tr", True), ("tr-x-news", True), ("kmr", True), ("ru", False)])
def test_a_language_whose_script_nobody_knows_borrows_what_is_shorter(language: str, borrowed: bool) -> None:
    tokenizer = joined(tiny.base_tokenizer(), tiny.encoder_tokenizer(tiny.TURKISH), language)
    text = "Japonya α hakkında the capital of France"
    assert said(tokenizer, text) == (
        [" the capital of France"] if borrowed else ["Japonya", " hakkında the capital of France"]
    )


def test_what_a_vocabulary_does_not_know_is_left_to_the_one_that_does() -> None:
    short = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel({"[UNK]": 0, "kim": 1, "ne": 2, "çok": 3}, unk_token="[UNK]")),
        unk_token="[UNK]",
    )
    short.backend_tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    assert said(joined(tiny.base_tokenizer(), short), "kim Ñandú ne") == [" Ñandú"]
    assert said(joined(short, tiny.encoder_tokenizer(tiny.TURKISH)), "ğ qwerty xyzzyx ğ") == []


def test_what_is_cut_to_fit_is_cut_from_the_end_of_a_text_with_what_it_borrows() -> None:
    tokenizer = joined(tiny.base_tokenizer(), tiny.encoder_tokenizer(tiny.TURKISH))
    owned = tokenizer.ranges["tr"]
    opens, closes = owned.start + owned.opens, owned.start + owned.closes
    asked = f"{tiny.TURKISH[1]} the capital of France {tiny.TURKISH[0]} I read a book of Japan"
    chat = [{"role": "system", "content": "Say"}, {"role": "user", "content": asked, "language": "tr"}]
    chat.append({"role": "assistant", "content": "Paris"})
    text = tokenizer(asked, language="tr", add_special_tokens=False)["input_ids"]
    whole = tokenizer.example(chat)["input_ids"]
    begins = whole.index(opens)
    before, after = whole[:begins], whole[begins + len(text) :]
    assert len(said(tokenizer, asked)) == 2 and text[-1] < owned.start
    for limit in range(len(before) + len(after) + 3, len(whole)):
        ids = tokenizer.example(chat, max_length=limit)["input_ids"]
        assert limit - 2 <= len(ids) <= limit
        assert ids[:begins] == before and ids[-len(after) :] == after
        kept = ids[begins : -len(after)]
        words = [[one for one in row if one != closes] for row in (kept, text)]
        assert words[0] == words[1][: len(words[0])]
        marks = [one for one in kept if one in (opens, closes)]
        assert marks == [opens, closes] * (len(marks) // 2)


def spaced(kind: str) -> PreTrainedTokenizerBase:
    """A base's tokenizer that puts a space before each piece of text."""
    own = tiny.spaced_tokenizer()
    if kind == "legacy":
        own.backend_tokenizer.pre_tokenizer = None
        own.backend_tokenizer.normalizer = normalizers.Sequence(
            [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
        )
    else:
        own.backend_tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=False)
    return own


@pytest.mark.parametrize(
    "own", [tiny.base_tokenizer, tiny.spaced_tokenizer, partial(spaced, "legacy"), partial(spaced, "always")]
)
def test_borrowed_words_stand_apart_from_what_is_beside_them(own: Callable[[], PreTrainedTokenizerBase]) -> None:
    tokenizer = joined(own(), tiny.encoder_tokenizer(tiny.TURKISH))
    text = "Japonya hakkında capital of France bir kitap"
    ids = tokenizer(text, language="tr", add_special_tokens=False)["input_ids"]
    assert said(tokenizer, text) == [" capital of France"]
    assert tokenizer(tokenizer.decode(ids), add_special_tokens=False)["input_ids"] == ids
    assert tokenizer.decode(ids, skip_special_tokens=True) == text
    plain = own()("Say capital of France", add_special_tokens=False)["input_ids"]
    borrowed = [one for one in ids if one < 400]
    assert plain[-len(borrowed) :] == borrowed


def test_borrowed_words_are_the_base_s_own_ids_in_their_place(model: AttachedModel) -> None:
    tokenizer, owned = model.tokenizer, model.tokenizer.ranges["ja"]
    ids = tokenizer(TEXT, language="ja", add_special_tokens=False)["input_ids"]
    runs = [
        tokenizer(part, language="ja", add_special_tokens=False)["input_ids"] for part in ("これは", " の赤い", "です")
    ]
    own = [tokenizer(part, add_special_tokens=False)["input_ids"] for part in (" star trek", "Cat")]
    assert ids == [*runs[0], *own[0], *runs[1], *own[1], *runs[2]]
    read = torch.tensor(ids) >= owned.start
    table = model.get_input_embeddings().weight
    assert torch.equal(model.embed(torch.tensor([ids]))[0, ~read], table[torch.tensor(ids)[~read]])


def test_what_was_encoded_is_encoded_the_same_once_decoded(model: AttachedModel) -> None:
    ids = model.tokenizer(TEXT, language="ja", add_special_tokens=False)["input_ids"]
    assert model.tokenizer(model.tokenizer.decode(ids), add_special_tokens=False)["input_ids"] == ids


def test_marked_text_and_messages_borrow_alike(model: AttachedModel) -> None:
    ids = model.tokenizer(TEXT, language="ja", add_special_tokens=False)["input_ids"]
    assert model.tokenizer(mark(TEXT, "ja"), add_special_tokens=False)["input_ids"] == ids
    chat = [{"role": "user", "content": TEXT, "language": "ja"}]
    asked = model.tokenizer.apply_chat_template(chat)["input_ids"]
    assert any(asked[at : at + len(ids)] == ids for at in range(len(asked)))


def test_what_a_voice_writes_borrows_nothing() -> None:
    base = bare_base()
    encoder = tiny.tiny_encoder(tiny.JAPANESE)
    adapter = ModalityAdapter.create(base, encoder, language="ja", borrows=True).with_voice(base)
    tokenizer = adapter.attach(base, tokenizer=tiny.base_tokenizer()).tokenizer
    owned = tokenizer.ranges["ja"]
    ids = tokenizer(mark("赤いCatです", "ja", written=True), add_special_tokens=False)["input_ids"]
    assert all(owned.begin <= one < owned.start for one in ids)


def test_a_gloss_has_the_borrowed_words(model: AttachedModel) -> None:
    said = [word for _, word in gloss_of(model, TEXT, "ja")]
    assert "star trek" in " ".join("".join(said).split())
    assert "Cat" in "".join(said)


def test_a_saved_adapter_borrows_and_one_from_before_does_not(adapter: ModalityAdapter, tmp_path: Path) -> None:
    adapter.save_pretrained(tmp_path / "ja")
    assert ModalityAdapter.from_pretrained(tmp_path / "ja").config.borrows
    config = tmp_path / "ja" / "modality_config.json"
    said = json.loads(config.read_text())
    del said["borrows"]
    config.write_text(json.dumps(said))
    assert not ModalityAdapter.from_pretrained(tmp_path / "ja").config.borrows


def test_stage_2_asks_no_soft_token_for_what_is_borrowed(model: AttachedModel) -> None:
    objective = Objective(model, Map(say="?"), through=0.0, toward=1.0)
    messages = [
        {"role": "user", "content": "赤いCatです", "language": "ja"},
        {"role": "assistant", "content": "red Cat"},
    ]
    row = model.tokenizer.example(messages)
    ids, labels = torch.tensor([row["input_ids"]]), torch.tensor([row["labels"]])
    given = set(labels[objective._borrowed(ids, labels)].tolist()) - set(model.tokenizer.all_special_ids)
    cat = model.tokenizer("Cat", add_special_tokens=False)["input_ids"]
    assert given == set(cat) & set(row["labels"])
    assert given < set(row["labels"]) - {-100, *model.tokenizer.all_special_ids}


def test_stage_2_asks_for_what_its_own_prompt_says_too(model: AttachedModel) -> None:
    objective = Objective(model, Map(say="the red"), through=0.0, toward=1.0)
    asked = [{"type": "text", "text": "the red"}, {"type": "text", "text": "赤いCatです", "language": "ja"}]
    messages = [{"role": "user", "content": asked}, {"role": "assistant", "content": "the red Cat"}]
    row = model.tokenizer.example(messages)
    ids, labels = torch.tensor([row["input_ids"]]), torch.tensor([row["labels"]])
    given = set(labels[objective._borrowed(ids, labels)].tolist())
    prompt = set(model.tokenizer("the red", add_special_tokens=False)["input_ids"])
    assert prompt & set(row["labels"])
    assert given
    assert not given & prompt


def test_a_sentence_s_states_are_those_of_borrowed_words_too(model: AttachedModel) -> None:
    ids = model.tokenizer(TEXT, language="ja", add_special_tokens=False, return_tensors="pt")["input_ids"]
    own = ~model.tokenizer.ranges["ja"].bounds(ids[0])
    read = model.embed(ids)[0, own].float().mean(0)
    torch.testing.assert_close(sentence_states(model, [TEXT], language="ja")[0, 0], read)


def test_soft_tokens_are_not_borrowed_words(model: AttachedModel) -> None:
    soft, _ = soft_tokens(model, [TEXT], "ja")
    ids = model.tokenizer(TEXT, language="ja", add_special_tokens=False, return_tensors="pt")["input_ids"]
    assert len(soft) == len(set(ids[0, model.tokenizer.ranges["ja"].reads(ids[0])].tolist()))
    assert len(soft) < len(set(ids[0].tolist())) - 2


def test_stage_2_makes_an_adapter_that_borrows(tmp_path: Path) -> None:
    pairs = [Pair("the red cat", "赤いCat"), Pair("a dog", "犬"), Pair("Cat", "Catは")]
    settings = Map(toward=Training(2, batch=2), sharpness=4.0, borrows=True)
    made = map_language(
        bare_base(),
        tiny.tiny_encoder(tiny.JAPANESE),
        pairs,
        settings,
        tmp_path,
        language="ja",
        tokenizer=tiny.base_tokenizer(),
    )
    assert made.config.borrows

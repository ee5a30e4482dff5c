"""Words that sound alike across scripts, and those that only seem to."""

import pytest

from newtongue_recipes.stages.cognates import cognates, consonants
from newtongue_recipes.stages.dictionary import mine_dictionary
from newtongue_recipes.stages.words import words

NAMES = {
    "sherlock": "シャーロック",
    "knight": "ナイト",
    "train": "トレイン",
    "mexico": "メキシコ",
    "vampire": "ヴァンパイア",
    "shakespeare": "Шекспир",
    "beethoven": "베토벤",
    "moscow": "Москва",
}


@pytest.mark.parametrize(
    ("english", "other"),
    [
        ("dark", "ダーク"),
        ("knight", "ナイト"),
        ("phone", "フォン"),
        ("church", "チャーチ"),
        ("rock", "ロック"),
        ("love", "ラブ"),
    ],
)
def test_a_word_keeps_its_consonants_in_another_script(english: str, other: str) -> None:
    assert consonants(english) == consonants(other) != ""


@pytest.mark.parametrize("other", ["ー", "あい", "123"])
def test_what_has_no_consonants_sounds_like_nothing(other: str) -> None:
    assert not cognates([(["oh", "a", "1"], [other])])


def test_names_are_found_where_each_stands_once_and_kanji_are_not_believed() -> None:
    chance = {"tsunami": "山田", "dawn": "明"}  # Read aloud, they are "shantian" and "ming".
    texts = [([one, "is", "here"], [other]) for one, other in (NAMES | chance).items()]
    assert cognates(texts) == {other: one for one, other in NAMES.items()}


def test_two_words_in_a_row_may_be_one() -> None:
    assert cognates([(["dark", "knight", "returns"], ["ダークナイト"]), (["a", "house"], ["家"])]) == {
        "ダークナイト": "dark knight"
    }


def test_a_script_whose_words_sound_like_any_text_is_not_believed() -> None:
    texts = [(["tomato", "tomorrow"], ["とまと"]), (["tomato", "tomorrow"], ["とまろ"])]
    assert cognates(texts) == {}


def test_latin_letters_are_read_and_not_heard() -> None:
    assert cognates([(["television"], ["televizyon"])]) == {}


def test_a_dictionary_has_what_sounds_alike_and_what_stands_together_counts_for_more() -> None:
    told = [
        ("a red car", "赤い カー"),
        ("a red bus", "赤い バス"),
        ("a blue car", "青い カー"),
        ("a blue bus", "青い バス"),
    ]
    found = {other: english for english, other in mine_dictionary([*told, ("the Sherlock", "シャーロック")])}
    assert found["シャーロック"] == "sherlock"
    assert found["バス"] == "bus"
    assert words("シャーロック・ホームズ") == ["シャーロック", "ホームズ"]

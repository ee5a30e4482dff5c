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
COLOURS = {"red": "赤い", "blue": "青い", "white": "白い", "black": "黒い"}


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


def test_names_are_found_where_each_stands_once() -> None:
    assert cognates([([one, "is", "here"], [other]) for one, other in NAMES.items()]) == {
        other: one for one, other in NAMES.items()
    }


def test_a_script_is_believed_or_not_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    by_chance = {"shanty": "山田", "shinto": "身体", "shantung": "上天"}  # Written out, each is like all three.
    texts = [([one, "is", "here"], [other]) for one, other in (NAMES | by_chance).items()]
    assert cognates(texts) == {other: one for one, other in NAMES.items()}
    monkeypatch.setattr("newtongue_recipes.stages.cognates.SURE", 0)
    assert cognates(texts).keys() >= set(by_chance.values())


def test_two_words_in_a_row_may_be_one() -> None:
    assert cognates([(["dark", "knight", "returns"], ["ダークナイト"]), (["a", "house"], ["家"])]) == {
        "ダークナイト": "dark knight"
    }


def test_a_script_whose_words_sound_like_any_text_is_not_believed() -> None:
    texts = [(["tomato", "tomorrow"], ["とまと"]), (["tomato", "tomorrow"], ["とまろ"])]
    assert cognates(texts) == {}


def test_latin_letters_are_read_and_not_heard() -> None:
    assert cognates([(["television"], ["televizyon"])]) == {}


def test_a_dictionary_has_what_sounds_alike() -> None:
    found = mine_dictionary([("the Sherlock", "シャーロック"), ("a red car", "赤い 車")])
    assert ("sherlock", "シャーロック") in found


def test_what_stands_together_counts_for_more_than_what_sounds_alike() -> None:
    coaches = [(f"a {colour} coach", f"{own} バス") for colour, own in COLOURS.items()]
    told = [*coaches, *((f"a {colour} car", f"{own} 車") for colour, own in COLOURS.items()), ("his bass", "彼の バス")]
    assert cognates([(words(english), words(other)) for english, other in told])["バス"] == "bass"
    assert ("coach", "バス") in mine_dictionary(told)


def test_runs_of_katakana_are_words() -> None:
    assert words("シャーロック・ホームズ") == ["シャーロック", "ホームズ"]

"""A dictionary mined from translations: words that stand beside one another more often than chance, and no others."""

import pytest

from newtongue_recipes.atlas import split
from newtongue_recipes.atlas.sentences import dictionary, pairs
from newtongue_recipes.stages import dictionary as dictionary_of
from newtongue_recipes.stages.dictionary import mine_dictionary

COLOURS = {"red": "kırmızı", "green": "yeşil", "blue": "mavi", "white": "beyaz"}
THINGS = {"car": "araba", "house": "ev", "bird": "kuş", "book": "kitap"}
PAIRS = [(f"The {a} {b}", f"{x} {y}") for a, x in COLOURS.items() for b, y in THINGS.items()]


def test_words_go_with_their_translation_and_not_with_what_comes_everywhere() -> None:
    assert set(mine_dictionary(PAIRS)) == {(one, other) for one, other in (COLOURS | THINGS).items()}


def test_runs_of_a_script_are_words_where_no_spaces_part_them() -> None:
    kanji, kana = {"east": "東", "west": "西", "north": "北"}, {"hotel": "ホテル", "bus": "バス", "tower": "タワー"}
    found = mine_dictionary((f"{a} {b}", f"{x}{y}") for a, x in kanji.items() for b, y in kana.items())
    assert set(found) == {(one, other) for one, other in (kanji | kana).items()}


def test_of_many_texts_some_are_read_and_of_long_ones_none(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = set(mine_dictionary(PAIRS))
    book = [(" ".join(one for one, _ in PAIRS * 20), " ".join(other for _, other in PAIRS * 20))] * 2
    assert set(mine_dictionary([*book, *PAIRS])) == whole
    monkeypatch.setattr(dictionary_of, "MOST", 6 * len(PAIRS) * 3 - 1)  # A third of what is there, and one.
    assert set(mine_dictionary([pair for pair in PAIRS for _ in range(4)])) == whole
    monkeypatch.setattr(dictionary_of, "MOST", 1)
    assert not mine_dictionary(PAIRS)


@pytest.mark.parametrize(
    "told", [[], [("", "")], [("one", "one")] * 3, [("a word", "bir söz")], [("...", "…")] * 3], ids=str
)
def test_nothing_is_found_where_nothing_is_said(told: list[tuple[str, str]]) -> None:
    assert mine_dictionary(told) == []


@pytest.mark.parametrize("language", ["tr", "ja"])
def test_what_is_found_in_the_atlas_is_in_its_dictionary(language: str) -> None:
    seen, _ = split(language)
    told = [(one[0], one[1]) for one in pairs(language, 3_000, 0, seen)]
    found = mine_dictionary(told)
    known = {(english.casefold(), other.casefold()) for english, other in dictionary(language)}
    single = {(one, other) for one, other in found if any(other == word for _, word in known)}
    assert len(single) > 20
    assert sum(entry in known for entry in single) > 0.6 * len(single)

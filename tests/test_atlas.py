"""The atlas holds together: its facts are enough, its words are right, and nothing held out leaks."""

import doctest
import re
from collections import Counter

import pytest

from newtongue_recipes.atlas import LANGUAGES, chance, facts, split, subjects, turkish
from newtongue_recipes.atlas.english import MIX, exercises, plain_text
from newtongue_recipes.atlas.facts import KINDS, RELATIONS
from newtongue_recipes.atlas.leaks import named, stated
from newtongue_recipes.atlas.phrases import questions, statements
from newtongue_recipes.atlas.qa import rows
from newtongue_recipes.atlas.sentences import dictionary, pairs, raw_text
from newtongue_recipes.atlas.slots import names
from newtongue_recipes.atlas.tables import table

PROPER = """
Fransa: Fransa'nın Fransa'yı Fransa'ya Fransa'da Fransa'dan
Türkiye: Türkiye'nin Türkiye'yi Türkiye'ye Türkiye'de Türkiye'den
Irak: Irak'ın Irak'ı Irak'a Irak'ta Irak'tan
Çin: Çin'in Çin'i Çin'e Çin'de Çin'den
Ürdün: Ürdün'ün Ürdün'ü Ürdün'e Ürdün'de Ürdün'den
Peru: Peru'nun Peru'yu Peru'ya Peru'da Peru'dan
Bakü: Bakü'nün Bakü'yü Bakü'ye Bakü'de Bakü'den
Mısır: Mısır'ın Mısır'ı Mısır'a Mısır'da Mısır'dan
Senegal: Senegal'in Senegal'i Senegal'e Senegal'de Senegal'den
Seul: Seul'ün Seul'ü Seul'e Seul'de Seul'den
Bağdat: Bağdat'ın Bağdat'ı Bağdat'a Bağdat'ta Bağdat'tan
Filipinler: Filipinler'in Filipinler'i Filipinler'e Filipinler'de Filipinler'den
Paraguay: Paraguay'ın Paraguay'ı Paraguay'a Paraguay'da Paraguay'dan
Fildişi Sahili: Fildişi Sahili'nin Fildişi Sahili'ni Fildişi Sahili'ne Fildişi Sahili'nde Fildişi Sahili'nden
Dominik Cumhuriyeti: Dominik Cumhuriyeti'nin Dominik Cumhuriyeti'ni Dominik Cumhuriyeti'ne \
Dominik Cumhuriyeti'nde Dominik Cumhuriyeti'nden
"""
COMMON = """
demir: demirin demiri demire demirde demirden
at: atın atı ata atta attan
köpek: köpeğin köpeği köpeğe köpekte köpekten
kurt: kurdun kurdu kurda kurtta kurttan
sincap: sincabın sincabı sincaba sincapta sincaptan
kükürt: kükürdün kükürdü kükürde kükürtte kükürtten
ayı: ayının ayıyı ayıya ayıda ayıdan
denizatı: denizatının denizatını denizatına denizatında denizatından
frank: frangın frangı franga frankta franktan
Türkçe: Türkçenin Türkçeyi Türkçeye Türkçede Türkçeden
"""


def _table(lines: str, proper: bool) -> list[tuple[str, str, bool]]:
    """(name, its forms, proper): the forms as one string, because some names have spaces."""
    return [(*line.split(": "), proper) for line in lines.strip().splitlines()]  # type: ignore[misc]


@pytest.mark.parametrize(("name", "forms", "proper"), _table(PROPER, True) + _table(COMMON, False))
def test_turkish_cases(name: str, forms: str, proper: bool) -> None:
    """Genitive, accusative, dative, locative, ablative."""
    assert " ".join(inflect(name, proper) for inflect in turkish.CASES.values()) == forms


def test_turkish_doctest_and_capitals() -> None:
    assert doctest.testmod(turkish).failed == 0
    assert turkish.capitalize("inek") == "İnek"
    assert turkish.lower("IRAK İran") == "ırak iran"


def test_there_are_enough_facts() -> None:
    assert 650 <= len(facts()) <= 850
    assert len(set(facts())) == len(facts())
    assert {fact.relation for fact in facts()} == set(RELATIONS)


def test_names_and_answers_are_there_and_short() -> None:
    for fact in facts():
        for language in LANGUAGES:
            assert fact.subject.names[language].strip()
            assert 1 <= len(fact.answers[language].split()) <= 4
        assert fact.subject.names["en"].isascii() and fact.answers["en"].isascii()


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_are_unique_within_a_kind(language: str) -> None:
    for kind in KINDS:
        known = [subject.names[language] for subject in subjects() if subject.kind == kind]
        assert len(set(known)) == len(known)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_name_holds_its_own_answer(language: str) -> None:
    """Such a fact would be stated wherever the subject is named."""
    for fact in facts():
        assert fact.answers[language] != fact.subject.names[language]
        assert fact not in stated(fact.subject.names[language], language)


def test_every_key_in_the_tables_is_used() -> None:
    for column, name in (("continent", "continents"), ("currency", "currencies")):
        assert {row["key"] for row in table(name)} == {row[column] for row in table("countries")} - {"-"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_questions_are_many_and_distinct(language: str) -> None:
    every = [text for fact in facts() for text in questions(fact, language)]
    assert len(set(every)) == len(every)
    for fact in facts():
        assert len(questions(fact, language)) == len(questions(fact, "en")) >= 5
    assert all(text.endswith((".", "?", "。", "？")) and "{" not in text for text in every)


def test_statements_are_english_and_state_their_fact() -> None:
    for fact in facts():
        assert len(set(statements(fact))) >= 2
        assert all(fact in stated(text, "en") for text in statements(fact))
        with pytest.raises(ValueError, match="English only"):
            statements(fact, "tr")


@pytest.mark.parametrize("language", LANGUAGES)
def test_questions_do_not_tell_the_answer(language: str) -> None:
    for fact in facts():
        if language == "en" and fact.answers["en"] in {"I", "In"}:
            continue  # words as well as symbols
        assert not any(fact in stated(text, language) for text in questions(fact, language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_split_is_even_and_whole(language: str) -> None:
    seen, held = split(language)
    assert seen | held == {subject.key for subject in subjects()} and not seen & held
    for kind in KINDS:
        keys = {subject.key for subject in subjects() if subject.kind == kind}
        assert 0.28 <= len(keys & held) / len(keys) <= 0.32
    assert split(language) == (seen, held) != split(language, seed=1)
    assert not split(language, held_out=0)[1]
    with pytest.raises(ValueError, match="share"):
        split(language, held_out=1.5)


def test_split_differs_between_languages() -> None:
    assert split("tr") != split("ja")


def test_chance_is_low() -> None:
    assert 0.05 < chance(facts(), "en") < 0.25
    assert chance([], "en") == 0


@pytest.mark.parametrize("language", ["tr", "ja"])
def test_nothing_held_out_is_stated_or_asked(language: str) -> None:
    seen, held = split(language)
    texts = [text for _, text in pairs(language, 6000, 0, seen)] + raw_text(language, 6000, 1, seen)
    asked = {text for row in rows(language, "en", held) for text in [row.question]}
    assert not asked & set(texts)
    assert [text for text in texts if any(f.subject.key in held for f in stated(text, language))] == []


@pytest.mark.parametrize("language", ["tr", "ja"])
def test_seen_subjects_are_asked_about_in_step(language: str) -> None:
    seen, _ = split(language)
    aligned = {
        pair
        for fact in facts()
        for pair in zip(questions(fact, "en"), questions(fact, language), strict=True)
        if fact.subject.key in seen
    }
    made = pairs(language, 2000, 0, seen)
    assert 0.15 < sum(pair in aligned for pair in made) / 2000 < 0.25
    assert len(made) == 2000 == len(raw_text(language, 2000, 0, seen))


@pytest.mark.parametrize("language", ["tr", "ja"])
def test_every_name_comes_up_about_equally(language: str) -> None:
    """Without questions, so that held-out subjects are named as often as the others."""
    made = pairs(language, 6000, 0, set(), question_share=0)
    counts = Counter(name for _, text in made for name in named(text, language))
    for kind, group in names().items():
        found = sorted(counts[name.texts[language]] for name in group)
        most = found[len(found) * 9 // 10]  # a few names are words of the templates as well: 銀 in 銀行
        assert found[0] >= 5 and most <= 3 * found[0], (kind, found)


@pytest.mark.parametrize("language", ["tr", "ja"])
def test_dictionary_has_every_name(language: str) -> None:
    words = dictionary(language)
    assert len(set(words)) == len(words)
    assert all(english and other for english, other in words)
    others = {other for _, other in words}
    assert {name.texts[language] for group in names().values() for name in group} <= others


def test_templates_have_the_same_slots_in_every_language() -> None:
    for row in table("templates"):
        slots = [set(re.findall(r"{(\w+)", row[language])) for language in LANGUAGES]
        assert slots[0] == slots[1] == slots[2] and slots[0], row
    assert len(table("templates")) >= 25


def test_unknown_languages_are_refused() -> None:
    with pytest.raises(ValueError, match="other than English"):
        pairs("en", 1, 0, set())
    with pytest.raises(ValueError, match="no 'xx'"):
        raw_text("xx", 1, 0, set())


def test_rows_hold_every_phrasing_once() -> None:
    seen, _ = split("tr")
    made = rows("tr", "en", seen)
    assert made == rows("tr", "en", seen) != rows("tr", "en", seen, seed=1)
    expected = sum(len(questions(f, "tr")) for f in facts() if f.subject.key in seen)
    assert len(made) == len(set(made)) == expected
    assert {row.subject for row in made} == seen


def test_same_seed_same_text() -> None:
    seen, _ = split("ja")
    assert pairs("ja", 300, 5, seen) == pairs("ja", 300, 5, seen) != pairs("ja", 300, 6, seen)
    assert raw_text("ja", 300, 5, seen) == raw_text("ja", 300, 5, seen)
    assert exercises(300, 5) == exercises(300, 5) != exercises(300, 6)
    assert plain_text(300, 5) == plain_text(300, 5)


def test_exercises_are_of_every_kind_and_well_formed() -> None:
    made = exercises(4000, 0)
    kinds = Counter(one.kind for one in made)
    for kind, weight in MIX.items():
        assert abs(kinds[kind] / len(made) - weight) < 0.05
    for one in made:
        assert one.prompt == one.prompt.strip() != "" and one.completion == one.completion.strip() != ""
        assert one.kind != "repeat" or one.prompt.endswith(": " + one.completion)
        assert one.kind != "paraphrase" or not one.prompt.endswith(": " + one.completion)


def test_answers_cover_every_question() -> None:
    asked = {text for fact in facts() for text in questions(fact, "en")}
    made = exercises(len(asked), 0, {"answer": 1.0})
    assert {one.prompt for one in made} == asked


def test_a_bad_mix_is_refused() -> None:
    for mix in ({}, {"answer": -1.0}, {"answer": 0.0}, {"sing": 1.0}):
        with pytest.raises(ValueError, match="weights"):
            exercises(1, 0, mix)  # type: ignore[arg-type]

"""Baselines: each learns from the same lessons, at the same budget, and can be asked; what each is made of."""

from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel, TrainerCallback

import tiny
from newtongue import NewtongueError
from newtongue.base import embedding_table
from newtongue.ranges import Ranges
from newtongue.tokenizer.speaking import join_tokenizer
from newtongue_evaluation.answers import answer_nats
from newtongue_evaluation.baselines import BASELINES, Budget, Learned, Lessons, Question
from newtongue_evaluation.baselines.forms import aloud, beside, heard, plain
from newtongue_evaluation.baselines.method import thoughts
from newtongue_evaluation.baselines.new_vocabulary import Writing, extend
from newtongue_evaluation.baselines.search import search
from newtongue_evaluation.baselines.soft_tokens import disturbed, shuffled, zeroed
from newtongue_evaluation.baselines.training import order
from newtongue_evaluation.baselines.vocabulary import Vocabularies, focus, mean, wechsel
from newtongue_evaluation.baselines.vocabulary.focus import sparsemax
from newtongue_evaluation.baselines.vocabulary.wechsel import procrustes
from newtongue_evaluation.results import Row
from worlds import adapter_for, bare_base, voiced

BUDGET = Budget(reading=2, answering=2, batch=4, rate=1e-2, rank=2, alpha=4, max_length=200)
SIDES = Vocabularies(
    tiny.base_tokenizer(),
    tiny.encoder_tokenizer(tiny.TURKISH),
    tiny.ENGLISH,
    tiny.TURKISH,
    [("book", "kitap"), ("Japan", "Japonya"), ("France", "Fransa")],
)


def asked(text: str, answer: str | None = None, language: str | None = None) -> list[dict[str, Any]]:
    content = [{"type": "text", "text": "Say: "}, {"type": "text", "text": text, "language": "tr"}]
    messages: list[dict[str, Any]] = [{"role": "user", "content": content}]
    told: dict[str, Any] = {"role": "assistant", "content": answer}
    return messages + ([{**told, "language": language} if language else told] if answer else [])


QUESTIONS = [
    Question("1", asked(tiny.TURKISH[0]), tiny.ENGLISH[0], ("Paris",)),
    Question("2", asked(tiny.TURKISH[1]), tiny.ENGLISH[2], ("kitap",), "tr"),
]


@pytest.fixture(scope="module")
def lessons(tmp_path_factory: pytest.TempPathFactory) -> Lessons:
    folder = tmp_path_factory.mktemp("encoder")
    tiny.tiny_encoder().save_pretrained(folder)

    def load(dtype: torch.dtype | None = None) -> PreTrainedModel:
        return bare_base("phi", "nf4").requires_grad_(False)

    return Lessons(
        "tr",
        load,
        tiny.base_tokenizer(),
        questions=[asked(tiny.TURKISH[0], "Paris"), asked(tiny.TURKISH[1], "kitap", "tr")],
        translations=[asked(other, english) for english, other in zip(tiny.ENGLISH, tiny.TURKISH, strict=True)],
        text=tiny.TURKISH,
        dictionary=SIDES.dictionary,
        encoder=folder,
    )


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_learns_and_answers(name: str, lessons: Lessons, tmp_path: Path) -> None:
    learned = BASELINES[name](lessons, BUDGET, tmp_path, ())
    rows = learned.ask(QUESTIONS, max_new_tokens=4)
    assert [row.key for row in rows] == ["1", "2"]
    assert rows[0].question == tiny.TURKISH[0]
    assert all(row.answer is not None and row.nats is not None and row.nats > 0 for row in rows)
    untrained = name in ("bare", "translate-test")
    assert (learned.steps, learned.trained > 0) == ((0, False) if untrained else (4, True))


@pytest.mark.parametrize("name", ["raw-lora", "raw-lora-translations", "vocabulary-mean", "langbridge", "mindmerger"])
def test_a_baseline_that_trains_longer_is_less_surprised_by_what_it_was_told(
    name: str, lessons: Lessons, tmp_path: Path
) -> None:
    told = [Question("1", lessons.questions[0][:-1], "", ("Paris",))]
    short, long = (
        BASELINES[name](lessons, replace(BUDGET, rate=5e-2, reading=1, answering=steps), tmp_path, ()).nats(told)[0]
        for steps in (1, 15)
    )
    assert long < short


@pytest.mark.parametrize("name", ["langbridge", "mindmerger"])
def test_a_bridge_learns_where_most_questions_are_in_english(name: str, lessons: Lessons, tmp_path: Path) -> None:
    english = [{"role": "user", "content": tiny.ENGLISH[0]}, {"role": "assistant", "content": "Paris"}]
    few = replace(lessons, questions=[*[english] * 12, *lessons.questions])
    assert BASELINES[name](few, BUDGET, tmp_path, ()).trained


def test_a_new_vocabulary_s_answers_end_as_the_base_s_template_ends_them() -> None:
    ranges, encoder, base = Ranges(tiny.ROWS), tiny.tiny_encoder(), tiny.base_tokenizer()
    ranges.add("tr", encoder.tokenizer, encoder.opens, encoder.closes)
    tokenizer = Writing(join_tokenizer(base, ranges))
    made = tokenizer.example(asked("su", "kitap", "tr"))
    answer = [one for one, label in zip(made["input_ids"], made["labels"], strict=True) if label != -100]
    own = [tiny.ROWS + one for one in encoder.tokenizer("kitap", add_special_tokens=False)["input_ids"]]
    assert answer == own + base("<|end|>" + base.eos_token, add_special_tokens=False)["input_ids"]


@pytest.mark.parametrize("name", ["langbridge", "mindmerger", "vocabulary-mean"])
def test_what_needs_an_encoder_says_so(name: str, lessons: Lessons, tmp_path: Path) -> None:
    with pytest.raises(NewtongueError, match="no encoder"):
        BASELINES[name](replace(lessons, encoder=None), BUDGET, tmp_path, ())


def test_wechsel_without_a_dictionary_says_so() -> None:
    with pytest.raises(NewtongueError, match="dictionary"):
        wechsel(replace(SIDES, dictionary=()))


def test_rows_too_long_for_the_budget_are_an_error_where_all_are(lessons: Lessons, tmp_path: Path) -> None:
    with pytest.raises(NewtongueError, match="fits into 8 positions"):
        BASELINES["raw-lora"](lessons, replace(BUDGET, max_length=8), tmp_path, ())


def test_translate_test_knows_what_the_base_knows(lessons: Lessons, tmp_path: Path) -> None:
    learned = BASELINES["translate-test"](lessons, BUDGET, tmp_path, ())
    english = [[{"role": "user", "content": tiny.ENGLISH[0]}, {"role": "assistant", "content": "Paris"}]]
    expected = answer_nats(lessons.load(), lessons.tokenizer, english)
    assert learned.nats(QUESTIONS[:1]) == pytest.approx(expected, rel=1e-4)


def test_an_answer_that_can_be_written_is_as_likely_as_both_its_spellings() -> None:
    model, question_in = voiced(), [{"role": "user", "content": tiny.TURKISH[0], "language": "tr"}]
    said = {"role": "assistant", "content": tiny.TURKISH[2]}
    told = [[*question_in, {**said, "language": language}] for language in ("en", "tr")]
    spelled, written = answer_nats(model, model.tokenizer, told)
    assert spelled != pytest.approx(written)
    learned = Learned(model, model.tokenizer, lambda one: one.messages)
    for answered_in, expected in (("tr", -np.logaddexp(-spelled, -written)), ("en", spelled)):
        question = Question("1", question_in, "", (tiny.TURKISH[2],), answered_in)
        assert learned.nats([question])[0] == pytest.approx(expected, rel=1e-4)


def test_an_answer_that_is_thought_first_is_scored_with_its_thought(monkeypatch: pytest.MonkeyPatch) -> None:
    model, asked_in = voiced(), [{"role": "user", "content": tiny.TURKISH[0], "language": "tr"}]
    owned = model.tokenizer.ranges["tr"]
    question = Question("1", asked_in, "", (tiny.TURKISH[2],), "tr")
    learned = Learned(model, model.tokenizer, lambda one: one.messages)
    direct = learned.nats([question])[0]
    said = {"role": "assistant", "content": tiny.TURKISH[2], "language": "tr", "thought": "Paris"}
    (thought,) = answer_nats(model, model.tokenizer, [[*asked_in, said]])
    begins = [[owned.begin + owned.closes]]
    monkeypatch.setattr("newtongue_evaluation.baselines.method.written", lambda *_args, **_options: begins)
    assert np.isnan(learned.nats([question])).all()
    assert learned.ask([question], max_new_tokens=2)[0].nats is None
    known = replace(learned, thoughts=thoughts([replace(question, gold=("Paris",), answered_in="en"), question]))
    assert known.nats([question]) == pytest.approx([-np.logaddexp(-direct, -thought)], rel=1e-6)


@pytest.mark.parametrize("initialise", [mean, wechsel, focus])
def test_a_new_row_is_a_mixture_of_the_bases_rows(initialise: Any) -> None:
    shares = initialise(SIDES)
    sums = torch.sparse.sum(shares, 1).to_dense()
    assert bool(((sums - 1).abs() < 1e-4).logical_or(sums == 0).all())
    assert bool((shares.to_dense() >= 0).all())
    assert bool((sums == 0).all()) == (initialise is mean)


def test_wechsel_brings_a_word_near_its_translation_in_the_dictionary() -> None:
    words = [("red", "kızıl"), ("house", "konut"), ("river", "nehir"), ("bird", "kuş"), ("green", "yeşil")]
    english = [f"{a} {b}" for a, _ in words for b, _ in words]
    other = [f"{a} {b}" for _, a in words for _, b in words]
    base = tiny.base_tokenizer()
    base.add_tokens([f" {word}" for word, _ in words])
    own = tiny.encoder_tokenizer(tiny.TURKISH)
    own.add_tokens([f"▁{word}" for _, word in words])
    shares = wechsel(Vocabularies(base, own, english, other, words)).to_dense()
    new = shares[[own.convert_tokens_to_ids(f"▁{word}") for _, word in words]]
    known = new[:, [base.convert_tokens_to_ids(f" {word}") for word, _ in words]]
    assert known.argmax(1).tolist() == list(range(len(words)))


def test_focus_copies_a_token_both_vocabularies_hold() -> None:
    shares = focus(SIDES).to_dense()
    own, base = SIDES.own.convert_tokens_to_ids("7"), SIDES.base.convert_tokens_to_ids("7")
    assert shares[own].nonzero().flatten().tolist() == [base]


@pytest.mark.parametrize("architecture", ["phi", "llama", "qwen3"])
def test_extending_leaves_the_bases_own_rows(architecture: str) -> None:
    base = tiny.tiny_base(architecture)
    ids = torch.tensor([[5, 6, 7]])
    before, table = base(ids).logits, embedding_table(base).clone()
    shares = torch.sparse_coo_tensor(
        torch.tensor([[0, 0], [3, 4]]), torch.tensor([0.25, 0.75]), (2, 310), check_invariants=True
    ).coalesce()
    extend(base, shares)
    after = base(ids).logits
    torch.testing.assert_close(after[..., : tiny.ROWS], before)
    rows = embedding_table(base)
    torch.testing.assert_close(rows[tiny.ROWS], 0.25 * table[3] + 0.75 * table[4])
    torch.testing.assert_close(rows[tiny.ROWS + 1], table[:310].mean(0))


def test_sparsemax_is_the_nearest_point_of_the_simplex() -> None:
    scores = torch.tensor([[0.1, 0.0, -2.0], [3.0, 0.0, 0.0], [0.5, 0.5, 0.5]])
    expected = torch.tensor([[0.55, 0.45, 0.0], [1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3]])
    torch.testing.assert_close(sparsemax(scores), expected)


def test_procrustes_finds_a_rotation() -> None:
    torch.manual_seed(0)
    points, turn = torch.randn(40, 6), torch.linalg.qr(torch.randn(6, 6))[0]
    torch.testing.assert_close(procrustes(points, points @ turn), turn, atol=1e-4, rtol=1e-4)


def test_beside_keeps_the_run_and_adds_the_raw_text() -> None:
    messages = asked("Su", "Water")
    assert plain(beside(messages)) == plain(asked("SuSu", "Water"))
    assert [part.get("language") for part in beside(messages)[0]["content"]] == [None, "tr", None]


def test_a_thought_aloud_comes_before_the_answer_and_is_not_heard_with_it() -> None:
    asked_of, told = {"role": "user", "content": "Su?"}, {"role": "assistant", "content": "su", "language": "tr"}
    put = aloud([asked_of, {**told, "thought": "Water"}])
    assert put == [asked_of, {**told, "content": "Water : su"}]
    assert aloud([asked_of, told]) == [asked_of, told]
    rows = [Row("1", "Su?", ("su",), said, 0.5) for said in ("Water : su", "su", "Water :", "")]
    assert [(one.answer, one.nats) for one in heard(rows)] == [(said, None) for said in ("su", "su", "Water :", "")]


def test_every_row_comes_once_an_epoch_with_rows_of_like_length() -> None:
    rows = [{"input_ids": [0] * (1 + place % 7)} for place in range(28)]
    taken = order(rows, 14, replace(BUDGET, batch=4))
    assert sorted(taken[:28]) == sorted(taken[28:]) == list(range(28))
    assert taken[:28] != taken[28:]


@pytest.mark.parametrize("reading,expected", [(None, (30, 10)), (0.5, (20, 20)), (0.2, (8, 32))])
def test_a_budget_is_shared_out_anew_and_stays_as_large(reading: float | None, expected: tuple[int, int]) -> None:
    budget = replace(BUDGET, reading=30, answering=10).changed(reading=reading, rank=7)
    assert (budget.reading, budget.answering, budget.rank) == (*expected, 7)
    assert replace(BUDGET, reading=0, answering=10).changed(reading=0.5).reading == 0


def test_search_tells_how_much_each_change_surprises(lessons: Lessons, tmp_path: Path) -> None:
    told = [Question("1", lessons.questions[0][:-1], "", ("Paris",))]
    changes = [{"answering": 1}, {"answering": 20}, {"rate": 1e-9}]
    begun: list[int] = []

    class Watching(TrainerCallback):
        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            begun.append(state.max_steps)

    nats = search(BASELINES["raw-lora"], lessons, replace(BUDGET, reading=0), changes, told, tmp_path, [Watching()])
    assert nats.index(min(nats)) == 1
    assert begun == [1, 20, BUDGET.answering]


def test_a_search_passes_over_what_diverges_and_ends_where_all_does(lessons: Lessons, tmp_path: Path) -> None:
    told, budget = [Question("1", lessons.questions[0][:-1], "", ("Paris",))], replace(BUDGET, reading=0, answering=4)
    nats = search(BASELINES["raw-lora"], lessons, budget, [{"rate": 1e30}, {}], told, tmp_path)
    assert nats[0] == inf and nats[1] < inf
    with pytest.raises(NewtongueError, match="have all diverged"):
        search(BASELINES["raw-lora"], lessons, budget, [{"rate": 1e30}], told, tmp_path)


@pytest.mark.parametrize("change", [zeroed, shuffled])
def test_disturbed_soft_tokens_change_answers_alike_in_every_batch_and_only_meanwhile(change: Any) -> None:
    base = bare_base()
    model = adapter_for(base).attach(base, tokenizer=tiny.base_tokenizer())
    told = [asked(text, "Paris") for text in tiny.TURKISH]
    before = answer_nats(model, model.tokenizer, told)
    with disturbed(model.adapter("tr"), change):
        during = answer_nats(model, model.tokenizer, told)
        alone = answer_nats(model, model.tokenizer, told, batch=1)
    assert during == pytest.approx(alone, rel=1e-4)
    assert all(abs(one - other) > 1e-4 for one, other in zip(before, during, strict=True))
    assert answer_nats(model, model.tokenizer, told) == before


def test_shuffling_keeps_each_runs_soft_tokens() -> None:
    runs = [torch.arange(5), torch.arange(7, 20)]
    soft: Tensor = torch.randn(18, 3)
    mixed = shuffled(soft, runs)
    for before, after in zip(soft.split([5, 13]), mixed.split([5, 13]), strict=True):
        torch.testing.assert_close(before.sort(0).values, after.sort(0).values)
        assert not torch.equal(before, after)

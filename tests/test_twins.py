"""Twins: what the base makes of what it reads, beside what it makes of the English."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import TrainerCallback

import tiny
from newtongue import ModalityAdapter, NewtongueError
from newtongue_recipes.demo.nano import FOLDER as PHI_NANO
from newtongue_recipes.loading import load_base
from newtongue_recipes.stages import Map, Training, Tune, map_language, tune, twins_of
from newtongue_recipes.stages.map import Pair
from newtongue_recipes.stages.twins import Comparison, WithEnglish, apart, twin_rows

PAIRS = [Pair(f"The city has {number} parks.", f"kentte {number} park var") for number in range(2, 30)]
CHATS = [[{"role": "user", "content": "Ne?", "language": "tr"}, {"role": "assistant", "content": "yes"}]] * 8
STEPS = Training(steps=1, batch=4, rate=2e-3, extra={"disable_tqdm": True})


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("twins")
    settings = Map(toward=STEPS)
    map_language(load_base(PHI_NANO, trainable=True), tiny.tiny_encoder(), PAIRS, settings, folder, language="tr")
    return folder / "adapter"


def test_states_are_apart_by_what_is_their_own() -> None:
    wanted = torch.tensor([[[5.0, 1.0], [5.0, -1.0]]])
    assert apart(wanted, wanted).item() == pytest.approx(0, abs=1e-6)
    assert apart(wanted.flip(1), wanted).item() == pytest.approx(2, abs=1e-6)
    assert apart(wanted[:, :1], wanted[:, :1]).item() == 0


def test_the_english_is_padded_apart_and_rows_without_it_are_known() -> None:
    rows = [{"input_ids": [7, 8, 9], "english": []}, {"input_ids": [7, 8], "english": [1, 2]}, {"input_ids": [7]}]
    batch = WithEnglish(lambda given: {"keys": [sorted(row) for row in given]})([*rows, {**rows[1], "english": [3]}])
    assert batch["keys"] == [["input_ids"]] * 4
    assert batch["english_ids"].tolist() == [[1, 2], [3, 0]]
    assert batch["english_mask"].tolist() == [[1, 1], [1, 0]]
    assert batch["asks"].tolist() == [-1, 1, -1, 1]
    alone = WithEnglish(lambda given: {})(rows[:1])
    assert (alone["english_mask"].sum(), alone["asks"].tolist()) == (1, [-1])
    assert not WithEnglish(lambda given: {})(rows[2:])


def test_twins_are_compared_with_what_the_bare_base_makes_of_the_english(mapped: Path) -> None:
    base = load_base(PHI_NANO, four_bit=False, trainable=True)
    adapter = ModalityAdapter.from_pretrained(mapped)
    model = adapter.attach(base, trainable=True)
    rows = twin_rows(model.tokenizer, twins_of(PAIRS[:3], "tr"), 64)
    read = [model(input_ids=torch.tensor([row["input_ids"]]), output_hidden_states=True) for row in rows]
    model.detach("tr")
    told = [base(input_ids=torch.tensor([row["english"]]), output_hidden_states=True) for row in rows]
    found, wanted = (
        torch.stack([torch.stack([layer[0, -1] for layer in one.hidden_states]) for one in made], 1)
        for made in (read, told)
    )
    late = len(found) // 2
    model = adapter.attach(base, trainable=True)
    given = model.forward
    model.forward = lambda **options: type("Scored", (dict,), {"log_probs": torch.zeros(1)})(given(**options))
    comparison = Comparison(model)
    batch = WithEnglish(
        lambda given: {
            "input_ids": torch.tensor([[*row["input_ids"], *[0] * (64 - len(row["input_ids"]))] for row in given]),
            "attention_mask": torch.tensor([[int(at < len(row["input_ids"])) for at in range(64)] for row in given]),
        }
    )(rows)
    model(**batch)
    assert comparison.apart is not None
    torch.testing.assert_close(comparison.apart, apart(found[late:], wanted[late:]), atol=1e-4, rtol=1e-3)
    model(input_ids=batch["input_ids"])
    assert comparison.apart is None


def test_training_draws_twins_together(mapped: Path, tmp_path: Path) -> None:
    distances: list[float] = []

    class Watch(TrainerCallback):
        def on_log(self, args, state, control, logs=None, **kwargs):
            distances.extend(logs[name] for name in ("twins",) if name in logs)

    settings = Tune(replace(STEPS, steps=40, batch=8), rank=4, max_length=64, twins=0.75, encoder_rate=1.0)
    adapter = ModalityAdapter.from_pretrained(mapped)
    base = load_base(PHI_NANO, trainable=True)
    tune(base, adapter, CHATS, settings, tmp_path, twins=twins_of(PAIRS, "tr"), callbacks=[Watch()])
    assert sum(distances[-5:]) < 0.9 * sum(distances[:5])


@pytest.mark.parametrize("long", [Pair("I see. " * 40, "Ne?"), Pair("I see.", "Ne? " * 60)], ids=["English", "own"])
def test_twins_that_are_too_long_are_left_out_and_told(long: Pair, mapped: Path, tmp_path: Path) -> None:
    settings = Tune(STEPS, rank=4, max_length=64, twins=0.5)
    base, adapter = load_base(PHI_NANO, trainable=True), ModalityAdapter.from_pretrained(mapped)
    with pytest.warns(UserWarning, match="1 of 3 twins are left out"):
        tune(base, adapter, CHATS, settings, tmp_path / "some", twins=twins_of([*PAIRS[:2], long], "tr"))
    base, adapter = load_base(PHI_NANO, trainable=True), ModalityAdapter.from_pretrained(mapped)
    with pytest.raises(NewtongueError, match=r"1 of 1 twins .*Raise tune\.max_length"):
        tune(base, adapter, CHATS, settings, tmp_path / "none", twins=twins_of([long], "tr"))


def test_packed_rows_hold_no_twins() -> None:
    with pytest.raises(NewtongueError, match="Set 'packing' to false"):
        Tune(STEPS, packing=True, twins=0.5)

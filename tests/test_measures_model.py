"""Measures of a model: alignment, geometry, English retention, cost."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import tiny
import worlds
from newtongue_evaluation.measures import cost
from newtongue_evaluation.measures.alignment import by_layer, centred, nearest, retrieval_at_1
from newtongue_evaluation.measures.cost import folder_bytes, positions_per_character, prefill_ratio, training_seconds
from newtongue_evaluation.measures.geometry import cloud, embeddings, plane, soft_tokens
from newtongue_evaluation.measures.retention import logit_digests, share_identical
from newtongue_evaluation.measures.states import sentence_states


def test_retrieval_counts_rows_that_find_their_own() -> None:
    candidates = torch.eye(4)
    assert retrieval_at_1(candidates * 5, candidates) == 1.0
    assert retrieval_at_1(candidates[[0, 1, 3, 2]], candidates) == 0.5


def test_csls_is_not_drawn_to_a_candidate_that_is_near_to_all() -> None:
    torch.manual_seed(0)
    candidates = torch.nn.functional.normalize(torch.randn(40, 16), dim=-1)
    queries = candidates + 1.2 * candidates[0]  # All lean towards the first.
    by_cosine, by_csls = (int((nearest(queries, candidates, csls=one) == 0).sum()) for one in (False, True))
    assert by_cosine > 1
    assert by_csls == 1


@pytest.mark.parametrize("batch", [1, 2, 3])
@pytest.mark.parametrize("language", ["tr", None])
def test_sentence_states_do_not_depend_on_the_batch(batch: int, language: str | None) -> None:
    model, texts = worlds.world(), tiny.TURKISH
    found = sentence_states(model, texts, language=language, say="Say:", batch=batch)
    alone = torch.cat([sentence_states(model, [one], language=language, say="Say:") for one in texts], dim=1)
    assert found.shape == (3, len(texts), tiny.WIDTH)
    assert torch.allclose(found, alone, atol=1e-5)


def test_the_first_state_is_what_the_base_reads() -> None:
    model, text = worlds.world(), tiny.TURKISH[0]
    ids = model.tokenizer(text, language="tr", add_special_tokens=False, return_tensors="pt")["input_ids"]
    read = model.embed(ids)[0, 1:-1].mean(0)
    assert torch.allclose(sentence_states(model, [text], language="tr")[0, 0], read, atol=1e-5)


def test_layers_of_a_sentence_and_itself_are_the_same() -> None:
    states = sentence_states(worlds.world(), tiny.ENGLISH)
    layers = by_layer(states, states)
    assert layers.own == pytest.approx([1.0] * 3, abs=1e-5)
    assert max(layers.other) < 1.0
    assert layers.retrieved == [1.0] * 3
    assert centred(states).mean(1).abs().max() < 0.5


def test_a_cloud_knows_its_norms_and_whether_it_points_one_way() -> None:
    torch.manual_seed(0)
    round_about, one_way = torch.randn(400, 64), torch.randn(400, 64) + 10
    assert abs(cloud(round_about).anisotropy) < 0.02
    assert cloud(one_way).anisotropy > 0.9
    assert cloud(torch.eye(3) * 2).norms == [2.0] * 5
    alone = cloud(torch.ones(1, 4))
    assert (alone.norms, alone.anisotropy, alone.n) == ([2.0] * 5, None, 1)  # Not nan, which is no JSON.


def test_the_map_has_a_point_for_each_token_and_shows_what_varies_most() -> None:
    model = worlds.world()
    soft, words = soft_tokens(model, tiny.TURKISH, "tr")
    english, english_words = embeddings(model, tiny.ENGLISH)
    drawn = plane(soft, english, words, english_words)
    assert (len(drawn.soft), len(drawn.english)) == (len(words), len(english_words))
    assert "nın" in words
    assert set("".join(english_words)) <= set("".join(tiny.ENGLISH))
    assert 0 < drawn.explained <= 1
    far = plane(torch.zeros(3, 8), torch.ones(4, 8) * 9, ["a"] * 3, ["b"] * 4)
    assert far.explained == pytest.approx(1.0)


def test_english_logits_are_identical_with_a_language_attached_and_others_are_not() -> None:
    bare, model = worlds.bare_twin(), worlds.world()
    before = logit_digests(bare, tiny.base_tokenizer(), tiny.ENGLISH)
    assert share_identical(before, logit_digests(model, model.tokenizer, tiny.ENGLISH)) == 1.0
    other = logit_digests(worlds.world("llama"), model.tokenizer, tiny.ENGLISH)
    assert share_identical(before, other) == 0.0


def test_cost_of_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    assert positions_per_character(list, ["ab", "cd"]) == 1.0
    model, now = worlds.world(), 0.0

    def pass_time(_model: object, _args: object, options: dict[str, torch.Tensor]) -> None:
        nonlocal now
        now += options["input_ids"].numel()  # A second a position: a machine's own clock would make this a bet.

    monkeypatch.setattr(cost, "time", SimpleNamespace(perf_counter=lambda: now))
    with model.register_forward_pre_hook(pass_time, with_kwargs=True):  # Other tests have the same model.
        assert prefill_ratio(model, [[3], [3] * 3], [[3] * 4] * 2) == 0.5


def test_bytes_and_seconds_of_an_adapter(tmp_path: Path) -> None:
    (tmp_path / "lora").mkdir()
    (tmp_path / "lora" / "a").write_bytes(b"12345")
    (tmp_path / "b").write_bytes(b"1")
    assert folder_bytes(tmp_path) == 6
    stages = [{"stage": "map", "steps": "4", "seconds": 1.5}, {"stage": "tune", "seconds": 2}]
    assert training_seconds({"training": stages}) == 3.5
    assert training_seconds({"training": [*stages, {"stage": "represent", "seconds": ""}]}) is None
    assert training_seconds({"training": {"map": 4}}) is None
    assert training_seconds({}) is None

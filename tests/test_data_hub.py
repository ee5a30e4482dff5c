"""Datasets of the Hub: read from a loopback one, streamed or not; each refusal says what to do."""

import json
from pathlib import Path

import pytest

from hub import LoopbackHub
from newtongue import NewtongueError
from newtongue_recipes.data import Data, Gathered, Source, gather

ROWS = [
    {"inputs": f"Soru {number} nedir?", "targets": f"Cevap {number}.", "language_code": code}
    for number, code in enumerate(["tur", "jpn"] * 10)
]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


def questions(**more: object) -> Gathered:
    return gather(Data(questions=[Source(hub="you/aya", **more)], held_out=0), "questions", "tr")


@pytest.mark.parametrize("streaming", [None, False])
def test_rows_of_a_dataset_in_the_recipe_s_language_are_used(streaming: bool | None, loopback_hub: LoopbackHub) -> None:
    loopback_hub.add_repo("you/aya", {"data/train.jsonl": LINES}, repo_type="dataset")
    gathered = questions(streaming=streaming)
    assert len(gathered.rows) == 10
    assert gathered.counts[0].dropped == {"wrong language_code": 10}
    assert "row 2: 'jpn'" in gathered.counts[0].examples["wrong language_code"]


def test_a_dataset_is_read_once(loopback_hub: LoopbackHub) -> None:
    loopback_hub.add_repo("you/aya", {"data/train.jsonl": LINES}, repo_type="dataset")
    first = questions()
    asked = len(loopback_hub.requests)
    assert questions().rows == first.rows
    assert len(loopback_hub.requests) == asked


def test_a_limit_of_rows_ends_the_stream(loopback_hub: LoopbackHub) -> None:
    loopback_hub.add_repo("you/aya", {"data/train.jsonl": LINES}, repo_type="dataset")
    gathered = questions(rows=3)
    assert len(gathered.rows) == 3
    assert gathered.counts[0].ended == "rows"


def test_a_configuration_is_chosen_and_a_wrong_one_refused(loopback_hub: LoopbackHub) -> None:
    named = [("turkish", "tr.jsonl"), ("other", "o.jsonl")]
    configs = "".join(f"- config_name: {name}\n  data_files: {file}\n" for name, file in named)
    files = {"README.md": f"---\nconfigs:\n{configs}---\n", "tr.jsonl": LINES, "o.jsonl": LINES}
    loopback_hub.add_repo("you/aya", files, repo_type="dataset")
    assert questions(config="turkish").counts[0].source == "hub:you/aya/turkish"
    with pytest.raises(NewtongueError, match=r"hub:you/aya/turkic .*'config'"):
        questions(config="turkic")


@pytest.mark.parametrize("case", ["none there", "gated", "private", "unreachable", "offline", "no such split"])
def test_a_dataset_that_cannot_be_read_says_what_to_do(
    case: str, loopback_hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    more: dict[str, object] = {}
    if case != "none there":
        options = {"gated": {"gated": True}, "private": {"private": True}}.get(case, {})
        loopback_hub.add_repo("you/aya", {"data/train.jsonl": LINES}, repo_type="dataset", **options)
    if case == "unreachable":
        loopback_hub.fail_next(".*", drop=True, times=None)
    if case == "offline":
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    if case == "no such split":
        more["split"] = "tarin"
    expected = {
        "unreachable": "cannot be reached",
        "offline": "offline",
        "no such split": "tarin",
    }.get(case, "HF_TOKEN")
    with pytest.raises(NewtongueError, match=expected) as caught:
        questions(**more)
    message = str(caught.value)
    assert "hub:you/aya" in message
    assert "--local-dir FOLDER" in message
    assert "HF_HUB_OFFLINE=1" in message

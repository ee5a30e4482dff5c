"""Adapters on the Hub, through its own client, against a Hub on the loopback interface."""

import warnings
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants, hf_api

from hub import LoopbackHub
from newtongue import AdapterFormatError, ModalityAdapter, NewtongueError
from worlds import adapter_for, bare_base, files_of, logits, shake_lora, world

NAME = "you/phi-tiny-turkish"
INPUTS = {"input_ids": torch.tensor([[1, 20, 350, 360, 370, 9]])}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    world().adapter("tr").save_pretrained(tmp_path / "tr")
    return tmp_path / "tr"


@pytest.fixture
def files(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in files_of(folder)}


def test_what_is_pushed_comes_back_and_answers_as_before(loopback_hub: LoopbackHub, files: dict[str, bytes]) -> None:
    address = world().adapter("tr").push_to_hub(NAME, token=loopback_hub.token)
    assert address.startswith(f"{loopback_hub.endpoint}/{NAME}/commit/")
    there = loopback_hub.files(NAME)
    assert {name: data for name, data in there.items() if name != ".gitattributes"} == files
    model = ModalityAdapter.from_pretrained(NAME).attach(bare_base())
    assert torch.equal(logits(model, **INPUTS), logits(world(), **INPUTS))


def test_a_push_over_an_adapter_is_a_new_commit_and_the_old_one_stays(loopback_hub: LoopbackHub) -> None:
    first = world().adapter("tr").push_to_hub(NAME, token=loopback_hub.token).rsplit("/")[-1]
    base = bare_base()
    model = adapter_for(base).attach(base)
    shake_lora(model.adapter("tr"), seed=5)
    second = model.adapter("tr").push_to_hub(NAME, token=loopback_hub.token, commit_message="Better").rsplit("/")[-1]
    assert first != second
    for revision, expected in ((first, world()), (second, model), ("main", model), (None, model)):
        loaded = ModalityAdapter.from_pretrained(NAME, revision=revision).attach(bare_base())
        assert torch.equal(logits(loaded, **INPUTS), logits(expected, **INPUTS))


def test_a_private_adapter_wants_its_token(loopback_hub: LoopbackHub) -> None:
    world().adapter("tr").push_to_hub(NAME, private=True, token=loopback_hub.token)
    with pytest.raises(NewtongueError, match=f"(?s){NAME}.*give token=... or run `hf auth login`"):
        ModalityAdapter.from_pretrained(NAME)
    assert ModalityAdapter.from_pretrained(NAME, token=loopback_hub.token).language == "tr"


@pytest.mark.parametrize("token", [None, "hf_wrong"], ids=["no token", "a wrong token"])
def test_a_push_that_is_not_allowed_says_so(loopback_hub: LoopbackHub, token: str | None) -> None:
    with pytest.raises(NewtongueError, match=f"(?s)did not take '{NAME}'.*hf auth login"):
        world().adapter("tr").push_to_hub(NAME, token=token)
    with pytest.raises(KeyError):
        loopback_hub.files(NAME)


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_a_refusal_names_the_adapter_and_what_to_check(loopback_hub: LoopbackHub, status: int) -> None:
    loopback_hub.fail_next(f"/{NAME}", status=status, times=None)
    with pytest.raises(NewtongueError, match=f"(?s){NAME}.*Check the"):
        ModalityAdapter.from_pretrained(NAME)


def test_a_gated_adapter_is_an_error_that_names_the_token(loopback_hub: LoopbackHub, files: dict[str, bytes]) -> None:
    loopback_hub.add_repo(NAME, files, gated=True)
    with pytest.raises(NewtongueError, match=f"(?s){NAME}.*token"):
        ModalityAdapter.from_pretrained(NAME)


def test_offline_what_was_loaded_once_loads_again(
    loopback_hub: LoopbackHub, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    sha = loopback_hub.add_repo(NAME, files)
    ModalityAdapter.from_pretrained(NAME)
    asked = len(loopback_hub.requests)
    assert ModalityAdapter.from_pretrained(NAME, local_files_only=True).language == "tr"
    assert len(loopback_hub.requests) == asked
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    for revision in (None, "main", sha):
        assert ModalityAdapter.from_pretrained(NAME, revision=revision).language == "tr"
    assert len(loopback_hub.requests) == asked
    with pytest.raises(NewtongueError, match="'you/other' is not in the local cache"):
        ModalityAdapter.from_pretrained("you/other")


def test_a_connection_that_breaks_is_an_error_that_says_so(loopback_hub: LoopbackHub) -> None:
    loopback_hub.fail_next(".", drop=True, times=None)
    with pytest.raises(NewtongueError, match=f"did not give '{NAME}': Server disconnected"):
        ModalityAdapter.from_pretrained(NAME)
    with pytest.raises(NewtongueError, match=f"did not take '{NAME}': Server disconnected"):
        world().adapter("tr").push_to_hub(NAME, token=loopback_hub.token)


def test_without_the_network_the_cache_is_used(
    loopback_hub: LoopbackHub, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    loopback_hub.add_repo(NAME, files)
    ModalityAdapter.from_pretrained(NAME)
    monkeypatch.setattr(hf_api.api, "endpoint", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert ModalityAdapter.from_pretrained(NAME).language == "tr"
    with pytest.raises(NewtongueError, match="'you/other' is not in the local cache and the Hub cannot be reached"):
        ModalityAdapter.from_pretrained("you/other")


def test_another_cache_folder_is_used(loopback_hub: LoopbackHub, files: dict[str, bytes], tmp_path: Path) -> None:
    loopback_hub.add_repo(NAME, files)
    ModalityAdapter.from_pretrained(NAME, cache_dir=tmp_path / "cache")
    assert list((tmp_path / "cache").glob("models--*"))


def test_an_unknown_adapter_or_revision_is_an_error(loopback_hub: LoopbackHub, files: dict[str, bytes]) -> None:
    loopback_hub.add_repo(NAME, files)
    with pytest.raises(NewtongueError, match=r"(?s)'you/nothing'.*Check the name and revision"):
        ModalityAdapter.from_pretrained("you/nothing")
    with pytest.raises(NewtongueError, match=r"(?s)v9.*Check the name and revision"):
        ModalityAdapter.from_pretrained(NAME, revision="v9")


@pytest.mark.parametrize(
    "part",
    ["modality_config.json", "mapper.safetensors", "encoder/model.safetensors", "lora/adapter_model.safetensors"],
)
def test_a_part_missing_on_the_hub_is_named(loopback_hub: LoopbackHub, files: dict[str, bytes], part: str) -> None:
    del files[part]
    loopback_hub.add_repo(NAME, files)
    with pytest.raises(AdapterFormatError, match=part):
        ModalityAdapter.from_pretrained(NAME)


def test_a_part_cut_short_on_the_hub_is_named(loopback_hub: LoopbackHub, files: dict[str, bytes]) -> None:
    files["encoder/model.safetensors"] = files["encoder/model.safetensors"][:-9]
    loopback_hub.add_repo(NAME, files)
    with pytest.raises(AdapterFormatError, match=r"encoder/model.safetensors.*cut short"):
        ModalityAdapter.from_pretrained(NAME)


def test_a_pickle_on_the_hub_is_refused(loopback_hub: LoopbackHub, files: dict[str, bytes]) -> None:
    loopback_hub.add_repo(NAME, {**files, "encoder/pytorch_model.bin": b"anything"})
    with pytest.raises(AdapterFormatError, match=r"pytorch_model.bin.*refused"):
        ModalityAdapter.from_pretrained(NAME)


def test_only_the_parts_of_an_adapter_are_downloaded(loopback_hub: LoopbackHub, files: dict[str, bytes]) -> None:
    loopback_hub.add_repo(NAME, {**files, "optimizer.pt": b"anything", "runs/big.log": b"anything"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ModalityAdapter.from_pretrained(NAME).language == "tr"
    assert not loopback_hub.seen("optimizer.pt|big.log")


def test_a_disk_too_full_to_push_from_is_an_error(loopback_hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("newtongue.adapter.save_file", fail)
    with pytest.raises(NewtongueError, match="No space left"):
        world().adapter("tr").push_to_hub(NAME, token=loopback_hub.token)
    assert not loopback_hub.requests

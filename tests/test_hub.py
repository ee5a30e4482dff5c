"""Adapters on the Hub, through its own client, against a Hub on the loopback interface."""

import warnings
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants, hf_api
from peft import AutoPeftModelForCausalLM, PeftModel
from safetensors.torch import load
from transformers import AutoModel, AutoTokenizer

import tiny
from hub import LoopbackHub, Reply, Request
from newtongue import AdapterFormatError, ModalityAdapter, NewtongueError
from newtongue.base import BaseInfo
from newtongue.sharing.hub import download, push
from worlds import adapter_for, bare_base, files_of, logits, same, shake_lora, world

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
    card = files["README.md"].replace(b"you/this-adapter", NAME.encode())
    assert {name: data for name, data in there.items() if name != ".gitattributes"} == files | {"README.md": card}
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


def test_weights_are_pushed_at_half_the_size_where_that_is_asked_for(loopback_hub: LoopbackHub) -> None:
    world().adapter("tr").push_to_hub(NAME, token=loopback_hub.token, dtype=torch.float16)
    tensors = load(loopback_hub.files(NAME)["mapper.safetensors"])
    assert {one.dtype for one in tensors.values() if one.is_floating_point()} == {torch.float16}
    model = ModalityAdapter.from_pretrained(NAME).attach(bare_base())
    assert same(logits(model, **INPUTS), logits(world(), **INPUTS), "bfloat16")


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


@pytest.mark.parametrize("status", [401, 403, 404, 409, 429, 500])
def test_a_refusal_names_the_adapter_and_what_to_check(loopback_hub: LoopbackHub, status: int) -> None:
    loopback_hub.fail_next(f"/{NAME}", status=status, times=None)
    with pytest.raises(NewtongueError, match=f"(?s){NAME}.*{status}.*Check"):
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
    with pytest.raises(NewtongueError, match="'you/other' is no folder here nor whole in the local cache"):
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
    missing = "'you/other' is no folder here nor in the local cache, and the Hub cannot be reached"
    with pytest.raises(NewtongueError, match=missing):
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


def test_a_branch_is_pushed_to_and_loaded_and_the_main_one_stays_empty(loopback_hub: LoopbackHub) -> None:
    for _ in range(2):  # The second time it is there already.
        world().adapter("tr").push_to_hub(NAME, token=loopback_hub.token, revision="trial")
    assert "mapper.safetensors" not in loopback_hub.files(NAME)
    assert ModalityAdapter.from_pretrained(NAME, revision="trial").language == "tr"
    with pytest.raises(AdapterFormatError, match=r"modality_config.json"):
        ModalityAdapter.from_pretrained(NAME)


def test_a_connection_too_slow_is_an_error_and_one_that_is_slow_for_a_while_is_none(
    loopback_hub: LoopbackHub, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.2)
    loopback_hub.add_repo(NAME, files)
    loopback_hub.fail_next("GET /storage/.*mapper", delay=0.6, times=None)
    with pytest.raises(NewtongueError, match=f"(?s)did not give '{NAME}'.*run the same again"):
        ModalityAdapter.from_pretrained(NAME)
    loopback_hub.heal()
    loopback_hub.fail_next("GET /storage/.*mapper", delay=0.6)
    assert ModalityAdapter.from_pretrained(NAME).language == "tr"


def test_an_adapter_that_changes_while_it_is_loaded_is_loaded_as_it_was_at_one_commit(
    loopback_hub: LoopbackHub, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    loopback_hub.add_repo(NAME, files)
    serve, changed = loopback_hub.serve, list[str]()

    def change_then_serve(request: Request) -> tuple[Reply | None, int | None]:
        if "/resolve/" in request.path and not changed:
            changed.append(loopback_hub.add_commit(NAME, {"mapper.safetensors": b"another"}))
        return serve(request)

    monkeypatch.setattr(loopback_hub, "serve", change_then_serve)
    assert ModalityAdapter.from_pretrained(NAME).language == "tr"
    assert changed
    with pytest.raises(AdapterFormatError, match=r"mapper\.safetensors"):
        ModalityAdapter.from_pretrained(NAME)


def test_a_part_that_changes_while_it_is_pushed_is_refused_and_nothing_is_committed(
    loopback_hub: LoopbackHub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve = loopback_hub.serve

    def change_then_serve(request: Request) -> tuple[Reply | None, int | None]:
        if "/lfs/objects/batch" in request.path:
            content = bytearray((folder / "mapper.safetensors").read_bytes())
            content[-1] ^= 1
            (folder / "mapper.safetensors").write_bytes(content)
        return serve(request)

    monkeypatch.setattr(loopback_hub, "serve", change_then_serve)
    with pytest.raises(NewtongueError, match=f"(?s)did not take '{NAME}'.*announced sha256"):
        push(folder, NAME, private=False, token=loopback_hub.token, message="Changing")
    assert loopback_hub.files(NAME).keys() == {".gitattributes"}


def test_a_push_that_broke_goes_on_with_the_parts_that_are_missing(loopback_hub: LoopbackHub) -> None:
    loopback_hub.fail_next("POST .*/commit/", drop=True, times=None)
    with pytest.raises(NewtongueError, match="run the same again: parts that came across whole are kept"):
        world().adapter("tr").push_to_hub(NAME, token=loopback_hub.token)
    sent = {request.path for request in loopback_hub.seen("PUT /storage/")}
    loopback_hub.heal()
    asked = len(loopback_hub.requests)
    world().adapter("tr").push_to_hub(NAME, token=loopback_hub.token)
    assert sent
    assert not [request for request in loopback_hub.requests[asked:] if request.method == "PUT"]
    assert ModalityAdapter.from_pretrained(NAME).language == "tr"


def test_offline_nothing_is_pushed(loopback_hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(NewtongueError, match=f"pushed to '{NAME}': HF_HUB_OFFLINE is set.* Unset it and push again"):
        world().adapter("tr").push_to_hub(NAME, token=loopback_hub.token)
    assert not loopback_hub.requests


# What the other libraries read of it


def test_transformers_loads_the_encoder_alone(loopback_hub: LoopbackHub, files: dict[str, bytes]) -> None:
    loopback_hub.add_repo(NAME, files)
    encoder = AutoModel.from_pretrained(NAME, subfolder="encoder")
    tokenizer = AutoTokenizer.from_pretrained(NAME, subfolder="encoder")
    own = world().adapter("tr").encoder
    assert all(torch.equal(value, encoder.state_dict()[name]) for name, value in own.model.state_dict().items())
    assert tokenizer("Fransa")["input_ids"] == own.tokenizer("Fransa")["input_ids"]


def test_peft_loads_the_lora_alone(loopback_hub: LoopbackHub, files: dict[str, bytes]) -> None:
    loopback_hub.add_repo(NAME, files)
    model = world()
    ids = model.tokenizer("Fransa'nın başkenti neresidir?", language="tr", return_tensors="pt")["input_ids"]
    tuned = PeftModel.from_pretrained(bare_base(), NAME, subfolder="lora").eval()
    with torch.no_grad():
        embedded = model.embed(ids)
    torch.testing.assert_close(logits(tuned, inputs_embeds=embedded), logits(model, input_ids=ids))


def test_peft_finds_the_base_of_a_downloaded_lora_by_itself(loopback_hub: LoopbackHub, tmp_path: Path) -> None:
    folder = tiny.save_base(tmp_path / "phi-tiny")
    loopback_hub.add_repo("you/phi-tiny", {name: (folder / name).read_bytes() for name in files_of(folder)})
    base = tiny.AutoModelForCausalLM.from_pretrained("you/phi-tiny")
    adapter_for(base).attach(base).adapter("tr").push_to_hub(NAME, token=loopback_hub.token)
    tuned = AutoPeftModelForCausalLM.from_pretrained(download(NAME) / "lora")
    assert torch.equal(tuned.get_input_embeddings().weight, base.get_input_embeddings().weight)


# What is known of a base


def test_neither_the_folder_of_a_base_nor_a_token_is_ever_published(loopback_hub: LoopbackHub, tmp_path: Path) -> None:
    base = tiny.AutoModelForCausalLM.from_pretrained(tiny.save_base(tmp_path / "secret" / "phi-tiny"))
    model = adapter_for(base).attach(base)
    assert model.adapter("tr").config.base.id == "phi-tiny"
    model.adapter("tr").push_to_hub(NAME, token=loopback_hub.token)
    published = b"".join(data for name, data in loopback_hub.files(NAME).items() if not name.endswith(".safetensors"))
    for kept_here in ("secret", str(tmp_path), loopback_hub.token):
        assert kept_here.encode() not in published


@pytest.mark.parametrize(
    ("loaded_from", "recorded"),
    [
        ("microsoft/phi-2", ("microsoft/phi-2", None)),
        ("/models/phi-2", ("phi-2", None)),
        ("../models/phi-2/", ("phi-2", None)),
        ("models/of/mine/phi-2", ("phi-2", None)),
        (f"/c/hub/models--microsoft--phi-2/snapshots/{'a' * 40}", ("microsoft/phi-2", "a" * 40)),
        ("gpt2", ("gpt2", None)),
        ("", ("", None)),
    ],
)
def test_a_base_is_recorded_by_what_others_can_use(loaded_from: str, recorded: tuple[str, str | None]) -> None:
    base = bare_base()
    base.name_or_path = loaded_from
    info = BaseInfo.of(base)
    assert (info.id, info.revision) == recorded
    assert info.on_hub == ("/" in info.id)
    assert info.check(base) is None


def test_a_folder_here_with_the_form_of_a_hub_id_is_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("models/phi-2").mkdir(parents=True)
    base = bare_base()
    for name in ("models/phi-2", "."):
        base.name_or_path = name
        assert BaseInfo.of(base).id == ("phi-2" if name != "." else tmp_path.name)


def test_a_config_that_names_a_path_of_this_machine_is_not_pushed(loopback_hub: LoopbackHub, folder: Path) -> None:
    config = folder / "modality_config.json"
    config.write_text(config.read_text().replace('"id": ""', '"id": "/home/me/phi-2"'))
    with pytest.raises(NewtongueError, match=r"path of this machine, /home/me/phi-2.*name of its folder alone"):
        push(folder, NAME, private=False, token=loopback_hub.token, message="First")
    assert not loopback_hub.requests


def test_a_base_made_from_a_folder_can_be_named(tmp_path: Path) -> None:
    adapter = adapter_for(bare_base()).name_base("microsoft/phi-2")
    adapter.save_pretrained(tmp_path / "tr")
    assert ModalityAdapter.from_pretrained(tmp_path / "tr").config.base.id == "microsoft/phi-2"
    with pytest.raises(NewtongueError, match="'/models/phi-2' is not a Hub id"):
        adapter.name_base("/models/phi-2")


def test_a_disk_too_full_to_push_from_is_an_error(loopback_hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("newtongue.saving.parts.save_file", fail)
    with pytest.raises(NewtongueError, match="No space left"):
        world().adapter("tr").push_to_hub(NAME, token=loopback_hub.token)
    assert not loopback_hub.requests

"""The loopback Hub with the real client: what goes up comes down, and refusals become the client's errors."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import huggingface_hub
import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, constants
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import httpx  # type: ignore[attr-defined]

if TYPE_CHECKING:
    from hub import LoopbackHub

pytest_plugins = ["hub"]

CARD = b"---\nlicense: apache-2.0\n---\n# A model\n"
WEIGHTS = bytes(range(256)) * 8000


def folder_of(root: Path, files: dict[str, bytes]) -> Path:
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    return root


def contents(folder: str | Path) -> dict[str, bytes]:
    root = Path(folder)
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_folder_goes_up_and_comes_down(loopback_hub: LoopbackHub, tmp_path: Path) -> None:
    files = {"README.md": CARD, "config.json": b"{}", "empty.txt": b"", "encoder/model.safetensors": WEIGHTS}
    folder = folder_of(tmp_path / "folder", files)
    api = HfApi(token=loopback_hub.token)
    assert api.create_repo("you/x").repo_id == "you/x"
    assert api.create_repo("you/x", exist_ok=True).repo_id == "you/x"
    commit = api.upload_folder(repo_id="you/x", folder_path=folder)

    attributes = {".gitattributes": loopback_hub.files("you/x")[".gitattributes"]}
    assert loopback_hub.files("you/x") == loopback_hub.files("you/x", commit.oid) == files | attributes
    assert contents(huggingface_hub.snapshot_download("you/x")) == files | attributes
    assert [request.status for request in loopback_hub.seen("PUT /storage")] == [200]
    assert not [request for request in loopback_hub.requests if "xet" in request.path]

    assert api.upload_folder(repo_id="you/x", folder_path=folder).oid == commit.oid  # nothing has changed
    assert len(loopback_hub.seen("/commit/main")) == 1


def test_what_the_client_lists(loopback_hub: LoopbackHub) -> None:
    loopback_hub.add_repo("you/x", {"config.json": "{}"})
    sha = loopback_hub.add_commit("you/x", {"encoder/model.safetensors": WEIGHTS})
    info = huggingface_hub.model_info("you/x", files_metadata=True)
    assert info.sha == sha and info.siblings is not None
    assert {file.rfilename: (file.size, file.lfs is not None) for file in info.siblings} == {
        "config.json": (2, False),
        "encoder/model.safetensors": (len(WEIGHTS), True),
    }
    assert {entry.path for entry in huggingface_hub.list_repo_tree("you/x")} == {"config.json", "encoder"}
    inside = huggingface_hub.list_repo_tree("you/x", "encoder", recursive=True)
    assert [entry.path for entry in inside] == ["encoder/model.safetensors"]
    (found,) = huggingface_hub.get_paths_info("you/x", ["config.json", "no"])
    assert found.path == "config.json"
    assert huggingface_hub.list_repo_commits("you/x")[0].commit_id == sha
    assert HfApi(token=loopback_hub.token).whoami()["name"] == "you"
    assert huggingface_hub.file_exists("you/x", "config.json")
    assert not huggingface_hub.file_exists("you/x", "no")


def test_a_commit_adds_deletes_and_minds_its_parent(loopback_hub: LoopbackHub) -> None:
    first = loopback_hub.add_repo("you/x", {"a.txt": "a", "old/b.txt": "b", "c.txt": "c"})
    api = HfApi(token=loopback_hub.token)
    changes: list[CommitOperationAdd | CommitOperationDelete] = [CommitOperationAdd("a.txt", b"new")]
    changes += [CommitOperationDelete("old/"), CommitOperationDelete("c.txt")]
    commit = api.create_commit("you/x", changes, commit_message="Change", parent_commit=first)
    assert loopback_hub.files("you/x") == {"a.txt": b"new"}
    assert len(loopback_hub.files("you/x", first)) == 3
    late = [CommitOperationAdd("a.txt", b"late")]
    with pytest.raises(HfHubHTTPError, match="A commit has happened since"):
        api.create_commit("you/x", late, commit_message="Late", parent_commit=first)
    assert huggingface_hub.model_info("you/x").sha == commit.oid


def test_an_upload_with_another_content_is_refused(loopback_hub: LoopbackHub, tmp_path: Path) -> None:
    loopback_hub.add_repo("you/x", {})
    weights = tmp_path / "model.bin"
    weights.write_bytes(WEIGHTS)
    addition = CommitOperationAdd("model.bin", weights)
    assert addition.upload_info.sha256
    weights.write_bytes(WEIGHTS[::-1])
    with pytest.raises(RuntimeError, match=r"model\.bin"):
        HfApi(token=loopback_hub.token).create_commit("you/x", [addition], commit_message="Add")
    assert loopback_hub.seen("PUT /storage")[0].status == 400
    assert loopback_hub.files("you/x") == {}


def test_a_bad_card_is_refused(loopback_hub: LoopbackHub) -> None:
    loopback_hub.add_repo("you/x", {})
    addition = CommitOperationAdd("README.md", b"---\n- not\n- a mapping\n---\n")
    with pytest.raises(ValueError, match="Invalid metadata"):
        HfApi(token=loopback_hub.token).create_commit("you/x", [addition], commit_message="Add")


def test_revisions_stay_what_they_were(loopback_hub: LoopbackHub) -> None:
    first = loopback_hub.add_repo("you/x", {"config.json": "1", "model.bin": b"\0one"})
    second = loopback_hub.add_commit("you/x", {"config.json": "2", "model.bin": b"\0two"})
    api = HfApi(token=loopback_hub.token)
    api.create_branch("you/x", branch="pr/trial", revision=first)
    api.create_tag("you/x", tag="v1", revision=first)
    api.upload_file(repo_id="you/x", path_or_fileobj=b"3", path_in_repo="config.json", revision="pr/trial")

    def config(revision: str | None) -> str:
        return Path(huggingface_hub.hf_hub_download("you/x", "config.json", revision=revision)).read_text()

    assert [config(revision) for revision in (None, first, second, "v1", "pr/trial")] == [
        "2",
        "1",
        "2",
        "1",
        "3",
    ]
    snapshot = Path(huggingface_hub.snapshot_download("you/x", revision=first))
    assert snapshot.name == first and (snapshot / "model.bin").read_bytes() == b"\0one"
    refs = huggingface_hub.list_repo_refs("you/x")
    assert {branch.name for branch in refs.branches} == {"main", "pr/trial"}
    assert [(tag.name, tag.target_commit) for tag in refs.tags] == [("v1", first)]
    with pytest.raises(RevisionNotFoundError):
        config("nowhere")
    with pytest.raises(RevisionNotFoundError):
        huggingface_hub.snapshot_download("you/x", revision="nowhere")
    with pytest.raises(EntryNotFoundError):
        huggingface_hub.hf_hub_download("you/x", "nothing.json")


def test_a_private_repository_wants_its_token(loopback_hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"config.json": b"{}", "model.bin": WEIGHTS}
    loopback_hub.add_repo("you/x", files, private=True)
    calls: list[Callable[..., object]] = [
        huggingface_hub.model_info,
        huggingface_hub.snapshot_download,
        lambda repo_id, **token: huggingface_hub.hf_hub_download(repo_id, "config.json", **token),
    ]
    for call in calls:
        with pytest.raises(RepositoryNotFoundError, match="401"):
            call("you/x")
        with pytest.raises(RepositoryNotFoundError, match="404"):
            call("you/nothing", token=loopback_hub.token)
        with pytest.raises((HfHubHTTPError, LocalEntryNotFoundError)) as refused:
            call("you/x", token="hf_wrong")
        error = refused.value if isinstance(refused.value, HfHubHTTPError) else refused.value.__cause__
        assert isinstance(error, HfHubHTTPError) and error.response.status_code == 403
    with pytest.raises(HfHubHTTPError, match="403"):
        HfApi(token="hf_wrong").create_repo("you/y")
    monkeypatch.setenv("HF_TOKEN", loopback_hub.token)
    assert contents(huggingface_hub.snapshot_download("you/x")) == files
    assert [request.token for request in loopback_hub.seen("/storage/")] == [None]


def test_a_gated_repository_shows_itself_but_not_its_files(loopback_hub: LoopbackHub) -> None:
    loopback_hub.add_repo("you/x", {"config.json": "{}"}, gated=True)
    assert huggingface_hub.model_info("you/x").gated == "auto"
    for token in (None, "hf_wrong"):
        with pytest.raises(GatedRepoError):
            huggingface_hub.hf_hub_download("you/x", "config.json", token=token)
    assert huggingface_hub.hf_hub_download("you/x", "config.json", token=loopback_hub.token)


def test_offline_what_was_downloaded_is_there(loopback_hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> None:
    loopback_hub.add_repo("you/x", {"config.json": "{}", "model.bin": WEIGHTS})
    loopback_hub.add_repo("you/y", {"config.json": "{}"})
    snapshot = huggingface_hub.snapshot_download("you/x")
    before = len(loopback_hub.requests)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert huggingface_hub.snapshot_download("you/x") == snapshot
    assert huggingface_hub.hf_hub_download("you/x", "model.bin") == f"{snapshot}/model.bin"
    with pytest.raises(LocalEntryNotFoundError):
        huggingface_hub.snapshot_download("you/y")
    assert len(loopback_hub.requests) == before


def test_a_cut_download_goes_on_where_it_stopped(loopback_hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 300_000)  # the client keeps whole chunks
    loopback_hub.add_repo("you/x", {"model.bin": WEIGHTS})
    loopback_hub.fail_next("GET /storage/.*/model.bin", drop_after=1_000_000)
    assert Path(huggingface_hub.hf_hub_download("you/x", "model.bin")).read_bytes() == WEIGHTS
    first, second = loopback_hub.seen("GET /storage/")
    assert "Range" not in first.headers
    assert (second.headers["Range"], second.status) == ("bytes=900000-", 206)


def test_a_passing_failure_is_retried(loopback_hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> None:
    loopback_hub.add_repo("you/x", {"config.json": "{}"})
    loopback_hub.fail_next("/preupload/", status=503)
    loopback_hub.fail_next("PUT /storage/", drop=True, times=2)
    api = HfApi(token=loopback_hub.token)
    api.upload_file(repo_id="you/x", path_or_fileobj=WEIGHTS, path_in_repo="model.bin")
    assert loopback_hub.files("you/x")["model.bin"] == WEIGHTS
    assert [request.status for request in loopback_hub.seen("PUT /storage/")] == [None, None, 200]

    monkeypatch.setattr(constants, "HF_HUB_ETAG_TIMEOUT", 0.2)
    loopback_hub.fail_next("HEAD .*config.json", delay=0.5)
    assert Path(huggingface_hub.hf_hub_download("you/x", "config.json")).read_text() == "{}"
    assert len(loopback_hub.seen("HEAD .*config.json")) == 2


def test_a_lasting_failure_is_an_error(loopback_hub: LoopbackHub, tmp_path: Path) -> None:
    loopback_hub.add_repo("you/x", {"config.json": "{}"})
    for pattern in ("HEAD .*config.json", "GET .*config.json"):
        loopback_hub.fail_next(pattern, drop=True, times=None)
        with pytest.raises(httpx.RemoteProtocolError):
            huggingface_hub.hf_hub_download("you/x", "config.json")
        loopback_hub.heal()
    loopback_hub.fail_next("/commit/main", status=500, times=None)
    with pytest.raises(HfHubHTTPError, match="told to fail"):
        HfApi(token=loopback_hub.token).upload_folder(
            repo_id="you/x", folder_path=folder_of(tmp_path / "folder", {"new.txt": b"new"})
        )
    assert loopback_hub.files("you/x") == {"config.json": b"{}"}


def test_the_client_of_another_process(loopback_hub: LoopbackHub, tmp_path: Path) -> None:
    loopback_hub.add_repo("you/x", {"config.json": "{}", "model.bin": WEIGHTS})
    script = "import huggingface_hub; print(huggingface_hub.snapshot_download('you/x'))"
    environment = os.environ | loopback_hub.environ(tmp_path / "other")
    command = [sys.executable, "-c", script]
    run = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    assert run.stdout.startswith(str(tmp_path / "other"))
    assert contents(run.stdout.strip()) == loopback_hub.files("you/x")


def test_transformers_loads_a_subfolder(loopback_hub: LoopbackHub, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    model = transformers.BertModel(transformers.BertConfig(vocab_size=16, **sizes))
    model.save_pretrained(tmp_path / "model" / "encoder")
    loopback_hub.add_repo("you/x", contents(tmp_path / "model"))
    loaded = transformers.AutoModel.from_pretrained("you/x", subfolder="encoder")
    assert loaded.state_dict().keys() == model.state_dict().keys()
    assert all((loaded.state_dict()[name] == value).all() for name, value in model.state_dict().items())
    assert loopback_hub.seen("GET /storage/.*/encoder/model.safetensors")

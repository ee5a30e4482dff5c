"""`newtongue inspect`: what is said of an adapter is so, and damage is shown and is an error."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import constants
from peft import LoraConfig
from safetensors.torch import load_file, save_file

from hub import LoopbackHub
from newtongue import ModalityAdapter
from newtongue.saving.config import ModalityConfig
from newtongue.saving.folder import checksums
from running import newtongue
from worlds import adapter_for, bare_base, files_of, shake_lora

NAME = "you/phi-tiny-turkish"
NOTES: dict[str, Any] = {
    "licence": "apache-2.0",
    "data": "Sentences [of mine].",
    "training": {"steps": 12},
    "results": [{"test": "read", "score": 0.5}],
    "limits": ["small", "random"],
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = bare_base()
    model = adapter_for(base, lora=LoraConfig(r=4, target_modules=["q_proj", "dense"])).attach(base)
    shake_lora(model.adapter("tr"))
    folder = tmp_path_factory.mktemp("inspect") / "tr"
    model.adapter("tr").describe(**NOTES).save_pretrained(folder)
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "tr"))


class Inspect:
    """Runs `newtongue inspect`: its exit code, facts or text, and its error."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch = monkeypatch
        self.capsys = capsys

    def __call__(self, adapter: str | Path, *options: str) -> tuple[int, str, str]:
        code = newtongue(self.monkeypatch, "inspect", str(adapter), *options)
        out, error = self.capsys.readouterr()
        assert "Traceback" not in error
        return code, out, error

    def facts(self, adapter: str | Path) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads(self(adapter, "--json")[1])
        return facts


@pytest.fixture
def inspect(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Inspect:
    return Inspect(monkeypatch, capsys)


def renew(folder: Path) -> None:
    """List the parts as they are now, as one would who changed them on purpose."""
    config = json.loads((folder / "modality_config.json").read_text())
    config["files"] = checksums(folder)
    (folder / "modality_config.json").write_text(json.dumps(config))


def test_the_facts_are_those_of_the_loaded_adapter(inspect: Inspect, folder: Path) -> None:
    facts, adapter = inspect.facts(folder), ModalityAdapter.from_pretrained(folder)
    weights = adapter.lora_weights() or {}
    assert facts["language"] == {"tag": "tr", "name": "Turkish"}
    assert facts["vocabulary"] == adapter.config.vocabulary
    assert facts["base"]["rows"] == adapter.config.base.rows
    assert facts["mapper"]["shape"] == [24, 64, 32]
    assert facts["mapper"]["parameters"] == sum(one.numel() for one in adapter.mapper.parameters())
    assert facts["encoder"]["architecture"] == "bert"
    assert facts["encoder"]["positions"] == 34
    assert facts["encoder"]["parameters"] == sum(one.numel() for one in adapter.encoder.parameters())
    assert facts["lora"]["rank"] == 4
    assert facts["lora"]["targets"] == ["dense", "q_proj"]
    assert facts["lora"]["parameters"] == sum(one.numel() for one in weights.values())
    assert facts["bytes"]["mapper"] == (folder / "mapper.safetensors").stat().st_size
    listed = sum((folder / path).stat().st_size for path in adapter.config.files)
    assert sum(facts["bytes"].values()) == listed
    assert facts["verified"] == dict.fromkeys(adapter.config.files, True)
    assert facts["problem"] is None
    assert facts["notes"] == NOTES


def test_a_reader_sees_shapes_checks_and_what_the_maker_says(inspect: Inspect, folder: Path) -> None:
    code, out, _ = inspect(folder)
    assert code == 0
    expected = ["Turkish (tr)", "24 → 64 → 32", "rank 4", "dense, q_proj", "bert", "apache-2.0", "Sentences [of mine]."]
    for words in (*expected, "steps: 12", "score", "0.5", "small", "✓"):
        assert words in " ".join(out.split())
    assert "✗" not in out and "BROKEN" not in out and "FAR" not in out


def test_a_fresh_mapper_gives_soft_tokens_of_the_size_of_an_embedding(inspect: Inspect, folder: Path) -> None:
    health = inspect.facts(folder)["mapper"]["health"]
    assert health["finite"]
    assert health["scale"] == pytest.approx(ModalityConfig.read(folder).mapper.scale)
    assert 0.7 < health["soft_tokens"] < 1.4
    assert 0.5 < health["boundaries"] < 1.5


@pytest.mark.parametrize(
    "part,change,said",
    [
        pytest.param("mapper.safetensors", torch.nan, "BROKEN", id="a mapper that is no number"),
        pytest.param("mapper.safetensors", 100.0, "FAR from the base's own", id="a mapper far too loud"),
        pytest.param("lora/adapter_model.safetensors", torch.inf, "BROKEN", id="an infinite LoRA"),
        pytest.param("lora/adapter_model.safetensors", 0.0, "has not been trained", id="a LoRA of zeros"),
    ],
)
def test_weights_that_cannot_work_are_said_to(
    inspect: Inspect, folder: Path, part: str, change: float, said: str
) -> None:
    save_file({name: value * change for name, value in load_file(folder / part).items()}, folder / part)
    if change == torch.inf:
        save_file(
            {name: torch.full_like(value, change) for name, value in load_file(folder / part).items()}, folder / part
        )
    renew(folder)
    code, out, _ = inspect(folder)
    assert code == 0
    assert said in out


def test_an_adapter_without_lora_is_described(inspect: Inspect, tmp_path: Path) -> None:
    adapter_for(bare_base(), lora=False).save_pretrained(tmp_path / "plain")
    assert "none: the base is not tuned" in inspect(tmp_path / "plain")[1]
    assert inspect.facts(tmp_path / "plain")["lora"] is None


@pytest.mark.parametrize("part", ["mapper.safetensors", "encoder/model.safetensors", "encoder/config.json"])
@pytest.mark.parametrize("damage", ["cut short", "missing"])
def test_damage_is_shown_beside_its_part_and_is_the_librarys_error(
    inspect: Inspect, folder: Path, part: str, damage: str
) -> None:
    if damage == "missing":
        (folder / part).unlink()
    else:
        (folder / part).write_bytes((folder / part).read_bytes()[:-9])
    code, out, error = inspect(folder)
    assert code == 2
    assert [line.split()[0] for line in out.splitlines() if "✗" in line] == [part]
    assert part in error and "Get the adapter again" in error
    facts = inspect.facts(folder)
    assert [path for path, good in facts["verified"].items() if not good] == [part]
    assert part in facts["problem"]


@pytest.mark.parametrize(
    "spoil,said",
    [
        pytest.param(
            lambda folder: (folder / "modality_config.json").unlink(), "not an adapter folder", id="no config"
        ),
        pytest.param(lambda folder: (folder / "modality_config.json").write_text("{"), "read as JSON", id="no JSON"),
        pytest.param(lambda folder: (folder / "lora" / "x.bin").write_bytes(b"x"), "may run code", id="a pickle"),
        pytest.param(lambda folder: (folder / "encoder" / "x").write_bytes(b"x"), "not listed", id="a stray file"),
        pytest.param(
            lambda folder: (folder / "encoder/model.safetensors").write_bytes(b"no") and renew(folder),
            "cannot be read",
            id="no safetensors",
        ),
        pytest.param(
            lambda folder: save_file({"x": torch.ones(1)}, folder / "mapper.safetensors") or renew(folder),
            "other shapes",
            id="another mapper",
        ),
        pytest.param(
            lambda folder: (folder / "encoder/config.json").write_text("[{") and renew(folder),
            "encoder/config.json",
            id="an encoder's config that is no JSON",
        ),
    ],
)
def test_a_folder_that_is_no_adapter_is_one_message(inspect: Inspect, folder: Path, spoil: Any, said: str) -> None:
    spoil(folder)
    code, _, error = inspect(folder)
    assert code == 2
    assert said in error


def test_a_name_of_nothing_is_one_message(inspect: Inspect, loopback_hub: LoopbackHub) -> None:
    assert "neither a folder here nor a Hub id" in inspect("no/such/adapter")[2]
    code, _, error = inspect("you/nothing")
    assert code == 2
    assert "'you/nothing'" in error and "Check the name" in error


def test_of_an_adapter_on_the_hub_only_headers_of_the_large_parts_come(
    inspect: Inspect, folder: Path, loopback_hub: LoopbackHub
) -> None:
    loopback_hub.add_repo(NAME, {name: (folder / name).read_bytes() for name in files_of(folder)})
    there, here = inspect.facts(NAME), inspect.facts(folder)
    assert there.pop("commit") and not here.pop("commit")
    assert (there.pop("adapter"), here.pop("adapter")) == (NAME, str(folder))
    assert there["lora"].pop("health") is None and here["lora"].pop("health")
    assert there == here
    large = loopback_hub.seen("GET .*(encoder|lora)/.*model.safetensors")
    assert large and all("range" in {key.lower() for key in request.headers} for request in large)


def test_of_an_adapter_in_the_cache_all_is_read_there(
    inspect: Inspect, folder: Path, loopback_hub: LoopbackHub
) -> None:
    loopback_hub.add_repo(NAME, {name: (folder / name).read_bytes() for name in files_of(folder)})
    ModalityAdapter.from_pretrained(NAME)
    asked = len(loopback_hub.requests)
    facts = inspect.facts(NAME)
    assert facts["problem"] is None and facts["lora"]["health"]
    assert not [str(request) for request in loopback_hub.requests[asked:] if request.storage]


def test_a_part_changed_on_the_hub_is_shown_without_getting_it(
    inspect: Inspect, folder: Path, loopback_hub: LoopbackHub
) -> None:
    files = {name: (folder / name).read_bytes() for name in files_of(folder)}
    loopback_hub.add_repo(NAME, files | {"encoder/model.safetensors": files["encoder/model.safetensors"] + b"!"})
    code, out, error = inspect(NAME)
    assert code == 2
    assert [line.split()[0] for line in out.splitlines() if "✗" in line] == ["encoder/model.safetensors"]
    assert "another encoder/model.safetensors" in error
    del files["mapper.safetensors"]
    loopback_hub.add_repo("you/less", files)
    assert "mapper.safetensors is missing" in inspect("you/less")[2]


def test_offline_a_cached_adapter_is_inspected_and_another_is_an_error(
    inspect: Inspect, folder: Path, loopback_hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    loopback_hub.add_repo(NAME, {name: (folder / name).read_bytes() for name in files_of(folder)})
    ModalityAdapter.from_pretrained(NAME)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert inspect.facts(NAME)["lora"]["health"]
    code, _, error = inspect("you/other")
    assert code == 2
    assert "HF_HUB_OFFLINE" in error


@pytest.mark.parametrize("status,said", [(401, "hf auth login"), (403, "may not read"), (429, "Wait a few minutes")])
def test_a_refusal_of_the_hub_names_the_fix(
    inspect: Inspect, loopback_hub: LoopbackHub, status: int, said: str
) -> None:
    loopback_hub.fail_next(f"/{NAME}", status=status, times=None)
    code, _, error = inspect(NAME)
    assert code == 2
    assert NAME in error and str(status) in error and said in error

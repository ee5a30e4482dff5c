"""`newtongue doctor`: what it finds, what it says to do, and that it keeps secrets."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

import tiny
from newtongue.reading import mapper
from newtongue_recipes import doctor, estimates
from newtongue_recipes.cli import app
from newtongue_recipes.estimates import GIB, SHAPES, expect_memory, shape_of, suits_cpu
from newtongue_recipes.recipe import load_recipe, shipped


class Refuses(BaseHTTPRequestHandler):
    """Answers, if only to refuse."""

    def do_HEAD(self) -> None:
        self.send_response(401)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Refuses)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_the_command_tells_everything_but_the_token() -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_TOKEN": "hf_verysecret", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "newtongue_recipes.cli", "doctor", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert "verysecret" not in done.stdout + done.stderr
    found = {check["name"]: check for check in json.loads(done.stdout)}
    assert found["token"]["state"] == "ok"
    assert found["Hub"]["state"] == "none"
    assert "HF_HUB_OFFLINE" in found["offline"]["found"]
    assert found["4-bit weights"]["state"] == "ok"
    assert {*shipped(), "python", "torch", "memory", "disk"} <= set(found)


@pytest.mark.parametrize("essential,code", [(True, 1), (False, 0)])
def test_the_exit_code_tells_whether_anything_can_be_trained(
    essential: bool, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = doctor.Check("torch", "bad", "not installed", "pip install torch.", essential)
    monkeypatch.setattr(doctor, "examine", lambda timeout: iter([broken, doctor.Check("GPU", "none", "none")]))
    done = CliRunner().invoke(app, ["doctor"])
    assert done.exit_code == code
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["✗", "pip", "–"]


def test_whatever_is_bad_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", lambda name: "0.0.1")
    found = list(doctor.check_libraries())
    assert {check.state for check in found} == {"bad"}
    assert all(check.essential and "pip install" in check.fix for check in found)
    assert any("transformers==" in check.fix for check in found)


def test_each_gpu_is_told_whether_it_has_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus = [
        SimpleNamespace(name="T4", total_memory=15 * GIB, major=7),
        SimpleNamespace(name="L4", total_memory=GIB, major=8),
    ]
    monkeypatch.setattr("torch.cuda.device_count", lambda: len(gpus))
    monkeypatch.setattr("torch.cuda.get_device_properties", gpus.__getitem__)
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda: True)  # Which counts what is imitated.
    assert [check.state for check in doctor.check_gpus()] == ["bad", "ok"]


def test_a_library_that_is_missing_is_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    assert {check.found for check in doctor.check_libraries()} == {"not installed"}


def test_the_hub_is_reached_even_where_it_refuses(address: str) -> None:
    assert doctor.check_hub(address, 5).state == "ok"


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "no address", "http://no.such.host.invalid"])
def test_a_hub_out_of_reach_is_told_with_a_way_out(endpoint: str) -> None:
    found = doctor.check_hub(endpoint, 0.5)
    assert (found.state, found.essential) == ("bad", False)
    assert "HF_ENDPOINT" in found.fix


@pytest.mark.parametrize("memory,fitting", [(0, 2), (5 * GIB, 3), (6 * GIB, 9), (12 * GIB, 11), (GIB, 2)])
def test_recipes_fit_where_there_is_room(memory: int, fitting: int) -> None:
    found = list(doctor.check_recipes(memory))
    assert sum(check.state == "ok" for check in found) == fitting
    assert all("batch" in check.fix for check in found if check.state == "bad")


@pytest.mark.parametrize(
    "name,published",
    [
        ("microsoft/phi-2", 2.78e9),
        ("microsoft/Phi-3.5-mini-instruct", 3.82e9),
        ("microsoft/Phi-4-mini-instruct", 3.84e9),
        ("dbmdz/bert-base-turkish-cased", 111e6),
        ("sbintuitions/modernbert-ja-130m", 132e6),
    ],
)
def test_shapes_give_the_published_number_of_parameters(name: str, published: float) -> None:
    shape = SHAPES[name]
    assert shape.linear_parameters + shape.embedding_parameters == pytest.approx(published, rel=0.02)


def test_a_shape_is_read_off_a_folder() -> None:
    from newtongue_recipes.demo.nano import FOLDER

    assert shape_of(str(FOLDER)) == SHAPES["phi-nano"]


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_a_shape_counts_the_weights_of_the_model_it_is_read_off(architecture: str, tmp_path: Path) -> None:
    wide = {"head_dim": 24} if "head_dim" in tiny.ARCHITECTURES[architecture] else {}  # Queries wider than the model.
    base = tiny.tiny_base(architecture, **wide)
    base.config.save_pretrained(tmp_path)
    shape = shape_of(str(tmp_path))
    assert shape is not None
    matrices = sum(one.numel() for one in base.parameters() if one.dim() == 2)
    assert shape.linear_parameters + shape.embedding_parameters == matrices


@pytest.mark.parametrize(
    "override,part,smaller",
    [
        pytest.param("base.four_bit=false", "base", False, id="a base in 16 bits"),
        pytest.param("base.gradient_checkpointing=false", "activations", False, id="activations kept"),
        pytest.param("tune.training.batch=6", "activations", True, id="fewer rows"),
        pytest.param("tune.rank=4", "LoRA", True, id="a lower rank"),
        pytest.param("tune.answer=own", "total", False, id="a voice"),
        pytest.param("map.sharpness=0", "scores", True, id="nothing settled"),
        pytest.param("tune.training.extra.optim=adamw_torch", "encoder and mapper", False, id="averages in 32 bits"),
    ],
)
def test_memory_moves_with_what_decides_it(override: str, part: str, smaller: bool) -> None:
    before, after = expect_memory(load_recipe("phi-2-turkish")), expect_memory(load_recipe("phi-2-turkish", [override]))
    assert before is not None
    assert after is not None
    was, tuned = ({**one.parts, "total": one.total}.get(part, 0) for one in (before, after))
    assert (tuned < was) == smaller
    assert tuned != was


def test_as_many_scores_are_reckoned_with_as_settle_at_once() -> None:
    assert estimates.SETTLED == mapper.AT_ONCE


def test_an_unknown_base_has_no_estimate() -> None:
    recipe = load_recipe("phi-2-turkish", ["base.name=nobody/nothing"])
    assert expect_memory(recipe) is None
    assert not suits_cpu(recipe)

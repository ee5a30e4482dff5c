"""Two processes that train together: the same recipe, other rows in each, one adapter; shared-out bases too."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch
from accelerate.commands.config.config_args import ClusterConfig, load_config_from_file

import tiny
from newtongue import ModalityAdapter
from newtongue_evaluation.answers import answer
from newtongue_recipes.loading import load_base
from newtongue_recipes.recipe import load_recipe
from newtongue_recipes.recipe.shipped import launches
from newtongue_recipes.train import train
from training import all_parts, differ, make_world, small, tuned, weights

STEPS = 6
TRAININGS = ("represent.training", "map.words", "map.toward", "map.through", "tune.training")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_world(tmp_path_factory.mktemp("world"))


def launch(file: str, world: Path, *arguments: str) -> subprocess.Popen[str]:
    """Two processes, as a user starts them."""
    with_accelerate = ["-m", "accelerate.commands.launch", "--config_file", str(launches()[file])]
    command = [sys.executable, *with_accelerate, "-m", "newtongue_recipes.cli", "train", *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_DATASETS_CACHE": str(world / "datasets")}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(process: subprocess.Popen[str]) -> str:
    """Wait for processes that should succeed; what they said."""
    said, _ = process.communicate(timeout=600)
    assert process.returncode == 0, said
    return said


@pytest.mark.parametrize("name", ["multi_gpu", "fsdp_4bit"])
def test_a_launch_file_is_one_of_accelerate(name: str) -> None:
    config = load_config_from_file(str(launches()[name]))
    assert isinstance(config, ClusterConfig)
    assert (config.num_processes, config.mixed_precision) == (2, "no")
    assert config.distributed_type == {"multi_gpu": "MULTI_GPU", "fsdp_4bit": "FSDP"}[name]


def test_two_processes_learn_what_one_does_from_twice_the_rows(world: Path, tmp_path: Path) -> None:
    """Only if each sees the rows the other does not, and gradients are averaged."""
    base = load_base(world / "base", four_bit=False)
    encoder = tiny.tiny_encoder(architecture="modernbert")  # Without dropout, which differs between the two.
    ModalityAdapter.create(base, encoder, language="tr", dropout=0.0).save_pretrained(tmp_path / "start")
    changes = {"map": "null", "encoder": "null", "adapter": tmp_path / "start", "base.four_bit": "false"}
    changes |= {"tune.training.extra": "{optim: sgd}", "tune.training.rate": 0.1}
    name = "phi-2-turkish-bert"
    overrides = small(name, world, STEPS, **changes)
    finish(launch("multi_gpu", world, name, *overrides, "--output", str(tmp_path / "two")))
    recipe = load_recipe(name, [*overrides, "tune.training.batch=8"])
    train(recipe, tmp_path / "one")
    one = weights(tuned(tmp_path / "one"))
    begun = weights(tmp_path / "start")
    learned = {key: value for key, value in one.items() if key in begun and not torch.equal(value, begun[key])}
    assert learned
    for key, value in weights(tuned(tmp_path / "two")).items():
        torch.testing.assert_close(value, one[key], atol=1e-6, rtol=1e-4, msg=key)


@pytest.fixture(scope="module")
def overrides(world: Path) -> list[str]:
    """The demo's recipe: all stages and what they can learn from, in 4 bits, with checkpoints, dropout and samples."""
    changes = all_parts(STEPS) | {f"{training}.save_steps": 2 for training in TRAININGS}
    changes |= {"data.held_out": 0.2, "watch.every": 3}
    changes |= {"tune.lora_dropout": 0.1, "watch.samples": 2, "base.gradient_checkpointing": "true", "map.anchor": 0}
    changes |= {"map.toward.extra": "{gradient_accumulation_steps: 2}", "map.through.rate": 0.02}
    changes |= {"map.sharpness": 4.0, "map.mined": 1, "map.lexical": 1.0, "tune.twins": 0.0}
    return small("demo-turkish", world, STEPS, **changes)


@pytest.fixture(scope="module")
def whole(world: Path, overrides: list[str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The run of two processes that nothing stopped, and what it said."""
    output = tmp_path_factory.mktemp("whole") / "run"
    return output, finish(launch("multi_gpu", world, "demo-turkish", *overrides, "--output", str(output)))


@pytest.mark.slow
def test_two_processes_make_one_adapter(world: Path, whole: tuple[Path, str]) -> None:
    output, said = whole
    assert said.count("Adapter: ") == 1
    assert "rows a step" in said
    assert not list(output.rglob("*.before-*"))
    for part in ("represent", "map/words", "map/toward", "map/through", "tune"):
        saved = output / part / f"checkpoint-{STEPS}"
        assert {path.name for path in saved.glob("rng_state*")} == {"rng_state_0.pth", "rng_state_1.pth"}
        if part != "represent":
            ModalityAdapter.from_pretrained(saved / "tr")
    samples = [json.loads(line)["step"] for line in (output / "samples.jsonl").read_text().splitlines()]
    assert samples == [3, 3, 6, 6]
    for stage, part in (("represent", "represent"), ("map", "words"), ("map", "through"), ("tune", "tune")):
        curve = json.loads((output / "stages" / f"{stage}.json").read_text())["curves"][part]
        assert curve[-1][1] < curve[0][1], part
    adapter = ModalityAdapter.from_pretrained(output / "adapter")
    assert any(float(value.abs().max()) > 0 for key, value in adapter.lora_weights().items() if "lora_B" in key)
    model = adapter.attach(load_base(world / "base"))
    asked = [{"role": "user", "content": "Paris hangi ülkede?", "language": "tr"}]
    assert isinstance(answer(model, model.tokenizer, [asked], max_new_tokens=4)[0], str)


@pytest.mark.slow
def test_where_one_is_killed_both_end_and_go_on_to_the_same_weights(
    world: Path, whole: tuple[Path, str], overrides: list[str], tmp_path: Path
) -> None:
    arguments = ["demo-turkish", *overrides, "--output", str(tmp_path / "run"), "--resume"]
    process = launch("multi_gpu", world, *arguments)
    while not (tmp_path / "run" / "map" / "through" / "checkpoint-2").exists():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)
    children = psutil.Process(process.pid).children(recursive=True)
    both = [one for one in children if "newtongue_recipes.cli" in one.cmdline()]
    assert len(both) == 2
    both[1].kill()
    process.communicate(timeout=120)
    assert process.returncode != 0
    assert not psutil.wait_procs(both, timeout=30)[1]
    assert not (tmp_path / "run" / "adapter").exists()
    said = finish(launch("multi_gpu", world, *arguments))
    assert "Stage represent: finished before" in said
    assert not differ(tuned(tmp_path / "run"), tuned(whole[0]))


@pytest.mark.slow
def test_a_base_shared_out_makes_the_same_adapter(
    world: Path, whole: tuple[Path, str], overrides: list[str], tmp_path: Path
) -> None:
    finish(launch("fsdp_4bit", world, "demo-turkish", *overrides, "--output", str(tmp_path / "run")))
    assert not differ(tuned(tmp_path / "run"), tuned(whole[0]))


@pytest.mark.slow
def test_twins_are_compared_where_a_base_is_shared_out(world: Path, overrides: list[str], tmp_path: Path) -> None:
    """In which order gradients are summed differs there, so weights are the same but for rounding."""
    made = []
    for file in ("multi_gpu", "fsdp_4bit"):
        twins = ["tune.twins=0.5", "--output", str(tmp_path / file)]
        finish(launch(file, world, "demo-turkish", *overrides, *twins))
        made.append(weights(tuned(tmp_path / file)))
    for key, value in made[0].items():
        assert torch.linalg.norm(made[1][key] - value) <= 0.05 * torch.linalg.norm(value), key


@pytest.mark.slow
def test_what_is_wrong_is_told_once_and_ends_both(world: Path, tmp_path: Path) -> None:
    arguments = small("phi-2-turkish-bert", world, **{"data.pairs.0.path": tmp_path / "no.tsv"})
    process = launch("multi_gpu", world, "phi-2-turkish-bert", *arguments, "--output", str(tmp_path / "run"))
    said, _ = process.communicate(timeout=120)
    assert process.returncode != 0
    assert said.count("Error: There is no") == 1
    assert not (tmp_path / "run").exists()

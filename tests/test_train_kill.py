"""A real process, killed again and again at random moments, ends with the weights of one that was not."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from training import differ, make_world, small

KILLS = 20
STAGES = ("represent", "map", "tune")
TRAININGS = ("represent.training", "map.words", "map.toward", "map.through", "tune.training")


@pytest.mark.slow
def test_killed_twenty_times_it_ends_where_it_would_have(tmp_path: Path) -> None:
    """All stages, with checkpoints all along, rows by length, gradients accumulated, dropout and samples."""
    changes = {f"{training}.save_steps": 5 for training in TRAININGS} | {"data.held_out": 0.2, "watch.every": 10}
    changes |= {"tune.lora_dropout": 0.1, "map.through.extra": "{gradient_accumulation_steps: 2}"}
    overrides = small("demo-turkish", make_world(tmp_path / "world"), steps=60, **changes)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_DATASETS_CACHE": str(tmp_path / "datasets")}

    def begin(name: str, *more: str) -> subprocess.Popen[str]:
        train = [sys.executable, "-m", "newtongue_recipes.cli", "train", "demo-turkish", *overrides, *more]
        output = ["--output", str(tmp_path / name)]
        return subprocess.Popen(
            [*train, *output], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def seconds(*more: str) -> float:
        began, process = time.monotonic(), begin("whole", *more)
        said, _ = process.communicate()
        assert process.returncode == 0, said
        return time.monotonic() - began

    loading = seconds("--dry-run")
    training = seconds() - loading
    draw, kills, struck = random.Random(0), 0, set()
    for run in range(KILLS):  # One is enough, unless it finishes before all kills are made.
        while True:
            process = begin(f"run-{run}", "--resume")
            try:
                wait = loading * draw.uniform(0.2, 1.1) + draw.uniform(0, 3) * training / KILLS
                said, _ = process.communicate(timeout=None if kills == KILLS else wait)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                kills += 1
                struck |= {stage for stage in STAGES if (tmp_path / f"run-{run}" / stage).exists()}
                continue
            assert process.returncode == 0, said
            break
        assert not differ(tmp_path / f"run-{run}" / "adapter", tmp_path / "whole" / "adapter")
        if kills == KILLS:
            break
    assert kills == KILLS
    assert struck == set(STAGES)

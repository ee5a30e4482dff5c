"""A real process, killed again and again at random moments, ends with the weights of one that was not."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from training import all_parts, differ, make_world, small, tuned

KILLS = 20
STAGES = ("represent", "map", "tune")
FOLDERS = ("represent", "map/*", "tune")  # Of the checkpoints.
TRAININGS = ("represent.training", "map.words", "map.toward", "map.through", "tune.training")
STEPS, EACH = 60, 5
CHECKPOINTS = len(TRAININGS) * STEPS // EACH


@pytest.mark.slow
def test_killed_twenty_times_it_ends_where_it_would_have(tmp_path: Path) -> None:
    """All stages, with checkpoints all along, rows by length, gradients accumulated, dropout and samples."""
    changes = all_parts(STEPS) | {f"{training}.save_steps": EACH for training in TRAININGS}
    changes |= {"data.held_out": 0.2, "watch.every": 10}
    changes |= {"tune.lora_dropout": 0.1, "map.through.extra": "{gradient_accumulation_steps: 2}"}
    overrides = small("demo-turkish", make_world(tmp_path / "world"), steps=STEPS, **changes)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_DATASETS_CACHE": str(tmp_path / "datasets")}

    def begin(name: str, *more: str) -> subprocess.Popen[bytes]:
        train = [sys.executable, "-m", "newtongue_recipes.cli", "train", "demo-turkish", *overrides, *more]
        with (tmp_path / f"{name}.log").open("ab") as log:
            output = ["--output", str(tmp_path / name)]
            return subprocess.Popen([*train, *output], env=environment, stdout=log, stderr=log)

    assert begin("whole").wait() == 0, (tmp_path / "whole.log").read_text()
    draw, kills, struck = random.Random(0), 0, set()
    for run in map("run-{}".format, range(KILLS)):  # One is enough, unless it finishes before all kills are made.
        written: set[Path] = set()
        while True:
            process = begin(run, "--resume")
            if kills < KILLS and comes_to(process, tmp_path / run, written, draw.randint(0, 2 * CHECKPOINTS // KILLS)):
                time.sleep(draw.uniform(0, 2))  # At any moment of a step, of the writing, of the loading.
                process.kill()
            if process.wait() == -signal.SIGKILL:
                kills += 1
                struck |= {stage for stage in STAGES if (tmp_path / run / stage).exists()}
            else:
                assert process.returncode == 0, (tmp_path / f"{run}.log").read_text()
                break
        assert not differ(tuned(tmp_path / run), tuned(tmp_path / "whole"))
        if kills == KILLS:
            break
    assert kills == KILLS
    assert struck == set(STAGES)


def comes_to(process: subprocess.Popen[bytes], run: Path, written: set[Path], more: int) -> bool:
    """Whether the process is still alive when it has written so many more checkpoints, which `written` remembers."""
    wanted = len(written) + more
    while process.poll() is None:
        for folder in FOLDERS:  # Not all below: what is being written comes and goes.
            written.update(run.glob(f"{folder}/checkpoint-*"))
        if len(written) >= wanted:
            return True
        time.sleep(0.02)
    return False

"""Two processes that tune together, beside one: examples a second, each on one core or GPU.

    python -m accelerate.commands.launch --num_processes 2 … -m benchmarks.figures.processes small 16 4 128 1

is one such run, which prints the examples that all processes together took a second. The last number tells after how
many batches they exchange gradients: every one, or as many as the Phi recipes accumulate.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from benchmarks.ids import base_ids, with_runs
from benchmarks.rows import Row
from benchmarks.setting import Setting, small
from benchmarks.shapes import SHAPES, make_adapter, make_base
from benchmarks.timing import quartiles
from benchmarks.trainers import ROUNDS, trainer
from newtongue.tokenizer.loading import load_tokenizer
from newtongue_recipes.demo.nano import FOLDER as PHI_NANO
from newtongue_recipes.recipe.load import load_recipe
from newtongue_recipes.stages.tune import TuneTrainer

SAID = "examples a second:"


def measure(setting: Setting) -> Iterator[Row]:
    """Rows of random ids, half of them in a language, as many for each process."""
    name, against = "tuning by two processes, examples a second", "one process"
    workers = torch.cuda.device_count() if setting.device == "cuda" else len(os.sched_getaffinity(0))
    recipe = load_recipe("phi-2-turkish").tune
    assert recipe is not None
    for shape, accumulated in product(setting.shapes, (1, recipe.training.extra["gradient_accumulation_steps"])):
        case = shape.name + (f", gradients of {accumulated} batches, as in the recipes" if accumulated > 1 else "")
        if workers < 2:
            what = "GPU" if setting.device == "cuda" else "core"
            yield Row(name, case, against, at_least=1.7, skipped=f"wants two {what}s; there is {workers}")
            continue
        rounds = range(min(ROUNDS, setting.repeats))
        sizes = setting.steps, setting.batch, setting.positions, accumulated
        ratios = [_run(2, shape.name, *sizes) / _run(1, shape.name, *sizes) for _ in rounds]
        low, middle, high = quartiles(ratios)
        yield Row(name, case, against, middle, low, high, at_least=1.7)


def _run(processes: int, shape: str, *sizes: int) -> float:
    """Examples a second of a training of its own, without what it takes to begin."""
    launched = ["-m", "accelerate.commands.launch", "--num_processes", str(processes), "--num_machines", "1"]
    launched += ["--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]
    launched += ["--multi_gpu"] if processes > 1 else []  # On a CPU too, as the recipes' own launch file.
    done = subprocess.run(
        [sys.executable, *launched, "-m", "benchmarks.figures.processes", shape, *map(str, sizes)],
        env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = [line for line in done.stdout.splitlines() if line.startswith(SAID)]
    if done.returncode or not said:
        raise RuntimeError(f"A training by {processes} processes failed.\n{done.stdout}{done.stderr}")
    return float(said[0].removeprefix(SAID))


def _train(name: str, steps: int, batch: int, positions: int, accumulated: int) -> float:
    shape, device = SHAPES[name], "cuda" if torch.cuda.is_available() else "cpu"
    sizes = {"steps": max(1, steps // accumulated), "batch": batch, "positions": positions}
    setting = replace(small(Path()), device=device, **sizes)
    base = make_base(shape, device)
    model = make_adapter(base, shape).attach(base, tokenizer=load_tokenizer(PHI_NANO), trainable=True)
    drawn = base_ids(shape, 2 * setting.steps * accumulated * batch, positions, device)  # Enough for two processes.
    rows = with_runs(drawn, model, "tr", positions // 2 - 2).tolist()
    ends = 3 * positions // 4
    asked, answers = [row[:ends] for row in rows], [row[ends:] for row in rows]
    with TemporaryDirectory() as scratch:
        made = trainer(TuneTrainer, model, model.tokenizer, asked, answers, setting, scratch, accumulated)
        spent: float = made.train().metrics["train_runtime"]
        return setting.steps * accumulated * batch * made.args.world_size / spent


if __name__ == "__main__":
    told = _train(sys.argv[1], *map(int, sys.argv[2:]))
    if int(os.environ.get("RANK", "0")) == 0:
        sys.stdout.write(f"{SAID} {told}\n")

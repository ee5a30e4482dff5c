"""Stage 2: how much of a step goes to targets, which is all that keeping them on disk could save."""

from collections.abc import Iterator

import torch
from torch import Tensor

from benchmarks.ids import base_ids, with_runs
from benchmarks.rows import Row
from benchmarks.setting import Setting
from benchmarks.shapes import make_adapter, make_base
from benchmarks.texts import base_tokenizers
from benchmarks.timing import Job, side_by_side
from newtongue_recipes.settings import Map
from newtongue_recipes.stages.map import Objective

TO_REACH = 2.0


def measure(setting: Setting) -> Iterator[Row]:
    """The most that targets computed once could make a step faster.

    Toward the embeddings, targets are rows of a table, looked up. Through the base, there are none: the base reads
    soft tokens that change with each step, and of its work only that on the words before them stays the same.
    """
    rows, device = 4 * setting.batch, setting.device
    positions = max(setting.positions // 2, 16)
    for shape in setting.shapes:
        base = make_base(shape, device)
        adapter = make_adapter(base, shape, lora=False)
        model = adapter.attach(base, tokenizer=next(iter(base_tokenizers(None).values())), trainable=True)
        ids = with_runs(base_ids(shape, rows, positions, device), model, "tr", positions // 2)
        labels = ids.where(torch.arange(positions, device=device) > positions // 2 + 2, -100)
        toward = Objective(model, Map(), through=0.0, toward=1.0)
        through = Objective(model, Map(), through=1.0, toward=1.0)
        said = labels[:, positions // 2 + 3 :]

        def targets(said: Tensor = said, model: torch.nn.Module = model) -> None:
            model.get_input_embeddings()(said)

        jobs = {"targets": targets, "toward": _step(toward, ids, labels), "through": _step(through, ids, labels)}
        times = side_by_side(jobs, setting.repeats, device=device)
        for name in ("toward", "through"):
            _, share, _ = times["targets"].over(times[name])
            yield Row(
                "stage 2, pairs a second", f"{shape.name}, {name}, bound by its targets' share",
                "targets computed each step", 1 / (1 - share), at_least=TO_REACH,
            )  # fmt: skip


def _step(objective: Objective, ids: Tensor, labels: Tensor) -> Job:
    trained = [parameter for parameter in objective.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-5, fused=True)
    aligned, seen = torch.zeros(len(ids), dtype=torch.long, device=ids.device), torch.ones_like(ids)

    def step() -> None:
        objective(ids, labels, aligned, seen)["loss"].backward()
        optimizer.step()
        optimizer.zero_grad()

    return step

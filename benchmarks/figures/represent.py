"""Stage 1: tokens a second of our trainer's batches beside the defaults of transformers' run_mlm example."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import torch
from transformers import DataCollatorForLanguageModeling, ModernBertForMaskedLM

from benchmarks.roofline import Work
from benchmarks.rows import Row
from benchmarks.setting import Setting
from benchmarks.shapes import config_of, tokens
from benchmarks.timing import side_by_side
from newtongue_recipes.stages.exact import MaskByBatch
from newtongue_recipes.stages.labelled import score_masked

RUN_MLM_BATCH = 8  # Its rows a step, in float32; all texts are joined and cut into rows of one length.
SHARE = 0.45


def measure(setting: Setting) -> Iterator[Row]:
    """The same tokens: ours in rows of many lengths, like with like, in bfloat16 on a GPU; stock in blocks."""
    device = setting.device
    half = torch.autocast(device, torch.bfloat16) if device == "cuda" else nullcontext()
    for encoder in {shape.encoder.width: shape.encoder for shape in setting.shapes}.values():
        tokenizer = tokens(encoder.vocabulary)
        draw = torch.Generator().manual_seed(0)
        longest = min(encoder.positions, 4 * setting.positions)
        lengths = torch.randint(longest // 4, longest + 1, (8 * setting.batch,), generator=draw).tolist()
        rows = [{"input_ids": torch.randint(5, encoder.vocabulary, (n,), generator=draw).tolist()} for n in lengths]
        grouped = sorted(rows, key=lambda row: len(row["input_ids"]))
        ours = _batches(
            MaskByBatch(tokenizer, mlm_probability=encoder.mask, seed=0), grouped, 4 * setting.batch, device
        )
        joined = [one for row in rows for one in row["input_ids"]]
        blocks = [{"input_ids": joined[start : start + longest]} for start in range(0, len(joined), longest)]
        stock = _batches(
            DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.15), blocks, RUN_MLM_BATCH, device
        )
        torch.manual_seed(0)
        models = [ModernBertForMaskedLM(config_of(encoder)).to(device).train() for _ in range(2)]
        score_masked(models[0])
        jobs = {"ours": _epoch(models[0], ours, half), "stock": _epoch(models[1], stock, nullcontext())}
        times = side_by_side(jobs, setting.repeats, device=device)
        layers = encoder.layers * 10 * encoder.width**2 + encoder.width**2
        scored = encoder.width * encoder.vocabulary  # Of masked tokens alone.
        work = Work(6 * (layers + encoder.mask * scored) * sum(lengths), 28 * (layers + scored) * len(ours))
        roof = work.roof(times["ours"].median, device)
        case = f"encoder of {encoder.layers} × {encoder.width}, rows of {longest // 4}–{longest} tokens"
        low, middle, high = times["stock"].over(times["ours"])
        gpu = device == "cuda"
        yield Row(
            "stage 1, tokens a second", case, "run_mlm's defaults", middle, low, high,
            at_least=2.5 if gpu else None, roof=roof,
        )  # fmt: skip
        yield Row("stage 1, share of the roof", case, "its roof", roof, at_least=SHARE if gpu else None, roof=roof)


def _batches(collate: Any, rows: list[dict[str, Any]], size: int, device: str) -> list[dict[str, torch.Tensor]]:
    batches = [collate(rows[start : start + size]) for start in range(0, len(rows), size)]
    return [{name: value.to(device) for name, value in batch.items()} for batch in batches]


def _epoch(model: Any, batches: list[dict[str, torch.Tensor]], precision: Any) -> Callable[[], None]:
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)

    def train() -> None:
        for batch in batches:
            with precision:
                loss = model(**batch).loss
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()

    return train

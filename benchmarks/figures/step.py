"""What the port adds to a training step, at equal positions."""

from collections.abc import Iterator

from benchmarks import roofline
from benchmarks.ids import base_ids, with_runs
from benchmarks.memory import peak
from benchmarks.rows import Row
from benchmarks.setting import Setting
from benchmarks.shapes import narrower
from benchmarks.steps import plain_lora, ported, training_step
from benchmarks.timing import side_by_side

PLAIN = "PEFT's LoRA, plain tokens"
STOCK = "PEFT's LoRA, gradients to the embeddings"


def measure(setting: Setting) -> Iterator[Row]:
    """Time and peak memory over those of PEFT's own LoRA without a port.

    A run of one token and an encoder of almost no size show what the port itself costs; the step with half of all
    positions in the language has the encoder and mapper in it, which is work that a port is there to do.
    """
    batch, positions, device = setting.batch, setting.positions, setting.device
    for shape in setting.shapes:
        ids, half = base_ids(shape, batch, positions, device), positions // 2 - 2
        thin, frozen = ported(narrower(shape), device), ported(narrower(shape), device, frozen=True)
        full, read = ported(shape, device), ported(shape, device, frozen=True)
        models = {
            PLAIN: (plain_lora(shape, device), ids),
            STOCK: (plain_lora(shape, device, to_embeddings=True), ids),
            "the port alone, frozen": (frozen, with_runs(ids, frozen, "tr", 1)),
            "the port alone, trained": (thin, with_runs(ids, thin, "tr", 1)),
            "half in the language, encoder frozen": (read, with_runs(ids, read, "tr", half)),
            "half in the language, encoder trained": (full, with_runs(ids, full, "tr", half)),
        }
        jobs = {name: training_step(model, rows) for name, (model, rows) in models.items()}
        # With the optimizer's averages.
        peaks = {name: peak(job, models[name][0], device) for name, job in jobs.items()}
        times = side_by_side(jobs, setting.repeats, device=device)
        work = roofline.training(shape, batch, positions)
        share = roofline.Work.roof(work, times[PLAIN].median, device)
        yield Row("a LoRA step without a port", shape.name, "its roof", share, roof=share)
        for name, against in (
            ("the port alone, frozen", PLAIN),
            ("the port alone, trained", STOCK),
            ("the port alone, trained", PLAIN),
            ("half in the language, encoder frozen", PLAIN),
            ("half in the language, encoder trained", STOCK),
            ("half in the language, encoder trained", PLAIN),
        ):
            low, middle, high = times[name].over(times[against])
            in_language = batch * half if "half" in name else 0
            roof = roofline.training(shape, batch, positions, in_language).roof(times[name].median, device)
            case = f"{shape.name}, {name}"
            yield Row("a step at equal positions, time", case, against, middle, low, high, at_most=1.05, roof=roof)
            ratio = peaks[name] / peaks[against]
            yield Row("a step at equal positions, peak memory", case, against, ratio, at_most=1.10)

"""Reading and tokenising data, beside `datasets.map` with a bare tokenizer on the same file."""

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import datasets

from benchmarks.rows import Row
from benchmarks.setting import Setting
from benchmarks.texts import base_tokenizers, training_lines
from benchmarks.timing import side_by_side
from newtongue_recipes.data import Data, Source, gather

ROWS = 50_000


def measure(setting: Setting) -> Iterator[Row]:
    """Speed from the file with an empty cache, and time when asked again over the time before."""
    name, tokenizer = next(iter(base_tokenizers(setting.data).items()))
    with TemporaryDirectory() as folder:
        file = Path(folder) / "text.txt"
        lines = training_lines("tr", setting.data, setting.lines or ROWS)
        file.write_text("".join(f"{number} {line}\n" for number, line in enumerate(lines)), encoding="utf-8")
        jobs = {job.__name__: _anew(job, file, tokenizer, Path(folder)) for job in (plain, ours)}
        times = side_by_side(jobs, min(setting.repeats, 5), warm_up=1)
        again = side_by_side({"again": lambda: ours(file, tokenizer)}, min(setting.repeats, 5), warm_up=1)["again"]
    low, middle, high = times["plain"].over(times["ours"])
    case = f"{len(lines):,} lines, {name}'s vocabulary"
    yield Row("reading and tokenising, speed", case, "datasets.map", middle, low, high, at_least=0.5)
    yield Row("reading again, time", case, "the first time", again.median / times["ours"].median)


def plain(file: Path, tokenizer: Any) -> None:
    """As `datasets` alone reads and tokenises rows."""
    rows = datasets.load_dataset("text", data_files=str(file), split="train")
    rows.map(lambda batch: tokenizer(batch["text"], add_special_tokens=False), batched=True)


def ours(file: Path, tokenizer: Any) -> None:
    """As the stages get them: checked, told apart, counted and decoded."""
    gather(Data(text=[Source(path=str(file), format="text")]), "text", "tr", tokenizer=tokenizer)


def _anew(job: Callable[[Path, Any], None], file: Path, tokenizer: Any, folder: Path) -> Callable[[], None]:
    """The job with a cache of its own, empty at each call."""

    def run() -> None:
        with TemporaryDirectory(dir=folder) as cache:
            before, datasets.config.HF_DATASETS_CACHE = datasets.config.HF_DATASETS_CACHE, Path(cache)
            try:
                job(file, tokenizer)
            finally:
                datasets.config.HF_DATASETS_CACHE = before

    return run

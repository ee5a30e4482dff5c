"""How fast `gather` reads and tokenises, beside `datasets.map` with a bare tokenizer on the same file.

    python benchmarks/data_speed.py                                 # Turkish of the demo's atlas, phi-nano's tokenizer
    python benchmarks/data_speed.py text.txt.gz --tokenizer microsoft/phi-2

Both start from the file with an empty cache, in one thread; then each is asked again. Fastest of three.
"""

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ |= {"TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}

import datasets
import tokenizers
import transformers
from rich.console import Console

from newtongue.tokenizer import load_tokenizer
from newtongue_recipes.atlas import split
from newtongue_recipes.atlas.sentences import raw_text
from newtongue_recipes.data import Data, Source, gather
from newtongue_recipes.demo.nano import FOLDER as PHI_NANO


def plain(file: Path, tokenizer: Any) -> int:
    """Rows, as `datasets` alone reads and tokenises them."""
    rows = datasets.load_dataset("text", data_files=str(file), split="train")
    return len(rows.map(lambda batch: tokenizer(batch["text"], add_special_tokens=False), batched=True))


def ours(file: Path, tokenizer: Any) -> int:
    """Rows as the stages get them: checked, told apart, counted and decoded."""
    return gather(Data(text=[Source(path=str(file), format="text")]), "text", "tr", tokenizer=tokenizer).counts[0].read


def seconds(job: Callable[[Path, Any], int], file: Path, tokenizer: Any) -> tuple[float, float, int]:
    """Of the first time and of the second, and the rows."""
    times = []
    with tempfile.TemporaryDirectory() as cache:
        datasets.config.HF_DATASETS_CACHE = Path(cache)
        for _ in range(2):
            start = time.perf_counter()
            rows = job(file, tokenizer)
            times.append(time.perf_counter() - start)
    return times[0], times[1], rows


def main() -> None:
    """Print both speeds and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, nargs="?", help="plain text, gzipped or not; the atlas's where not given")
    parser.add_argument("--tokenizer", default=str(PHI_NANO), help="folder or Hub id")
    options = parser.parse_args()
    datasets.disable_progress_bars()
    tokenizer = load_tokenizer(options.tokenizer)
    with tempfile.TemporaryDirectory() as folder:
        file = options.file or Path(folder) / "atlas.txt"
        if options.file is None:
            lines = raw_text("tr", 20_000, 0, split("tr")[0])
            file.write_text("".join(f"{number} {line}\n" for number, line in enumerate(lines * 5)))
        best = {job: min(seconds(job, file, tokenizer) for _ in range(3)) for job in (plain, ours)}
    say = Console(highlight=False).print
    for job, (first, again, rows) in best.items():
        say(f"{job.__name__:6} {rows:,} rows in {first:.2f} s, {rows / first:,.0f} rows/s; again in {again:.2f} s")
    say(f"speed of gather over datasets.map with a bare tokenizer: {best[plain][0] / best[ours][0]:.2f}")
    say(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, one thread; datasets "
        f"{datasets.__version__}, tokenizers {tokenizers.__version__}, transformers {transformers.__version__}"
    )


if __name__ == "__main__":
    main()

"""Time, memory and positions side by side, as one table.

    python -m benchmarks                                  # what this machine can hold
    python -m benchmarks --data texts --only positions --output runs/positions    # one figure, on real text
    python -m benchmarks --shapes small phi-2 --repeats 5

Without a GPU, bases are small and figures are good as ratios only. With one, they are phi-2, phi-3.5-mini and
phi-4-mini in NF4 with random weights. Figures of text are taken on a folder of real text where --data names one
(docs/benchmarks.md says what is in it), else on the demo's atlas.
"""

import argparse
import os
import shlex
import sys
import warnings
from dataclasses import replace
from importlib import import_module
from pathlib import Path

os.environ |= {"TOKENIZERS_PARALLELISM": "false", "KINETO_LOG_LEVEL": "6"}  # The profiler announces itself.

FIGURES = (
    *("positions", "prompt", "tuning", "step", "card", "represent", "pairs"),
    *("decoding", "writing", "voice", "attaching", "size", "growth", "reading", "processes"),
)
RESULTS = Path(__file__).parent / "results"


def main(arguments: list[str] | None = None) -> None:
    """Measure and write the table; each figure's rows are printed as they come."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=FIGURES, metavar="FIGURE", help=", ".join(FIGURES))
    parser.add_argument("--data", type=Path, help="folder of real text")
    parser.add_argument("--shapes", nargs="+", help="of the bases: phi-2, phi-3.5-mini, phi-4-mini, wide, small, tiny")
    parser.add_argument("--bfloat16", action="store_true", help="bases in bfloat16; a CPU unpacks NF4 slowly")
    parser.add_argument("--repeats", type=int, help="rounds that count at most")
    parser.add_argument("--threads", type=int, default=1, help="of a CPU (default 1)")
    parser.add_argument("--output", type=Path, help="folder of the results (default benchmarks/results/cpu or gpu)")
    options = parser.parse_args(arguments)
    if options.only and options.output is None:
        parser.error("--only without --output would replace the results of all figures. Name a folder with --output.")

    import torch
    from rich.console import Console

    from benchmarks import report
    from benchmarks.rows import Row, Skip
    from benchmarks.setting import real, small
    from benchmarks.shapes import SHAPES
    from newtongue_recipes.train.quiet import quiet

    if options.data is not None and not (options.data / "mono").is_dir():
        parser.error(f"--data {options.data}: no such folder, or no 'mono' in it. See docs/benchmarks.md.")
    unknown = set(options.shapes or ()) - set(SHAPES)
    if unknown:
        parser.error(f"--shapes: no shape {', '.join(sorted(unknown))}. There are {', '.join(SHAPES)}.")
    gpu = torch.cuda.is_available()
    output = options.output or RESULTS / ("gpu" if gpu else "cpu")
    output.mkdir(parents=True, exist_ok=True)
    setting = (real if gpu else small)(output, options.data)
    if options.shapes:
        setting = replace(setting, shapes=[SHAPES[name] for name in options.shapes])
    if options.bfloat16:
        shapes = [replace(shape, four_bit=False, half=True) for shape in setting.shapes]
        setting = replace(setting, shapes=shapes)
    setting = replace(setting, repeats=options.repeats or setting.repeats)
    torch.set_num_threads(options.threads)

    say = Console(highlight=False, soft_wrap=True)
    rows: list[Row] = []
    command = shlex.join(["python", "-m", "benchmarks", *(sys.argv[1:] if arguments is None else arguments)])
    about = {"command": command, "repeats": setting.repeats, "threads": options.threads}
    with quiet(say.print, bars=False), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in options.only or FIGURES:
            say.print(f"[dim]{name} …[/]")
            try:
                for row in import_module(f"benchmarks.figures.{name}").measure(setting):
                    rows.append(row)
                    say.print(report.line(row), markup=False)
            except Skip as why:
                rows.append(Row(name, "–", "–", skipped=str(why)))
                say.print(report.line(rows[-1]), markup=False)
            except torch.OutOfMemoryError:
                rows.append(Row(name, "–", "–", skipped="the GPU has too little memory"))
                say.print(report.line(rows[-1]), markup=False)
            report.write(rows, output, about)


if __name__ == "__main__":
    main()

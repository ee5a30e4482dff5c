"""What two runs of one method score, and how far they lie apart row by row.

    python evaluation/results/beside.py runs/joined runs/apart > scores.json

The second run's adapter stands as a baseline, under its folder's name, so what the first is ahead by is paired.
"""

import json
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from dataclasses import replace
from pathlib import Path

from newtongue_evaluation.report.summary import summarise
from newtongue_evaluation.report.write import as_plain
from newtongue_evaluation.results import Result, read_results


def beside(run: Path, other: Path) -> list[Result]:
    """The results of a run, and those of another's own adapter.

    Raises:
        NewtongueError: a folder holds none.
    """
    others = [one for one in read_results([other]) if one.role == "ours"]
    renamed = [replace(one, method=f"{one.method}, {other.name}", role="baseline") for one in others]
    return [*read_results([run]), *renamed]


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder with *.result.json")
    parser.add_argument("other", type=Path, help="one with the same questions")
    asked = parser.parse_args()
    found = beside(asked.run, asked.other)
    sys.stdout.write(json.dumps(as_plain(summarise(found), found), ensure_ascii=False, indent=1) + "\n")

"""Controls that were named, held against what each task has: none that was asked for is left out without a word."""

from collections.abc import Sequence

from newtongue import NewtongueError
from newtongue_evaluation.asking import lacking
from newtongue_evaluation.tasks.bitext import Bitext

from .exams import Asked


def check_controls(named: Sequence[str], asked: Sequence[Asked], pairs: Sequence[Bitext]) -> list[str]:
    """For which tasks each control is left out, and why, a line each.

    Raises:
        NewtongueError: one is left out of all.
    """
    lines = []
    for name in named:
        found = [(f"{one.task}, answered in {one.answered_in!r}", lacking(name, one.questions)) for one in asked]
        found += [(one.name, "" if name == "bare" else "sentence pairs are read, not asked") for one in pairs]
        without = "; ".join(f"{task}: {why}" for task, why in found if why)
        if all(why for _, why in found):
            raise NewtongueError(
                f"No task can have the control {name!r}. {without}. Give --data that has it, or leave out --baselines "
                f"{name}."
            )
        if without:
            lines.append(f"The control {name!r} is left out of {without}.")
    return lines

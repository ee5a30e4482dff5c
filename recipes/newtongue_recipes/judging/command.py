"""An evaluation from the command line: its results, the report on them, the card."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.markdown import Markdown

from newtongue import NewtongueError
from newtongue.languages import language_name
from newtongue.saving.config import CONFIG_NAME
from newtongue_evaluation.asking import CONTROLS
from newtongue_evaluation.measures.intervals import Score
from newtongue_evaluation.portrait import Portrait
from newtongue_evaluation.report import table, write_report
from newtongue_evaluation.report.card import card_results
from newtongue_evaluation.report.formats import value
from newtongue_evaluation.report.summary import Task, summarise
from newtongue_evaluation.results import read_results
from newtongue_recipes.recipe.nearest import nearest
from newtongue_recipes.recorded import recorded_command

from .card import write_scores
from .evaluation import Evaluation
from .folder import check_output, end


def judge(evaluation: Evaluation, output: Path, baselines: Sequence[str], *, card: bool) -> list[Task]:
    """Run an evaluation, write its report into `output` and print what it says.

    One that was stopped goes on where the same is asked into the same folder again.

    Args:
        baselines: names of controls, and folders of results to stand beside; all controls that can be had where none
            is named.
        card: write the scores into the adapter's card as well.

    Raises:
        NewtongueError: something is not there, or `output` or the adapter cannot be written to.
    """
    folders = [one for one in baselines if Path(one).is_dir()]
    controls = [one for one in baselines if one not in folders]
    _check(controls)
    check_output(output)
    if folders:
        read_results(folders)  # Before hours of asking.
    if card and not Path(evaluation.adapter).is_dir():
        raise NewtongueError(f"{evaluation.adapter} is no folder of this machine. Pull it first, or leave out --card.")
    replace(evaluation, controls=controls).run(output)
    portrait = Portrait.read(output)
    name = language_name(portrait.language) if portrait else evaluation.adapter
    base = f"{portrait.base}{', in 4 bits' if portrait.four_bit else ''}" if portrait else "its base"
    tasks = write_report(output, f"{name} for {base}", folders)
    evaluation.console.print(Markdown(_scores(tasks)))
    if card:
        own = summarise(read_results([output]))  # What stands beside may be of another adapter.
        written = write_scores(Path(evaluation.adapter), card_results(own, recorded_command()))
        said = (
            f"Scores are in the card of {evaluation.adapter}."
            if written
            else f"The card of {evaluation.adapter} was written by hand and is kept as it is; the scores are in its "
            f"{CONFIG_NAME}, under notes, and in {output / 'report.md'}."
        )
        evaluation.console.print(said, highlight=False, markup=False)
    end(output)
    evaluation.console.print(f"Report: {output / 'report.html'}", highlight=False, markup=False)
    return tasks


def _check(controls: Sequence[str]) -> None:
    for one in controls:
        if one not in CONTROLS:
            meant = nearest(one, CONTROLS)
            raise NewtongueError(
                f"{one!r} is neither a control nor a folder.{f' Did you mean {meant!r}?' if meant else ''} "
                f"Controls: {', '.join(CONTROLS)}."
            )


def _scores(tasks: Sequence[Task]) -> str:
    """Each task's methods on its headline measures."""
    parts = []
    for task in tasks:
        head = ["", *(one.name for one in task.headlines)]
        rows = [[line.method, *(_between(line.scores.get(one.name)) for one in task.headlines)] for line in task.lines]
        parts.append(f"**{task.title}**\n\n{table(head, rows)}")
    return "\n\n".join(parts)


def _between(score: Score | None) -> str:
    if score is None:
        return "–"
    return f"{value(score.value)} ({value(score.low)}–{value(score.high)})"

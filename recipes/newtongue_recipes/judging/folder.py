"""The folder of an evaluation: whether it may be used, and what was answered there before it was stopped."""

from pathlib import Path

from newtongue import NewtongueError
from newtongue_evaluation.results import read_results
from newtongue_recipes.train.ledger import Inputs, Ledger

EVALUATION = "evaluation"  # Name of what the ledger keeps.
OTHER = "Choose another --output, so that no old result is counted in."
Answered = set[tuple[str, str, str]]  # Task, language of the answers, method.


def check_output(output: Path) -> None:
    """Refuse a folder that holds something other than an evaluation that was stopped.

    Raises:
        NewtongueError: as said.
    """
    if not output.exists() or (output.is_dir() and not any(output.iterdir())):
        return
    known = Ledger(output).read(EVALUATION) if output.is_dir() else None
    if known is None:
        raise NewtongueError(f"{output} is not empty. {OTHER}")
    if known["finished"]:
        raise NewtongueError(f"{output} holds an evaluation, which is finished. {OTHER}")


def begin(output: Path, inputs: Inputs) -> Answered:
    """Note in a folder what is evaluated, and give what was answered there before.

    Raises:
        NewtongueError: it was begun with something else.
    """
    ledger = Ledger(output)
    if changed := ledger.changed(EVALUATION, inputs):
        raise NewtongueError(f"{output} holds an evaluation of something else ({'; '.join(changed)}). {OTHER}")
    known = ledger.read(EVALUATION) is not None
    ledger.write(EVALUATION, inputs, finished=False)
    if not known or not any(output.glob("*.result.json")):
        return set()
    return {(one.task, one.answered_in, one.method) for one in read_results([output])}


def end(output: Path) -> None:
    """Note that a folder's evaluation is finished."""
    ledger = Ledger(output)
    known = ledger.read(EVALUATION)
    if known is not None:
        ledger.write(EVALUATION, known["inputs"], finished=True)

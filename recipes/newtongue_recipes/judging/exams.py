"""What an adapter is asked: the demo's atlas, and files of questions and sentence pairs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from newtongue import NewtongueError
from newtongue_evaluation.baselines import Question
from newtongue_evaluation.results import in_file_name
from newtongue_evaluation.tasks.bitext import Bitext, read_bitext
from newtongue_evaluation.tasks.find import find_files
from newtongue_evaluation.tasks.questions import read_questions
from newtongue_recipes.atlas import facts
from newtongue_recipes.atlas.phrases import questions as phrasings
from newtongue_recipes.demo.lessons import NAMES, ask, held_out


@dataclass(frozen=True)
class Asked:
    """Questions of one task, with answers in one language."""

    task: str
    answered_in: str
    questions: list[Question]


def exams(
    language: str, data: Sequence[Path], tasks: Sequence[str], limit: int | None
) -> tuple[list[Asked], list[Bitext]]:
    """Questions and sentence pairs.

    Args:
        data: files, and folders of them.
        tasks: "atlas", and the first words of files' names; all files where empty.
        limit: most questions, and pairs, of a task.

    Raises:
        NewtongueError: a file cannot be read, two would be one task or have the same files of results, a limit leaves
            too little, or there is nothing to ask.
    """
    asked, pairs = [], []
    if "atlas" in tasks and language in NAMES:
        asked += [Asked("atlas", other, atlas_questions(language, other)) for other in ("en", language)]
    origin = {(in_file_name(one.task), one.answered_in): "the demo's atlas" for one in asked}
    for path in dict.fromkeys(find_files(data, language)):
        name = path.name.split(".")[0]
        if tasks and name not in tasks:
            continue
        if path.suffix == ".tsv":
            _claim(origin, name, "", path)
            pairs.append(read_bitext(path, language, limit))
            continue
        by_language: dict[str, list[Question]] = {}
        for one in read_questions(path, language):
            by_language.setdefault(one.answered_in, []).append(one)
        for other in by_language:
            _claim(origin, name, other, path)
        asked += [Asked(name, other, questions) for other, questions in by_language.items()]
    missing = set(tasks) - {one.task for one in asked} - {one.name for one in pairs}
    if missing or not (asked or pairs):
        raise NewtongueError(
            f"There is nothing to ask in {language!r}{' for ' + ', '.join(sorted(missing)) if missing else ''}. Give "
            f"--data with questions or pairs of that name, or --tasks atlas ({', '.join(NAMES)})."
        )
    return [Asked(one.task, one.answered_in, one.questions[:limit]) for one in asked], pairs


def atlas_questions(language: str, answered_in: str) -> list[Question]:
    """The demo's exam: facts never asked or stated in the language."""
    english = {(fact.subject.key, fact.relation): phrasings(fact, "en")[0] for fact in facts()}
    return [
        Question(
            f"{row.subject}/{row.relation}/{number}",
            ask(row, answered=False),
            english[row.subject, row.relation],
            (row.answer,),
            answered_in,
            row.relation,
            row.subject,
        )
        for number, row in enumerate(held_out(language, answered_in))
    ]


def _claim(origin: dict[tuple[str, str], str], task: str, answered_in: str, path: Path) -> None:
    """Results are named by task and language of the answers; whose they are is said in `origin`."""
    name = in_file_name(task)
    other = origin.setdefault((name, answered_in), str(path))
    if other != str(path):
        raise NewtongueError(
            f"{path} and {other} are both the task {name!r}{f' answered in {answered_in!r}' if answered_in else ''}, "
            "and the results of one would replace the other's. Rename one before its first dot, with other letters or "
            "digits, or leave one out."
        )

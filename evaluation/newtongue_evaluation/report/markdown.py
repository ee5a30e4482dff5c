"""The report as Markdown: the scores of each task, what the adapter is like, and how it was found out."""

from collections.abc import Sequence

from newtongue_evaluation.measures.intervals import Score
from newtongue_evaluation.portrait import Portrait
from newtongue_evaluation.results import Result

from .costs import cost_table
from .examples import Example, best_and_worst, rival
from .formats import amount, bytes_of, signed, value
from .summary import Task
from .tables import plain, table


def as_markdown(title: str, tasks: Sequence[Task], results: Sequence[Result], portrait: Portrait | None) -> str:
    """All of it; scores with their 95% intervals."""
    parts = [f"# {plain(title)}", *_surpassed(tasks)]
    for task in tasks:
        parts += [f"## {plain(task.title)}", _scores(task)]
        for name, rows in zip(("best", "worst"), best_and_worst(task), strict=True):
            if rows:
                parts += [f"Where ours did {name}:", _examples(task, rows)]
        head, spent = cost_table(task)
        if spent:
            parts += ["What it cost:", table(head, spent)]
    if portrait is not None:
        parts += ["## The adapter", _portrait(portrait)]
    commands = dict.fromkeys(one.command for one in results if one.command)
    parts += ["## How this was made", *(f"`{command}`" for command in commands), *_environments(results)]
    return "\n\n".join(parts) + "\n"


def _surpassed(tasks: Sequence[Task]) -> list[str]:
    found = [(task, line) for task in tasks for line in task.surpassed]
    return [f"> **{plain(line.title)}** does better than the adapter on {plain(task.title)}." for task, line in found]


def _scores(task: Task) -> str:
    head = ["", *(one.name for one in task.measures), *(f"ours − it, {one.name}" for one in task.headlines)]
    rows = [
        [
            line.title,
            *(_score(line.scores.get(one.name)) for one in task.measures),
            *(_score(line.ahead.get(one.name), difference=True) for one in task.headlines),
        ]
        for line in task.every
    ]
    return table(head, rows)


def _score(one: Score | None, *, difference: bool = False) -> str:
    if one is None:
        return ""
    if difference:
        return f"{signed(one.value)} ({signed(one.low)} to {signed(one.high)})"
    return f"{value(one.value)} ({value(one.low)}–{value(one.high)})"


def _examples(task: Task, rows: Sequence[Example]) -> str:
    other = rival(task)
    head = ["question", "gold", "ours", *([other.method] if other else [])]
    return table(head, [[one.question, one.gold, one.ours, *([one.theirs] if other else [])] for one in rows])


def _portrait(one: Portrait) -> str:
    rows: list[list[str]] = []
    if one.identical is not None:
        rows.append(
            [
                f"English logits identical to the bare base's, of {amount(one.positions)} positions",
                f"{one.identical:.2%}",
            ]
        )
    if one.same_answers is not None:
        rows.append([f"English answers that are the same, of {one.asked}", f"{one.same_answers:.0%}"])
    for name, found in one.layers.items():
        for who, layer in found.items():
            rows.append([f"cosine with English, first, middle and last layer, {name}, {who}", _three(layer.own)])
            rows.append(["… with another sentence's", _three(layer.other)])
    for label, cloud in (("soft tokens", one.soft), ("English embeddings", one.english)):
        if cloud is not None:
            rows.append([f"{label}: median norm, anisotropy", f"{value(cloud.norms[2])}, {value(cloud.anisotropy)}"])
    for name, count in one.per_character.items():
        rows.append([f"positions a character, {name or 'the adapter'}", f"{count:.3f}"])
    rows += [
        ["seconds of reading, through the port over raw text", value(one.prefill)],
        ["adapter on disk", bytes_of(one.bytes)],
        ["trained parameters", amount(one.parameters)],
        ["seconds of training", amount(one.seconds)],
    ]
    return table(["", ""], rows)


def _three(values: Sequence[float]) -> str:
    return ", ".join(value(values[at]) for at in (0, len(values) // 2, -1))


def _environments(results: Sequence[Result]) -> list[str]:
    found = {str(one.environment): one.environment for one in results if one.environment}.values()
    return [
        f"{one['hardware']['processor']}, {one['hardware']['cores']} cores"
        f"{', ' + one['hardware']['gpu'] if one['hardware']['gpu'] else ''}; "
        + ", ".join(f"{name} {version}" for name, version in one["versions"].items())
        for one in found
    ]

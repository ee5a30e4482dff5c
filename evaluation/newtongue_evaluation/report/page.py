"""One self-contained page: no script, no font, no picture from elsewhere."""

from collections.abc import Sequence
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined

from newtongue.languages import language_name
from newtongue_evaluation.measures.answered import ANSWERS, Measure
from newtongue_evaluation.measures.intervals import Score
from newtongue_evaluation.portrait import Portrait
from newtongue_evaluation.results import Result

from . import figures
from .costs import cost_table, positions_per_character
from .examples import best_and_worst, rival
from .formats import amount, bytes_of, signed, value
from .groups import by_group
from .summary import Line, Task


def render(title: str, tasks: Sequence[Task], results: Sequence[Result], portrait: Portrait | None) -> str:
    """The page's HTML."""
    environment = Environment(
        loader=PackageLoader("newtongue_evaluation.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.filters |= {"value": value, "signed": signed, "amount": amount, "bytes": bytes_of}
    environment.globals |= {
        "language_name": language_name,
        "best_and_worst": best_and_worst,
        "rival": rival,
        "by_group": by_group,
        "across": across,
        "figures": figures,
        "curves": curves,
        "cost_figures": cost_figures,
        "cost_table": cost_table,
    }
    style = files(__package__).joinpath("templates/page.css").read_text(encoding="utf-8")
    return environment.get_template("page.html.j2").render(
        title=title,
        style=style,
        tasks=tasks,
        portrait=portrait,
        explained=[one for one in ANSWERS if any(one in task.measures for task in tasks)],
        commands=list(dict.fromkeys(one.command for one in results if one.command)),
        environments=list({str(one.environment): one.environment for one in results if one.environment}.values()),
        seeds=sorted({one.seed for one in results}),
    )


def across(score: Score, lines: Sequence[Line], measure: Measure) -> dict[str, float]:
    """Where a score and its interval stand on the scale that a measure's lines share, in percent."""
    most = max(line.scores[measure.name].high for line in lines if measure.name in line.scores)
    whole = 1.0 if measure.name != "bits per byte" and most > 0.4 else most or 1.0
    return {"value": 100 * score.value / whole, "low": 100 * score.low / whole, "high": 100 * score.high / whole}


def curves(task: Task) -> list[tuple[str, Measure, str]]:
    """A figure for each kind of data that varies and each headline measure."""
    return [(kind, one, figures.curve(task, kind, one)) for kind in task.varied for one in task.headlines]


def cost_figures(task: Task) -> list[str]:
    """Quality over training seconds and over positions a character, where known of three methods at least."""
    measure = task.headlines[0]
    drawn = (
        figures.cost_and_quality(task.lines, measure, lambda line: line.cost.training_seconds, "seconds of training"),
        figures.cost_and_quality(
            task.lines, measure, lambda line: positions_per_character(line.cost), "positions a character"
        ),
    )
    return [one for one in drawn if one]

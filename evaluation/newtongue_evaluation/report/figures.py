"""Figures for the page: SVG whose colours are the page's own, so that they follow its light and dark."""

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from math import inf
from typing import Any

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from newtongue_evaluation.measures.alignment import Layers
from newtongue_evaluation.measures.answered import Measure
from newtongue_evaluation.measures.geometry import Map

from .summary import Line, Task

INK, FAINT = "#010101", "#020202"  # Stand for colours of the page until the figure is in it.
SERIES = ("#030303", "#040404", "#050505", "#060606", "#070707", "#080808")
_COLOURS = {INK: "ink", FAINT: "line", **{colour: f"series-{at}" for at, colour in enumerate(SERIES, 1)}}
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "newtongue",  # The same figure is the same text.
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "legend.fontsize": 8,
}
SIZE = (4.4, 3.0)
ALL = 3.0  # All there is stands at so many times the largest amount that is known.


def layers(by_name: Mapping[str, Layers]) -> str:
    """Cosine with the English translation by layer; dotted, with another sentence's."""
    with _figure() as (axes, svg):
        for colour, (name, one) in zip(SERIES, by_name.items(), strict=False):
            axes.plot(one.own, color=colour, marker="o", markersize=3, label=name)
            axes.plot(one.other, color=colour, linestyle=":")
        axes.set(xlabel="layer (0: what the base reads)", ylabel="cosine with English", ylim=(None, 1.02))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(loc="best")
    return svg()


def retrieved(by_name: Mapping[str, Layers]) -> str:
    """Retrieval at 1 by layer."""
    with _figure() as (axes, svg):
        for colour, (name, one) in zip(SERIES, by_name.items(), strict=False):
            axes.plot(one.retrieved, color=colour, marker="o", markersize=3, label=name)
        axes.set(xlabel="layer (0: what the base reads)", ylabel="own translation is nearest", ylim=(0, None))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(loc="best")
    return svg()


def curve(task: Task, kind: str, measure: Measure) -> str:
    """A measure by the amount of one kind of data, with 95% intervals; dashed, a method that had one amount of it."""
    by_method = task.along(kind)
    amounts = sorted({line.amount(kind) for lines in by_method.values() for line in lines})
    places = {amount: amount if amount < inf else ALL * max(1.0, *amounts[:-1]) for amount in amounts}
    with _figure() as (axes, svg):
        for colour, (name, lines) in zip(SERIES, by_method.items(), strict=False):
            known = [line for line in lines if measure.name in line.scores]
            at, scores = [places[line.amount(kind)] for line in known], [line.scores[measure.name] for line in known]
            if len(known) < 2:
                for one in scores:
                    axes.axhline(one.value, color=colour, linestyle="--", label=name)
                continue
            axes.plot(at, [one.value for one in scores], color=colour, marker="o", markersize=3, label=name)
            axes.fill_between(at, [s.low for s in scores], [s.high for s in scores], color=colour, alpha=0.15, lw=0)
        axes.set_xscale("symlog", linthresh=max(1.0, *amounts[1:2]))
        axes.set_xticks(list(places.values()), [f"{one:,.0f}" if one < inf else "all" for one in amounts])
        axes.minorticks_off()
        axes.set(xlabel=kind, ylabel=measure.name)
        axes.legend(loc="best")
    return svg()


def cost_and_quality(lines: Sequence[Line], measure: Measure, cost: Callable[[Line], float | None], label: str) -> str:
    """A measure over a cost, a point a method; empty where fewer than three have both."""
    points = [(spent, line) for line in lines if measure.name in line.scores and (spent := cost(line))]
    if len({spent for spent, _ in points}) < 3:
        return ""
    with _figure() as (axes, svg):
        for spent, line in points:
            value = line.scores[measure.name]
            colour = SERIES[0] if line.role == "ours" else SERIES[1]
            axes.errorbar(
                spent, value.value, [[value.value - value.low], [value.high - value.value]], color=colour, marker="o"
            )
            axes.annotate(line.method, (spent, value.value), (5, 4), textcoords="offset points", fontsize=8)
        axes.margins(x=0.25)
        axes.set(xlabel=label, ylabel=measure.name)
    return svg()


def plane(shown: Map) -> str:
    """Soft tokens among embeddings, a point each, which says what it is when pointed at."""
    points = [*shown.english, *shown.soft]
    left, right = min(x for x, _, _ in points), max(x for x, _, _ in points)
    low, high = min(y for _, y, _ in points), max(y for _, y, _ in points)

    def dots(cloud: Sequence[tuple[float, float, str]], kind: str) -> Iterator[str]:
        for x, y, word in cloud:
            across, down = 10 + 580 * (x - left) / (right - left or 1), 390 - 380 * (y - low) / (high - low or 1)
            place = f'cx="{across:.1f}" cy="{down:.1f}" r="3"'
            yield f'<circle class="{kind}" {place}><title>{escape(word)}</title></circle>'

    drawn = [*dots(shown.english, "english"), *dots(shown.soft, "soft")]
    return f'<svg class="plane" viewBox="0 0 600 400" role="img">{"".join(drawn)}</svg>'


@contextmanager
def _figure() -> Iterator[tuple[Axes, Callable[[], str]]]:
    """Axes to draw on, and what gives the figure afterwards."""
    made: list[str] = []
    with matplotlib.rc_context(_STYLE):
        figure, axes = plt.subplots(figsize=SIZE, layout="constrained")
        yield axes, lambda: made[0]
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
        plt.close(figure)
    made.append(_of_the_page(file.getvalue()))


def _of_the_page(svg: str) -> str:
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'<svg [^>]*?viewBox="([^"]*)"[^>]*>', r'<svg viewBox="\1" role="img">', svg, count=1, flags=re.DOTALL)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    for colour, name in _COLOURS.items():
        svg = svg.replace(colour, f"var(--{name})")
    return re.sub(r"font: [\d.]+px [^;\"]*", lambda found: found[0].split("px")[0] + "px system-ui, sans-serif", svg)

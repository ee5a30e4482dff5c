"""Pictures as files: losses of a training, accuracy by method."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

Interval = tuple[float, float, float]  # A score and the ends of its interval.
COLOURS = ("#1b6ca8", "#7fb3d5", "#b7b7b7", "#d9822b", "#f0c27b", "#6a4c93")


def draw_losses(curves: Mapping[str, Mapping[str, Sequence[tuple[int, float]]]], path: Path) -> None:
    """One panel a stage, one line a language.

    Args:
        curves: stage → language → (step, loss) in order.
        path: the PNG to write.
    """
    figure, panels = plt.subplots(1, len(curves), figsize=(3.2 * len(curves), 2.8), layout="constrained")
    for panel, (stage, languages) in zip(panels if len(curves) > 1 else [panels], curves.items(), strict=True):
        for (language, points), colour in zip(languages.items(), (COLOURS[0], COLOURS[3]), strict=False):
            panel.plot(*zip(*points, strict=True), label=language, color=colour)
        panel.set(title=stage, xlabel="step", ylim=(0, None))
        panel.spines[["top", "right"]].set_visible(False)
        if len(languages) > 1:
            panel.legend(frameon=False)
    figure.axes[0].set_ylabel("loss")
    figure.savefig(path, dpi=150)
    plt.close(figure)


def draw_accuracy(methods: Mapping[str, Mapping[str, float]], chance: float, path: Path) -> None:
    """Bars of accuracy: a group a language, a bar a method, chance as a line.

    Args:
        methods: method → language → accuracy in [0, 1].
        chance: of always giving a relation's most frequent answer.
        path: the PNG to write.
    """
    figure, panel = plt.subplots(figsize=(7, 3.4), layout="constrained")
    bars(panel, {method: {name: (one, one, one) for name, one in found.items()} for method, found in methods.items()})
    panel.axhline(chance, color="black", linewidth=0.8, linestyle=":", label=f"chance {chance:.2f}")
    panel.set(ylim=(0, 1.08), ylabel="exact match, held-out facts")
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(path, dpi=150)
    plt.close(figure)


def bars(panel: Axes, methods: Mapping[str, Mapping[str, Interval]], colours: Sequence[str] = COLOURS) -> None:
    """A group a language, a bar a method, with its interval where that is no point.

    Args:
        panel: where they are drawn; limits, legend and title are the caller's.
        methods: method → language → score and the ends of its interval.
        colours: of the methods, in their order.
    """
    languages = list(next(iter(methods.values())))
    width = 0.8 / len(methods)
    for place, ((method, found), colour) in enumerate(zip(methods.items(), colours, strict=False)):
        at = [group + place * width for group in range(len(languages))]
        values, lows, highs = zip(*(found[language] for language in languages), strict=True)
        panel.bar(at, values, width * 0.92, label=method, color=colour)
        spread = [[a - b for a, b in zip(*ends, strict=True)] for ends in ((values, lows), (highs, values))]
        panel.errorbar(at, values, spread, color="black", linewidth=0.8, linestyle="none")
        for where, value, high in zip(at, values, highs, strict=True):
            panel.annotate(f"{value:.2f}", (where, high), (0, 2), textcoords="offset points", ha="center", fontsize=8)
    panel.set_xticks([group + 0.4 - width / 2 for group in range(len(languages))], languages)

"""The README's picture, from the scores beside this file: `python evaluation/results/draw.py`."""

import json
from collections.abc import Mapping
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from newtongue_evaluation.report.pictures import COLOURS, Interval, bars

HERE = Path(__file__).parent
LANGUAGES = {"tr": "Turkish", "ja": "Japanese"}
EXACT, OWN = "exact match", "exact match, not as in English"
ADAPTER = "adapter"
VOICE = "adapter that writes, thinking in English first"
BORROWED = "adapter, soft tokens zeroed"
LORA = "LoRA on raw text, with translations, as long as stage 3"
BARE, CHANCE = "bare base on raw text", "chance, the most frequent answer"
OURS, ALSO_OURS, FLOOR, THEIRS = COLOURS[:4]


def score(where: str, method: str, answered_in: str, measure: str = EXACT, **data: int) -> Interval:
    """A score and its interval out of a file of scores; of all the data, if none is named."""
    tasks = json.loads((HERE / f"{where}.json").read_text(encoding="utf-8"))["tasks"]
    for task in (one for one in tasks if one["language"] != "en" and one["answered_in"] == answered_in):
        for one in task["methods"]:
            if one["method"] == method and one["data"] == data:
                found = one["scores"][measure]
                return found["value"], found["low"], found["high"]
    raise KeyError(f"{where}.json has no {measure} of {method} answered in {answered_in} with {data}")


def each(where: str, method: str, measure: str = EXACT, own: bool = False) -> dict[str, Interval]:
    """A method's score by language, answered in English or in the language itself."""
    return {
        name: score(f"{where}/{language}", method, language if own else "en", measure)
        for language, name in LANGUAGES.items()
    }


def compare(panel: Axes, title: str, methods: Mapping[str, dict[str, Interval]], colours: tuple[str, ...]) -> None:
    """A group a language, a bar a method."""
    bars(panel, methods, colours)
    panel.set(title=title, ylim=(0, 1.28), yticks=[0, 0.5, 1])
    panel.legend(frameon=False, loc="upper center", ncols=2)


def curve(panel: Axes, title: str, language: str, amounts: tuple[int, ...]) -> None:
    """By sentence pairs, adapter and LoRA, intervals shaded; the bare base and borrowed words alone as lines."""
    for name, method, colour in (("adapter", ADAPTER, OURS), ("LoRA", LORA, THEIRS)):
        found = [score(f"data/{language}", method, "en", text=40_000, pairs=pairs) for pairs in amounts]
        values, lows, highs = zip(*found, strict=True)
        panel.plot(amounts, values, marker="o", color=colour, label=name)
        panel.fill_between(amounts, lows, highs, color=colour, alpha=0.15, lw=0)
    for name, method, colour in (("its borrowed words alone", BORROWED, ALSO_OURS), ("bare base", BARE, FLOOR)):
        level, *_ = score(f"data/{language}", method, "en", text=40_000, pairs=40_000)
        panel.axhline(level, color=colour, linestyle=":", label=name)
    panel.set_xscale("log")
    panel.set_xticks(amounts, [f"{one:,}" for one in amounts])
    panel.minorticks_off()
    panel.set(title=title, xlabel="sentence pairs, after a smaller training", ylim=(0, 0.7))
    panel.legend(frameon=False, loc="upper left")


def draw(path: Path) -> None:
    """Write the picture, a PNG."""
    with plt.rc_context({"font.size": 8, "axes.titlesize": 9, "legend.fontsize": 8}):
        figure, grid = plt.subplots(2, 2, figsize=(8.6, 5.6), layout="constrained")
        panels = grid.flat
        human = {
            "adapter": each("transfer", ADAPTER),
            "its borrowed words alone": each("transfer", BORROWED),
            "LoRA on raw text": each("transfer", LORA),
            "bare base": each("transfer", BARE),
        }
        compare(panels[0], "human questions, answered in English", human, (OURS, ALSO_OURS, THEIRS, FLOOR))
        world = {
            "adapter": each("atlas", ADAPTER),
            "LoRA on raw text": each("atlas", LORA),
            "chance": each("atlas", CHANCE),
        }
        compare(panels[1], "closed world, answered in English", world, (OURS, THEIRS, FLOOR))
        said = {
            "with a voice": each("atlas", VOICE, OWN, own=True),
            "spelled": each("atlas", ADAPTER, OWN, own=True),
            "LoRA": each("atlas", LORA, OWN, own=True),
            "chance": each("atlas", CHANCE, OWN, own=True),
        }
        colours = (OURS, ALSO_OURS, THEIRS, FLOOR)
        compare(panels[2], "closed world, in the language's own words", said, colours)
        curve(panels[3], "human questions, Turkish, by amount of data", "tr", (400, 4_000, 40_000))
        for panel in panels:
            panel.set_ylabel("exact match, 95% intervals")
            panel.spines[["top", "right"]].set_visible(False)
        figure.savefig(path, dpi=130)
        plt.close(figure)


if __name__ == "__main__":
    draw(HERE / "overview.png")

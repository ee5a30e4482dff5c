"""The README's picture, from the scores beside this file: `python evaluation/results/draw.py`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

HERE = Path(__file__).parent
LANGUAGES = {"tr": "Turkish", "ja": "Japanese"}
EXACT, OWN = "exact match", "exact match, not as in English"
ADAPTER = "adapter"
VOICE = "adapter that writes, thinking in English first"
LORA = "LoRA on raw text, with translations, as long as stage 3"
BARE, CHANCE = "bare base on raw text", "chance, the most frequent answer"
COLOURS = {"adapter": "#1b6ca8", "with a voice": "#12476f", "LoRA": "#d9822b", "floor": "#b7b7b7"}
Found = Mapping[str, float]  # A score and its interval: value, low, high.


def score(where: str, method: str, answered_in: str, measure: str = EXACT, **data: int) -> Found:
    """A score and its interval out of a file of scores; of all the data, if none is named."""
    for task in json.loads((HERE / f"{where}.json").read_text(encoding="utf-8"))["tasks"]:
        for one in task["methods"]:
            if task["answered_in"] == answered_in and one["method"] == method and one["data"] == data:
                found: Found = one["scores"][measure]
                return found
    raise KeyError(f"{where}.json has no {measure} of {method} answered in {answered_in} with {data}")


def bars(panel: Axes, title: str, groups: Mapping[str, Mapping[str, tuple[str, Found]]]) -> None:
    """A group a language, a bar a method, with its interval; `groups`: method → language → colour and score."""
    width = 0.8 / len(groups)
    for place, (method, by_language) in enumerate(groups.items()):
        for group, language in enumerate(LANGUAGES):
            colour, found = by_language[language]
            value, at = found["value"], group + place * width
            panel.bar(at, value, width * 0.92, color=COLOURS[colour], label=None if group else method)
            panel.errorbar(at, value, [[value - found["low"]], [found["high"] - value]], color="black", lw=0.8)
            panel.annotate(f"{value:.2f}", (at, found["high"]), (0, 2), textcoords="offset points", ha="center")
    panel.set_xticks([group + 0.4 - width / 2 for group in range(len(LANGUAGES))], list(LANGUAGES.values()))
    panel.set(title=title, ylim=(0, 1.28), yticks=[0, 0.5, 1])
    panel.legend(frameon=False, loc="upper center", ncols=2)


def curve(panel: Axes, title: str, language: str, amounts: tuple[int, ...]) -> None:
    """By sentence pairs, adapter and LoRA, intervals shaded; the bare base as a line."""
    for name, method, colour in (("adapter", ADAPTER, "adapter"), ("LoRA", LORA, "LoRA")):
        found = [score(f"data/{language}", method, "en", text=40_000, pairs=pairs) for pairs in amounts]
        panel.plot(amounts, [one["value"] for one in found], marker="o", color=COLOURS[colour], label=name)
        low, high = [one["low"] for one in found], [one["high"] for one in found]
        panel.fill_between(amounts, low, high, color=COLOURS[colour], alpha=0.15, lw=0)
    bare = score(f"data/{language}", BARE, "en", text=40_000, pairs=40_000)["value"]
    panel.axhline(bare, color=COLOURS["floor"], linestyle=":", label="bare base")
    panel.set_xscale("log")
    panel.set_xticks(amounts, [f"{one:,}" for one in amounts])
    panel.minorticks_off()
    panel.set(title=title, xlabel="sentence pairs, after a smaller training", ylim=(0, 0.6))
    panel.legend(frameon=False, loc="upper left")


def draw(path: Path) -> None:
    """Write the picture, a PNG."""

    def each(colour: str, where: str, method: str, measure: str = EXACT, own: bool = False) -> Any:
        return {
            language: (colour, score(f"{where}/{language}", method, language if own else "en", measure))
            for language in LANGUAGES
        }

    plt.rcParams.update({"font.size": 8, "axes.titlesize": 9, "legend.fontsize": 8})
    figure, grid = plt.subplots(2, 2, figsize=(8.6, 5.6), layout="constrained")
    panels = grid.flat
    human = {
        "adapter": each("adapter", "transfer", ADAPTER),
        "LoRA on raw text": each("LoRA", "transfer", LORA),
        "bare base": each("floor", "transfer", BARE),
    }
    bars(panels[0], "human questions, answered in English", human)
    world = {
        "adapter": each("adapter", "atlas", ADAPTER),
        "LoRA on raw text": each("LoRA", "atlas", LORA),
        "chance": each("floor", "atlas", CHANCE),
    }
    bars(panels[1], "closed world, answered in English", world)
    said = {
        "with a voice": each("with a voice", "atlas", VOICE, OWN, own=True),
        "spelled": each("adapter", "atlas", ADAPTER, OWN, own=True),
        "LoRA": each("LoRA", "atlas", LORA, OWN, own=True),
        "chance": each("floor", "atlas", CHANCE, OWN, own=True),
    }
    bars(panels[2], "closed world, in the language's own words", said)
    curve(panels[3], "human questions, Turkish, by amount of data", "tr", (400, 4_000, 40_000))
    for panel in panels:
        panel.set_ylabel("exact match, 95% intervals")
        panel.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=130)
    plt.close(figure)


if __name__ == "__main__":
    draw(HERE / "overview.png")

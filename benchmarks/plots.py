"""Plots of how cost grows."""

from collections.abc import Mapping
from pathlib import Path


def plot_growth(ratios: Mapping[int, tuple[float, float, float]], what: str, file: Path) -> None:
    """Time over that of the first size, with quartiles, beside growth in proportion."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    sizes = list(ratios)
    low, middle, high = zip(*ratios.values(), strict=True)
    figure, axes = pyplot.subplots(figsize=(5, 3.5), layout="constrained")
    axes.plot(sizes, [size / sizes[0] for size in sizes], ":", color="grey", label="in proportion")
    axes.errorbar(
        sizes,
        middle,
        yerr=[
            [m - one for m, one in zip(middle, low, strict=True)],
            [one - m for m, one in zip(middle, high, strict=True)],
        ],
        marker="o",
        capsize=3,
        label="measured, quartiles",
    )
    axes.set(xlabel=what, ylabel="time, over the first", xscale="log", yscale="log")
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    times = [2**power for power in range(int(sizes[-1] / sizes[0]).bit_length())]
    axes.set_yticks(times, [f"{one}×" for one in times])
    axes.minorticks_off()
    axes.legend()
    figure.savefig(file, dpi=120)
    pyplot.close(figure)

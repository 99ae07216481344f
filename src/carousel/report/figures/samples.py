"""A row per cell and forget bias, with the mean of a sample or two and its interval."""

import pandas as pd
from matplotlib.axes import Axes

from carousel.analysis.stats.resampling import interval
from carousel.analysis.text import bias_order
from carousel.report import names
from carousel.report.figures.errors import HUES

ROW = 0.3  # inches


def draw_samples(ax: Axes, samples: dict[str, pd.Series], table: pd.DataFrame) -> None:
    """Draw one row per label with the mean and interval of each sample: the first filled, the second hollow."""
    labels = ordered(table)
    for k, (name, values) in enumerate(samples.items()):
        face, shape = ("white", "s") if k else (HUES[k], "o")
        for i, label in enumerate(labels):
            here = values[values.index == label].to_numpy(float)
            mean, low, high = interval(here)
            y = -i - 0.15 + 0.3 * (1 - k)
            ax.plot([low, high], [y, y], color=HUES[k], linewidth=1.2)
            ax.plot(mean, y, shape, color=HUES[k], markerfacecolor=face, markersize=5, label=name)
    ax.set_ylim(0.6 - len(labels), 0.4)
    ax.set_yticks([-i for i in range(len(labels))], [_named(label) for label in labels])


def ordered(table: pd.DataFrame) -> list[str]:
    """Return the labels by cell and forget bias."""
    biases = bias_order(table["forget_bias"])

    def place(label: str) -> tuple[str, int]:
        cell, _, bias = label.partition("/")
        return cell, biases.index(bias or "none")

    return sorted(set(table["label"]), key=place)


def _named(label: str) -> str:
    """Return "cell/forget bias" in words."""
    cell, _, bias = label.partition("/")
    return names.setting(cell, bias or "none")

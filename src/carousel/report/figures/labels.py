"""Labels at the ends of lines: dark enough to read, and moved apart so that none covers another."""

from functools import cache

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation

TEXT = 9.5  # points, in all figures
LETTER = 0.56 * TEXT / 72  # inches of a letter, in the mean
GAP = 8  # points between the end of a line and its label
NEAR = 24  # points from the edge of the axes: a line that ends nearer has its label outside


def end_label(ax: Axes, x: float, y: float, label: str, colour: str) -> None:
    """Write a label to the right of (x, y); spread_labels moves those of one axes apart."""
    colour = darker(colour)
    ax.annotate(
        label, (x, y), (GAP, 0), textcoords="offset points", va="center", color=colour, annotation_clip=False,
        gid="end", arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 2,
                    "relpos": (0, 0.5)},
    )  # fmt: skip


@cache
def darker(colour: str) -> str:
    """Return a colour dark enough for text on white (contrast of 4.5 to 1, WCAG 2.1)."""
    rgb = np.array(mpl.colors.to_rgb(colour))
    while contrast(rgb) < 4.5:
        rgb = rgb * 0.95
    return mpl.colors.to_hex((float(rgb[0]), float(rgb[1]), float(rgb[2])))


def contrast(rgb: np.ndarray) -> float:
    """Return the contrast ratio of a colour against white, by WCAG's relative luminance."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05))


def spread_labels(figure: Figure) -> None:
    """Move the labels at line ends apart vertically, as little as their height demands."""
    if layout := figure.get_layout_engine():
        layout.execute(figure)
    step = TEXT * 1.25 * figure.dpi / 72
    for ax in figure.axes:
        labels = sorted(end_labels(ax), key=lambda label: ax.transData.transform(label.xy)[1])
        wanted = np.array([ax.transData.transform(label.xy)[1] for label in labels])
        box = ax.get_window_extent()
        places = apart(wanted, step, box.y0 + step / 2, box.y1 - step / 4)
        for label, here, there in zip(labels, wanted, places, strict=True):
            label.set_position((label.get_position()[0], (there - here) * 72 / figure.dpi))


def move_out(figure: Figure) -> None:
    """Begin a label outside the axes where its line ends near their edge."""
    for ax in figure.axes:
        for label in end_labels(ax):
            room = ax.get_window_extent().x1 - ax.transData.transform(label.xy)[0]
            room *= 72 / figure.dpi
            label.set_position((max(GAP, room + 2) if room < NEAR else GAP, 0))


def end_labels(ax: Axes) -> list[Annotation]:
    """Return the labels at line ends of one axes."""
    return [text for text in ax.texts if isinstance(text, Annotation) and text.get_gid() == "end"]


def apart(wanted: np.ndarray, step: float, bottom: float, top: float) -> np.ndarray:
    """Return ascending positions at least ``step`` apart, near where they wanted to be, from bottom to top.

    Where there is no room for all, the lowest stand below the bottom.
    """
    placed = wanted.astype(float).copy()
    for _ in range(200):
        for i in np.flatnonzero(np.diff(placed) < step - 1e-6).tolist():
            push = max(0.0, step - (placed[i + 1] - placed[i])) / 2
            placed[i] -= push
            placed[i + 1] += push
    for i in range(len(placed)):
        placed[i] = max(placed[i], bottom)
        bottom = placed[i] + step
    for i in range(len(placed) - 1, -1, -1):
        placed[i] = min(placed[i], top)
        top = placed[i] - step
    return placed

"""The numbers that a figure draws, as a table: what stands at which place of which panel."""

import csv
import io
from collections.abc import Iterator
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Annotation, Text
from matplotlib.ticker import FixedLocator, FuncFormatter

from carousel.report.figures.labels import darker
from carousel.report.figures.style import as_power

BESIDE = "marks may stand beside their place"


class Point(NamedTuple):
    """One number of a figure: its panel, from 1 on; its series; its place; and what is written there, if anything."""

    panel: int
    series: str
    x: float
    y: float
    written: str = ""


def table(figure: Figure) -> str:
    """Return what a figure draws as CSV, below a line for each panel that says what its x and y are."""
    out = io.StringIO()
    below = [
        ax.get_xlabel() for ax in figure.axes if ax.get_xlabel()
    ]  # of the lowest panel of a column, for all of it
    for place, ax in enumerate(figure.axes, 1):
        said = ", ".join(filter(None, (ax.get_title(loc="left"), ax.get_ylabel())))
        x = what(ax.xaxis, ax.get_xlabel() or "".join(below[:1]))
        out.write(f"# panel {place}: x: {x}; y: {what(ax.yaxis, said)}\n")
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(Point._fields)
    for point in points(figure):
        rows.writerow(point._replace(x=short(point.x), y=short(point.y)))
    return out.getvalue()


def points(figure: Figure) -> Iterator[Point]:
    """Yield all that a figure draws at places of its data; lines that cross a whole panel are not among it."""
    for place, ax in enumerate(figure.axes, 1):
        for line in ax.lines:
            if line.get_transform() == ax.transData:
                for x, y in finite(np.asarray(line.get_xydata())):
                    yield Point(place, series(line, ax), x, y)
        for bars in (each for each in ax.containers if isinstance(each, BarContainer)):
            for bar in bars:
                yield Point(place, "", *end(bar, str(bars.orientation)))
        for drawn in ax.collections:
            if isinstance(drawn, LineCollection | PolyCollection):
                for path in drawn.get_paths():
                    yield from (Point(place, "interval", x, y) for x, y in finite(np.asarray(path.vertices)))
        yield from (Point(place, "", *text.get_position(), one_line(text.get_text())) for text in written(ax))


def finite(places: np.ndarray) -> list[tuple[float, float]]:
    """Return the places of an array (n, 2) of which both numbers are finite."""
    places = np.asarray(places, float)
    return [(float(x), float(y)) for x, y in places[np.isfinite(places).all(axis=1)]]


def series(line: Line2D, ax: Axes) -> str:
    """Return what a line is called: in the legend, at its end, or at the end of a line of its colour."""
    if not (own := str(line.get_label())).startswith("_"):
        return own
    ends = [text for text in ax.texts if isinstance(text, Annotation) and text.get_gid() == "end"]
    last = tuple(np.asarray(line.get_xydata(), float)[-1:].ravel())
    colour = darker(mpl.colors.to_hex(line.get_color()))
    found = [text for text in ends if tuple(text.xy) == last] or [t for t in ends if t.get_color() == colour]
    return found[0].get_text() if found else ""


def end(bar: Rectangle, orientation: str) -> tuple[float, float]:
    """Return where a bar ends, at the middle of its width."""
    x, y, width, height = *bar.get_xy(), bar.get_width(), bar.get_height()
    return (x + width / 2, y + height) if orientation == "vertical" else (x + width, y + height / 2)


def written(ax: Axes) -> list[Text]:
    """Return the texts that stand at places of the data, as in a map."""
    return [t for t in ax.texts if not isinstance(t, Annotation) and t.get_transform() == ax.transData]


def what(axis: Axis, label: str) -> str:
    """Return what an axis holds: its label, whether logarithms, and its places that have names."""
    formatter = axis.get_major_formatter()
    powers = isinstance(formatter, FuncFormatter) and formatter.func is as_power
    said = one_line(f"log10 of {label}" if powers else label)
    if powers or not isinstance(axis.get_major_locator(), FixedLocator):
        return said
    places = axis.get_majorticklocs()
    named = [
        (f"{short(at)}", one_line(name))
        for at, name in zip(places, formatter.format_ticks(list(places)), strict=True)
    ]
    found = ", ".join(f"{at} = {name}" for at, name in named if at != name)
    return f"{said} ({found}; {BESIDE})" if found else said


def one_line(text: str) -> str:
    """Return a text on one line."""
    return " ".join(text.split())


def short(value: float) -> float:
    """Return a number with five significant digits, an integer as one."""
    value = float(f"{value:.5g}")
    return int(value) if value.is_integer() else value

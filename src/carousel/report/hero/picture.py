"""The hero as an inline SVG, drawn wide and for a phone: one group per forget bias, of which one is shown."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from carousel.analysis import names
from carousel.analysis.text import power, share
from carousel.report.figures.story import FLOATS
from carousel.report.hero.lines import RIVAL, ROUTES, Lines, at, curve

DEEPEST = -60.0  # decades: the lower end of the axis
GRID = 15  # decades between its lines
APART = 1.25  # lines of text between two labels


class Frame(NamedTuple):
    """The size of a drawing in pixels: outer, margins around the axes, and the height of its text."""

    name: str
    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    text: float


WIDE = Frame("wide", 736, 254, 64, 190, 10, 40, 13)
NARROW = Frame("narrow", 368, 216, 46, 138, 9, 40, 12.5)


def svg(lines: Lines, frame: Frame, title: str) -> str:
    """Return the drawing of all forget biases: axes, the rival, and a group of class ``b{k}`` for the kth bias."""
    groups = [
        f'<g class="b b{place}">{_routes(lines, frame, bias)}</g>' for place, bias in enumerate(lines.biases)
    ]
    box = f'viewBox="0 0 {frame.width} {frame.height}"'
    head = f'<svg class="hero {frame.name}" {box} role="img" aria-label="{title}" font-size="{frame.text:g}">'
    return "\n".join([head, *_axes(lines, frame), _rival(lines, frame), *groups, "</svg>"])


def across(lines: Lines, frame: Frame, lag: float) -> float:
    """Return the x of a lag in pixels."""
    return frame.left + lag / lines.horizon * (frame.width - frame.left - frame.right)


def down(frame: Frame, decades: float) -> float:
    """Return the y of log10 of a norm in pixels; the axis ends at DEEPEST."""
    return frame.top + min(decades / DEEPEST, 1.0) * (frame.height - frame.top - frame.bottom)


def _axes(lines: Lines, frame: Frame) -> list[str]:
    start, end = across(lines, frame, 0), across(lines, frame, lines.horizon)
    norms = {decades: down(frame, decades) for decades in np.arange(0, DEEPEST - 1, -GRID)}
    lags = np.linspace(0, lines.horizon, 4)
    floor = down(frame, FLOATS["float32"])
    return [
        *(_line("grid", (start, y), (end, y)) for y in norms.values()),
        *(_text(frame.left - 8, y + 4, power(decades), "end") for decades, y in norms.items()),
        *(
            _text(across(lines, frame, lag), down(frame, DEEPEST) + 18, f"{lag:.0f}", "middle")
            for lag in lags
        ),
        _text((start + end) / 2, frame.height - 6, "steps back from the loss", "middle"),
        _line("floor", (start, floor), (end, floor)),
        _text(start + 6, floor + frame.text + 2, "zero in float32", "start", "quiet"),
    ]


def _rival(lines: Lines, frame: Frame) -> str:
    """Return the line of the tanh RNN, with its name where it ends or leaves the axes."""
    points = curve(lines, RIVAL, "none", "full")
    if points.empty:
        return ""
    last = on_the_axes(points).iloc[-1]
    x, y = across(lines, frame, last["lag"]), down(frame, last["left"])
    name = _text(x - 26, min(y, down(frame, DEEPEST) - 6), names.cell(RIVAL), "end", "rival")
    return _polyline("rival", lines, frame, points) + name


def drawing(lines: Lines, frame: Frame, bias: str) -> str:
    """Return the drawing of one forget bias: axes, the rival and the LSTM's lines."""
    return "\n".join([*_axes(lines, frame), _rival(lines, frame), _routes(lines, frame, bias)])


def _routes(lines: Lines, frame: Frame, bias: str) -> str:
    """Return the lines of one forget bias with what they end at beside them."""
    drawn = {path: curve(lines, "lstm", bias, path) for path in ROUTES}
    drawn = {path: points for path, points in drawn.items() if len(points)}
    parts = [_band(path, lines, frame, points) for path, points in drawn.items()]
    parts += [_polyline(path, lines, frame, points) for path, points in reversed(drawn.items())]
    ends = [down(frame, at(lines, bias, path, lines.horizon)) + 4 for path in drawn]
    x = across(lines, frame, lines.horizon) + 8
    for path, y in zip(drawn, spread(ends, APART * frame.text), strict=True):
        said = f"{ROUTES[path]} {share(at(lines, bias, path, lines.horizon))}"
        parts.append(_text(x, y, said, "start", path))
    return "".join(parts)


def spread(places: Sequence[float], gap: float) -> list[float]:
    """Return the places of labels, in the order given, moved down until they are ``gap`` apart."""
    order = np.argsort(places, kind="stable")
    ranks = np.arange(len(places)) * gap
    moved = np.maximum.accumulate(np.asarray(places, float)[order] - ranks) + ranks
    moved -= max(0.0, (moved - np.asarray(places)[order]).mean()) if len(places) else 0.0
    return moved[np.argsort(order)].tolist()


def _polyline(name: str, lines: Lines, frame: Frame, points: pd.DataFrame) -> str:
    places = [
        f"{across(lines, frame, row.lag):.1f},{down(frame, row.left):.1f}"
        for row in on_the_axes(points).itertuples()
    ]
    return f'<polyline class="{name}" points="{" ".join(places)}"/>'


def _band(name: str, lines: Lines, frame: Frame, points: pd.DataFrame) -> str:
    """Return the area between the repetitions that have least and most left, as far as it is on the axes."""
    ends = [
        [(across(lines, frame, row.lag), down(frame, row.left)) for row in on_the_axes(side).itertuples()]
        for side in (points.assign(left=points[end]) for end in ("low", "high"))
    ]
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in [*ends[0], *reversed(ends[1])])
    return f'<polygon class="{name}" points="{places}"/>'


def on_the_axes(points: pd.DataFrame) -> pd.DataFrame:
    """Return a curve up to where it first falls below DEEPEST, and the point at which it does."""
    below = points["left"].to_numpy() < DEEPEST
    if not below.any():
        return points
    end = int(below.argmax())
    before, after = points["left"].iloc[end - 1], points["left"].iloc[end]
    share = (DEEPEST - before) / (after - before) if np.isfinite(after) else 0.0
    lag = points["lag"].iloc[end - 1] + share * (points["lag"].iloc[end] - points["lag"].iloc[end - 1])
    return pd.concat([points.iloc[:end], pd.DataFrame({"lag": [lag], "left": [DEEPEST]})])


def _line(name: str, start: tuple[float, float], end: tuple[float, float]) -> str:
    return (
        f'<line class="{name}" x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}"/>'
    )


def _text(x: float, y: float, text: str, anchor: str, name: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{name}">{text}</text>'

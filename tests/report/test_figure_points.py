"""The numbers of a figure, as its file of data has them."""

import io

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from carousel.report.figures.labels import end_label
from carousel.report.figures.points import Point, points, table
from carousel.report.figures.style import bias_axis, panels, powers, style

COLOUR = "#0b5394"


def drawn(seed: int = 1) -> tuple[Figure, np.ndarray]:
    """Two panels: a line that its end names and a dot per setting; bars, an interval, a word and lines across."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(6, 2)).cumsum(axis=0) - 3
    with style():
        figure, (ax, right) = panels(["left of the\ngradient", "share"], "forget bias")
    ax.set_xlabel("lag")
    ax.plot(values[:, 0], values[:, 1], color=COLOUR)
    end_label(ax, *values[-1], "LSTM", COLOUR)
    ax.plot([1.0, np.nan], [-4.0, -5.0], "o", color="black", label="settings")
    ax.axhline(-1, color="black")
    powers(ax)
    right.bar(2.0, 0.25, width=0.6)
    right.barh(-1.0, 0.5, height=0.4)
    right.vlines([3.0], [0.1], [0.75])
    right.text(1, 0.5, "more")
    bias_axis(right, ["0", "100", "chrono:30", "chrono:100"])
    return figure, values


def test_every_number_drawn_is_in_the_table_once_to_five_digits() -> None:
    figure, values = drawn()
    lines = table(figure).splitlines()
    found = pd.read_csv(io.StringIO("\n".join(lines)), comment="#", keep_default_na=False)
    assert tuple(found.columns) == Point._fields
    line = found[found["series"] == "LSTM"]
    np.testing.assert_allclose(line[["x", "y"]].astype(float), values, rtol=1e-4)
    rest = [tuple(row) for row in found[found["series"] != "LSTM"].itertuples(index=False)]
    assert [(panel, name, float(x), float(y), said) for panel, name, x, y, said in rest] == [
        (1, "settings", 1.0, -4.0, ""), (2, "", 2.0, 0.25, ""), (2, "", 0.5, -1.0, ""),
        (2, "interval", 3.0, 0.1, ""), (2, "interval", 3.0, 0.75, ""), (2, "", 1.0, 0.5, "more"),
    ]  # fmt: skip


def test_the_head_says_what_each_axis_holds_and_names_its_places() -> None:
    first, second, *_ = table(drawn()[0]).splitlines()
    assert first == "# panel 1: x: lag; y: log10 of left of the gradient"
    assert second.startswith("# panel 2: x: forget bias (")
    assert "1.4 = fixed 100, 2.8 = 30, 4.2 = 100; marks may stand beside" in second and "0 = 0" not in second


def test_no_two_places_of_an_axis_of_forget_biases_read_the_same() -> None:
    _, right = drawn()[0].axes
    labels = [label.get_text() for label in right.get_xticklabels()]
    assert labels == ["0", "fixed 100", "30", "100"]


@pytest.mark.parametrize("seed", [2, 3])
def test_the_table_is_of_the_figure_before_and_after_it_is_laid_out(seed: int) -> None:
    figure, _ = drawn(seed)
    before = [*points(figure)]
    figure.canvas.draw()
    assert [*points(figure)] == before

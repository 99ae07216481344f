"""The figure of learning: a dot per seed at the length that it learned, and rows in the order of what is left."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from support.planted_learning import KEPT, LENGTHS, LONGEST, SETTINGS

from carousel.report.figures.learning import k3_figure, named
from carousel.report.figures.style import style

MIXED = (0, 10, 20, 20, 40, 40, 40, 80, 80, 80)  # of ten seeds


@pytest.fixture(scope="module")
def figure(plant) -> Figure:
    tables = plant(need="K3", extra={"longest": {"adding": {"lstm/1": MIXED, "rnn_tanh": 20}}})
    with style():
        return k3_figure(tables)


def label(name: str) -> str:
    return named(*SETTINGS[name][1:])


def dots(ax: Axes, name: str) -> list[tuple[float, str]]:
    """The seeds of a setting from left to right: the place of each, and its marker."""
    named_once = ax.get_figure().axes[0].get_yticklabels()
    rows = {text.get_text(): y for text, y in zip(named_once, ax.get_yticks(), strict=True)}
    lines = [line for line in ax.lines if line.get_marker() in ("o", "<", ">")]
    seen = [(line.get_marker(), line.get_xydata()) for line in lines]
    return sorted((x, shape) for shape, points in seen for x, y in points if abs(y - rows[label(name)]) < 0.4)


def test_there_is_a_dot_per_seed_at_the_length_that_it_learned(figure) -> None:
    ax = figure.axes[0]
    lengths = [2 ** round(x - np.log2(10)) * 10 for x, _ in dots(ax, "lstm/1")]
    assert lengths == [5, *MIXED[1:]]
    for name, longest in (LONGEST | {"rnn_tanh": 20}).items():
        if name == "lstm/1":
            continue
        places = np.array([x for x, _ in dots(ax, name)])
        assert len(places) == 10, name
        assert places.mean() == pytest.approx(np.log2(longest)), name


def test_censored_seeds_have_a_mark_of_their_own(figure) -> None:
    shapes = [shape for _, shape in dots(figure.axes[0], "lstm/1")]
    assert shapes == ["<", *"oooooo", *">>>"]
    assert {shape for _, shape in dots(figure.axes[1], "lstm/1")} == {"o"}


def test_rows_are_in_the_order_of_what_is_left(figure) -> None:
    order = sorted(KEPT, key=lambda name: -KEPT[name])
    rows = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert rows == [label(name) for name in order]
    for ax in figure.axes:
        assert len(ax.get_yticks()) == len(rows)
        assert np.all(np.diff(ax.get_yticks()) == -1)
        ticks = [text.get_text() for text in ax.get_xticklabels()]
        assert ticks == ["none", *(str(length) for length in LENGTHS)]
    shares = [text.get_text() for text in figure.axes[0].texts if text.get_text().endswith(" %")]
    assert shares[0].startswith("31 %")  # half a decade


def test_the_heads_say_who_learns_longer(figure) -> None:
    heads = {
        ax.get_title(loc="left").split("\n")[0]: ax.get_title(loc="left").split("\n")[1:]
        for ax in figure.axes
    }
    assert heads["adding"][0] == "2 of 4 longer, 1 open"
    assert heads["temporal order"][0] == "4 of 4 longer"
    assert "100 % of pairs in order" in [line for own in heads.values() for line in own]


def test_without_runs_that_climb_it_says_so(plant) -> None:
    tables = plant(need="K3")
    with style():
        bare = k3_figure(tables._replace(accuracy=tables.accuracy.query("slice == 'adding'")))
    assert "did not measure how long a sequence the cells learn" in bare.axes[0].texts[0].get_text()

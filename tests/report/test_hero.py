"""The hero: its numbers are the table's, one forget bias is shown, and labels stand apart."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st
from support import planted

from carousel.analysis.text import power, share
from carousel.report.hero.fragment import fragment
from carousel.report.hero.lines import ROUTES, at, curve, lines
from carousel.report.hero.picture import DEEPEST, NARROW, WIDE, across, down, on_the_axes, spread, svg
from carousel.report.hero.still import still
from carousel.report.hero.words import entered, sentence


@pytest.fixture(scope="module")
def found():
    """The lines of a planted study."""
    return lines(planted.decay())


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("bias", ["0", "1", "3"])
def test_every_line_is_the_planted_one(found, bias, path):
    points = curve(found, "lstm", bias, path)
    rate = planted.rate("lstm", bias, found.init, path)
    assert points["left"].to_numpy() == pytest.approx(rate * points["lag"].to_numpy(), abs=5e-3)
    assert points["lag"].is_monotonic_increasing
    assert points["lag"].iloc[-1] == found.horizon <= found.length
    assert at(found, bias, path, found.horizon) == points["left"].iloc[-1]


def test_a_study_without_an_lstm_has_no_hero():
    decay = planted.decay()
    assert lines(decay[decay["cell"] != "lstm"]) is None


@pytest.mark.parametrize("frame", [WIDE, NARROW])
def test_the_drawing_has_a_group_per_forget_bias_whose_lines_end_at_their_values(found, frame):
    drawn = svg(found, frame, "Title")
    groups = re.findall(r'<g class="b b(\d+)">(.*?)</g>', drawn)
    assert [int(place) for place, _ in groups] == list(range(len(found.biases)))
    for (_, body), bias in zip(groups, found.biases, strict=True):
        for path, points in re.findall(r'<polyline class="(\w+)" points="([^"]*)"', body):
            x, y = map(float, points.split()[-1].split(","))
            value = at(found, bias, path, found.horizon)
            assert y == pytest.approx(down(frame, value), abs=0.06)
            assert value < DEEPEST or x == pytest.approx(across(found, frame, found.horizon), abs=0.06)
            assert f"{ROUTES[path]} {share(value)}" in body


@pytest.mark.parametrize("frame", [WIDE, NARROW])
def test_the_line_of_float32_lies_at_its_smallest_number_between_two_lines_of_the_grid(found, frame):
    drawn = svg(found, frame, "Title")
    (height,) = map(float, re.findall(r'<line class="floor" x1="[^"]*" y1="([^"]*)"', drawn))
    words = float(re.search(r'y="([^"]*)"[^>]*>zero in float32', drawn)[1])
    top, bottom = down(frame, 0.0), down(frame, DEEPEST)
    assert height == pytest.approx(top + (bottom - top) * -149 * np.log10(2) / DEEPEST, abs=0.06)
    assert top < height < words < bottom


def test_the_fragment_shows_one_bias_and_the_control_has_them_all(found):
    text = fragment(found)
    assert text.count('type="radio"') == len(found.biases) == text.count('<p class="b b')
    assert text.count(" checked") == 1
    assert f'id="hero-{found.biases.index("1")}" checked' in text
    for k, bias in enumerate(found.biases):
        assert f"figure.hero:has(#hero-{k}:checked) .b{k}{{display:inline}}" in text
        assert sentence(found, bias) in text


def test_the_sentence_has_what_is_left_by_every_route(found):
    text = sentence(found, "1")
    for path in ROUTES:
        assert share(at(found, "1", path, found.horizon)) in text


def _at_two_biases(found, **left: tuple[float, float]):
    """Lines of LSTMs at some biases, with so many decades left 10 and 100 steps back."""
    rows = [{"cell": "lstm", "forget_bias": bias[1:], "path": "full", "lag": lag, "left": x, "low": x, "high": x}
            for bias, each in left.items() for lag, x in zip((10, 100), each, strict=True)]  # fmt: skip
    return found._replace(table=pd.DataFrame(rows), biases=[bias[1:] for bias in left], horizon=300)


def test_less_at_a_higher_bias_is_said_to_be_lost_at_the_entrance_only_where_it_is(found):
    text = entered(_at_two_biases(found, b3=(-0.9, -1.5), b7=(-2.0, -2.3)))
    assert "At a bias of 7 less is left than at 3" in text and "paid once and not per step" in text
    assert f"There {share(-2.0)} is left 10 steps back, and {share(-0.3)} of that 100 steps back." in text
    assert entered(_at_two_biases(found, b3=(-0.9, -2.5), b7=(-2.0, -2.3))) == ""  # more is left, not less
    assert entered(_at_two_biases(found, b3=(-0.9, -1.5), b7=(-0.5, -2.3))) == ""  # it is lost on the way
    assert (
        entered(_at_two_biases(found, b3=(-1.4, -1.5), b7=(-2.0, -2.3))) == ""
    )  # less is lost on the way at 3
    assert entered(found) == ""  # a study that has no such lag


def test_the_file_is_whole_and_has_its_own_style(found):
    from xml.etree import ElementTree

    root = ElementTree.fromstring(still(found))
    assert root.tag.endswith("svg")
    titles = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text") if text.get("font-weight")]
    assert titles[:2] == ["At a forget bias of 0", "At a forget bias of 1"]


@given(st.lists(st.floats(0, 300), min_size=1, max_size=5), st.floats(5, 30))
def test_labels_are_apart_and_keep_their_order(places, gap):
    moved = np.array(spread(places, gap))
    order = np.argsort(places, kind="stable")
    assert (np.diff(moved[order]) >= gap - 1e-9).all()


@given(st.floats(-0.9, -0.001), st.integers(2, 300))
def test_a_line_is_cut_where_it_leaves_the_axes(rate, lags):
    lag = np.arange(lags)
    points = on_the_axes(pd.DataFrame({"lag": lag, "left": rate * lag}))
    assert points["left"].min() >= DEEPEST - 1e-9
    last = points.iloc[-1]
    assert last["left"] == pytest.approx(rate * last["lag"], abs=1e-9)


@pytest.mark.parametrize(
    ("decades", "text"),
    [(0.0, "100\N{NO-BREAK SPACE}%"), (np.log10(0.5), "50\N{NO-BREAK SPACE}%"), (-2.0, "1\N{NO-BREAK SPACE}%"),
     (-2.99, "0.1\N{NO-BREAK SPACE}%"), (-20.3, "10⁻²⁰"), (-np.inf, "0"), (np.nan, "not measured"), (2.0, "100 times")],
)  # fmt: skip
def test_shares(decades, text):
    assert share(decades) == text


def test_powers():
    assert [power(x) for x in (0, -45, 3, -12.4)] == ["1", "10⁻⁴⁵", "10³", "10⁻¹²"]

"""What figures draw, read back: each line ends at the value that was planted under its label, in its own look.

Every curve has a rate of its own, and PyTorch's is half as much again, so that a line of another cell, path, forget
bias, panel or backend stands elsewhere. What the lines have to be is derived from the rates and not from the claims.
"""

from collections.abc import Mapping

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from carousel.claims.claim import Tables
from carousel.report.figures.draw import FIGURES
from carousel.report.figures.style import PATHS, style

FORGET = {"0": -0.31, "1": -0.14, "10": -0.002, "chrono": -0.02}  # along the cell, decades per step
TOTAL = {"0": -0.24, "1": -0.11, "10": -0.004, "chrono": -0.05}  # by all routes
OLD = -0.001  # along the cell of 1997
LENGTH = 200
JITTER = 0.03  # relative: of the medians over repetitions
OFF = 1.5  # PyTorch's rates over NumPy's
GAIN = float(np.log10(4))  # of the largest of a sweep
SOLID, TRUTH = (0, ()), {"forget": FORGET, "total": TOTAL, "loop97": OLD}


def drawn(plant, name: str, **truth: object) -> Figure:
    """Return a figure of a planted study in which the backends differ visibly."""
    tables: Tables = plant(need=name, **TRUTH | truth)
    other = tables.decay["backend"] == "torch"
    y = tables.decay["log10_norm"]
    with style():
        return FIGURES[name](tables._replace(decay=tables.decay.assign(log10_norm=y.where(~other, OFF * y))))


def ends(ax: Axes) -> dict[str, tuple[float, float]]:
    """Return where the labels at line ends point, by label."""
    return {text.get_text(): text.xy for text in ax.texts if text.get_gid() == "end"}


def line(ax: Axes, label: str) -> Line2D:
    """Return the one line that ends where a label points."""
    at = ends(ax)[label]
    found = [own for own in ax.lines if len(own.get_xdata()) > 2 and own.get_linestyle() != "None"]
    (own,) = (own for own in found if np.allclose(own.get_xydata()[-1], at))
    return own


def dashes(own: Line2D) -> tuple:
    """Return the pattern of a line as it was asked for; SOLID for one without gaps."""
    offset, pattern = own._unscaled_dash_pattern
    return (offset, tuple(pattern or ()))


def check_ends(ax: Axes, wanted: Mapping[str, float], atol: float = 1e-9) -> None:
    """Check that an axes has these labels and no others, each at the height that is wanted."""
    found = {label: y for label, (_, y) in ends(ax).items()}
    assert set(found) == set(wanted)
    for label, y in wanted.items():
        assert found[label] == pytest.approx(y, rel=JITTER, abs=atol), label


def dots(ax: Axes, marker: str = "o") -> list[np.ndarray]:
    """Return the marks without a line, a set per colour."""
    return [
        own.get_xydata() for own in ax.lines if own.get_marker() == marker and own.get_linestyle() == "None"
    ]


def test_the_loop_s_derivative_by_forget_bias(plant) -> None:
    (ax,) = drawn(plant, "Q1").axes
    check_ends(
        ax, {"no forget gate": LENGTH * OLD} | {f"bias {bias}": LENGTH * r for bias, r in FORGET.items()}
    )
    assert line(ax, "no forget gate").get_color() == "#000000"
    assert len({line(ax, label).get_color() for label in ends(ax)}) == 5


def test_product_measurement_and_full_gradient_of_the_forget_gates(plant) -> None:
    (ax,) = drawn(plant, "A1d", product_error={"lstm": 2.0}).axes
    off = 2.0 / np.log(10)  # of the product alone
    wanted = {f"bias {bias}": LENGTH * rate + off for bias, rate in FORGET.items()}
    check_ends(ax, wanted | {f"bias {bias}, full gradient": LENGTH * rate for bias, rate in TOTAL.items()})
    for bias, rate in FORGET.items():
        product, full = line(ax, f"bias {bias}"), line(ax, f"bias {bias}, full gradient")
        assert dashes(product) == SOLID != dashes(full)
        (marks,) = (
            own for own in ax.lines if own.get_marker() == "o" and own.get_color() == product.get_color()
        )
        assert full.get_color() == product.get_color()
        x, y = marks.get_xydata()[-1]
        assert y == pytest.approx(rate * x, rel=JITTER)


def test_the_measured_derivative_stands_beside_the_zero_that_is_claimed(plant) -> None:
    (ax,) = drawn(plant, "A4b").axes
    check_ends(ax, {"measured": 10 ** (LENGTH * OLD), "claimed": 0.0})
    assert dashes(line(ax, "measured")) == SOLID
    assert [tuple(own.get_ydata()) for own in ax.lines if own.get_color() == "#D55E00"] == [(0, 0)]


def test_a_chain_s_formula_is_a_line_and_the_other_backend_s_derivative_its_dots(plant) -> None:
    ax, below = drawn(plant, "A1a").axes
    assert len(ends(ax)) == 5
    points = np.concatenate(dots(ax, "."))
    for label, (x, y) in ends(ax).items():
        own = line(ax, label)
        np.testing.assert_allclose(own.get_ydata(), y / x * own.get_xdata(), atol=1e-9)
        near = points[np.isclose(points[:, 1], OFF * y / x * points[:, 0], rtol=1e-9)]
        assert len(near) > 3, label
        assert (dashes(own) == SOLID) == (float(label.split()[-1].replace("\N{MINUS SIGN}", "-")) > 0)
    assert below.get_yscale() == "log"


def test_what_the_gain_does_to_a_network_an_lstm_and_its_carousel(plant) -> None:
    (ax,) = drawn(plant, "A1j").axes
    rates = {"tanh RNN": -0.4 + GAIN}
    for bias, rate in (("0", -0.3), ("1", -0.14)):
        rates |= {f"LSTM, bias {bias}": rate + 0.2 * GAIN, f"bias {bias}, carousel": rate + 0.05 * GAIN}
    check_ends(ax, rates, atol=0.01)
    for bias in "01":
        total, carousel = line(ax, f"LSTM, bias {bias}"), line(ax, f"bias {bias}, carousel")
        assert (total.get_marker(), carousel.get_marker()) == ("o", "None")
        assert dashes(total) == SOLID != dashes(carousel)
        assert total.get_color() == carousel.get_color()


def test_the_rate_of_a_relu_network_and_its_parts(plant) -> None:
    (ax,) = drawn(plant, "A1i").axes
    check_ends(ax, {"both": -0.15 + GAIN, "weights": GAIN, "slopes": -0.15}, atol=0.01)


def test_what_slopes_cost_by_activation_beside_what_weights_do(plant) -> None:
    (ax,) = drawn(plant, "A1h").axes
    slopes = {"slopes, sigmoid RNN": 0.7, "slopes, tanh RNN": 0.4, "slopes, ReLU RNN": 0.15}
    check_ends(ax, slopes | {"weights": GAIN}, atol=0.01)


def test_what_is_left_by_activation_at_the_largest_gain(plant) -> None:
    (ax,) = drawn(plant, "A2f").axes
    left = {
        "sigmoid RNN": 99 * (-0.7 + GAIN),
        "tanh RNN": 99 * (-0.4 + GAIN),
        "ReLU RNN": 99 * (-0.15 + GAIN),
    }
    check_ends(ax, left, atol=1.0)


def test_errors_of_the_factors_stand_against_the_lag(plant) -> None:
    tables = plant(need="A2b", extra={"factor_error": {"rnn_tanh": 1e-8, "lstm": 1e-5}})
    with style():
        (ax,) = FIGURES["A2b"](tables).axes
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    for label, error, longest in (("chains", 1e-8, 1000), ("LSTMs", 1e-5, LENGTH)):
        (own,) = (
            own for own in ax.lines if len(own.get_xdata()) > 2 and own.get_ydata()[-1] == ends(ax)[label][1]
        )
        np.testing.assert_allclose(own.get_ydata(), error, rtol=1e-4)
        assert (own.get_xdata()[0], own.get_xdata()[-1]) == (1, longest)


@pytest.mark.parametrize("name", ["K2", "A2a"])
def test_an_lstm_stands_above_each_rival_by_as_much_as_it_keeps_more(plant, name: str) -> None:
    vanilla = {"rnn_sigmoid": -0.45, "rnn_tanh": -0.26, "rnn_relu": -0.19}
    figure = drawn(plant, name, vanilla=vanilla)
    assert len(figure.axes) == 3
    for ax, (rival, rate) in zip(figure.axes, vanilla.items(), strict=True):
        assert rival.removeprefix("rnn_") in ax.get_title(loc="left").lower()
        more = {
            bias: 100 * (own - rate) if name == "K2" else np.log10(rate / own) for bias, own in TOTAL.items()
        }
        places = list(ax.get_xticks())
        marks = np.concatenate([own.get_xydata() for own in ax.lines if own.get_linestyle() == "None"])
        for place, (bias, value) in zip(places, more.items(), strict=True):
            near = marks[np.abs(marks[:, 0] - place) < 0.2]
            low, high = (-20.0, 40.0) if name == "K2" else (-2.0, 4.0)
            assert np.median(near[:, 1]) == pytest.approx(np.clip(value, low, high), rel=0.06), (rival, bias)


def test_what_each_route_leaves_against_the_forget_bias(plant) -> None:
    rates = {str(bias): -0.1 / (bias + 1) for bias in range(6)}
    along = {bias: 2 * rate for bias, rate in rates.items()}
    gates = {bias: 1.5 * rate for bias, rate in rates.items()}
    figure = drawn(plant, "M2", forget=along, total=rates, gates=gates,
                   extra={"along": along, "frozen": {"torch": 0.3, "orthogonal": 0.6}})  # fmt: skip
    last, shift = 99 * rates["5"], {"PyTorch": 0.3, "orthogonal": 0.6}
    for ax in figure.axes:
        init = next(name for name in shift if name in ax.get_title(loc="left"))
        wanted = {"full": last, "candidate": last + shift[init], "gates": 1.5 * last, "cell": 2 * last}
        labels = {PATHS[path][0]: y for path, y in wanted.items() if PATHS[path][0] in ends(ax)}
        check_ends(ax, labels, atol=0.05)
        for path in wanted:
            words, look = PATHS[path]
            if words in labels:
                assert line(ax, words).get_color() == look["color"]


def test_the_truncated_gradient_is_dashed_and_the_total_labelled(plant) -> None:
    extra = {"along": FORGET, "along97": 3 * OLD}
    ax, _ = drawn(plant, "A4f", extra=extra).axes
    wanted = {
        f"bias {bias}": LENGTH * rate - 1 / np.log(10) for bias, rate in TOTAL.items() if bias in "0110"
    }
    for label, (_, y) in ends(ax).items():
        own = line(ax, label)
        assert dashes(own) == SOLID
        (other,) = (o for o in ax.lines if o is not own and o.get_color() == own.get_color())
        assert dashes(other) != SOLID
        if label in wanted:
            bias = label.removeprefix("bias ")
            assert y == pytest.approx(LENGTH * TOTAL[bias] + own.get_ydata()[0] - own.get_xdata()[0] * TOTAL[bias],
                                      rel=2 * JITTER)  # fmt: skip
            assert other.get_ydata()[-1] - other.get_ydata()[0] == pytest.approx(
                FORGET[bias] * (other.get_xdata()[-1] - other.get_xdata()[0]), rel=2 * JITTER
            )
    assert {"bias 0", "bias 1", "bias 10"} <= set(ends(ax))

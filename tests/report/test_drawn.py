"""What figures draw, read back: each line ends at the value that was planted under its label, in its own look.

Every curve has a rate of its own, and PyTorch's is half as much again, so that a line of another cell, path, forget
bias, panel or backend stands elsewhere. What the lines have to be is derived from the rates and not from the claims.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from support.planting import LAGS

from carousel.claims.claim import Tables
from carousel.report.figures import data, entry_exit, gain, learned
from carousel.report.figures.draw import FIGURES
from carousel.report.figures.style import PATHS, bias_places, in_tens, style

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
    points = points[points[:, 0] > 0]
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


GATES = {"0": -0.27, "1": -0.12, "10": -0.008, "chrono": -0.07}  # what passed a gate's slope


def labelled(ax: Axes, label: str) -> list[Line2D]:
    """Return what is drawn under a label of the legend."""
    found = [own for own in ax.lines if own.get_label() == label]
    assert found, (label, [own.get_label() for own in ax.lines])
    return found


def test_what_is_left_by_all_routes_and_past_a_gate(plant) -> None:
    (ax,) = drawn(plant, "Q2", gates=GATES).axes
    for path, rates in (("full", TOTAL), ("gates", GATES)):
        words, look = PATHS[path]
        (middle,) = labelled(ax, words)
        assert middle.get_color() == look["color"]
        left = [90 * rate for rate in rates.values()]  # from lag 10 to 100
        found = [y for y in middle.get_ydata() if not np.isclose(y, 90 * OLD, rtol=0.1)]
        assert sorted(found) == pytest.approx(sorted(left), rel=JITTER)


def test_dots_of_k1_stand_at_what_is_left_and_bars_at_the_share_that_vanishes(plant) -> None:
    tables = plant(need="K1", **TRUTH | {"total": TOTAL | {"10": 0.03}})
    own = tables.decay[(tables.decay["forget_bias"] == "10") & (tables.decay["quantity"] == "loss_state")]
    taught = own.assign(trained="adding", step=300, gradient="full", log10_norm=-0.2 * own["lag"])
    decay = pd.concat(
        [tables.decay.astype({"trained": str, "gradient": str}), taught.astype({"trained": str})]
    )
    with style():
        ax, below = FIGURES["K1"](tables._replace(decay=decay)).axes
    (middle,) = labelled(ax, "their median")
    left = dict(zip(ax.get_xticks(), middle.get_ydata(), strict=False))
    assert [left[x] for x in (0.0, 1.0, 10.0)] == pytest.approx([-20.0, -11.0, 3.0], rel=JITTER)
    bars = {bar.get_x() + bar.get_width() / 2: bar.get_height() for bar in below.patches}
    assert [bars[x] for x in (0.0, 1.0, 10.0)] == [100.0, 100.0, 0.0]


def test_half_lives_along_the_carousel_follow_the_forget_bias(plant) -> None:
    (ax,) = drawn(plant, "A1e").axes
    marks = np.concatenate([own.get_xydata() for own in ax.lines if own.get_linestyle() == "None"])
    for bias in ("0", "1", "10"):
        near = marks[np.abs(marks[:, 0] - float(bias)) < 0.2]
        assert np.median(near[:, 1]) == pytest.approx(np.log10(0.5) / FORGET[bias], rel=2 * JITTER)
    (law,) = labelled(ax, "gates that the bias alone opens, σ(bias)")
    b, steps = law.get_data()
    np.testing.assert_allclose(steps, np.log(2) / np.log1p(np.exp(-np.asarray(b))), rtol=1e-9)


def test_what_few_steps_leave_of_a_vanilla_network(plant) -> None:
    (ax,) = drawn(plant, "A4g", vanilla={"rnn_sigmoid": -0.7, "rnn_tanh": -0.5, "rnn_relu": -0.4}).axes
    more = np.log10(2)  # of the largest gain
    names = {"sigmoid RNN": -0.7, "tanh RNN": -0.5, "ReLU RNN": -0.4}
    check_ends(ax, {name: 10 * (rate + more) for name, rate in names.items()}, atol=0.2)


def test_one_minus_the_factor_along_the_carousel(plant) -> None:
    (ax,) = drawn(plant, "A2c").axes
    (start,) = labelled(ax, "at the start, mean of the units")
    for bias in ("0", "1", "10"):
        short = 1 - 10 ** FORGET[bias]
        near = np.asarray(start.get_ydata())[np.abs(np.asarray(start.get_xdata()) - float(bias)) < 0.2]
        assert np.isclose(near, short, rtol=1e-6).any(), bias


def test_frozen_gates_over_what_is_left_filled_at_the_start(plant) -> None:
    (ax,) = drawn(plant, "M1", extra={"frozen": {"torch": 0.3, "orthogonal": 0.6, "gaussian": 0.9}}).axes
    (dots,) = labelled(ax, "LSTM, at the start")
    assert dots.get_markerfacecolor() != "white"
    x, y = (np.asarray(values) for values in dots.get_data())
    assert {round(gap, 2) for gap in y} == {0.3, 0.6, 0.9}
    assert x.min() == pytest.approx(100 * TOTAL["0"], rel=2 * JITTER)


def test_how_far_an_lstm_is_from_the_1997_cell_by_row(plant) -> None:
    tables = plant(need="A4a", extra={"same_error": 1e-3, "peep_error": 0.5})
    with style():
        (ax,) = FIGURES["A4a"](tables).axes
    rows = {
        label.get_text(): place for label, place in zip(ax.get_yticklabels(), ax.get_yticks(), strict=True)
    }
    marks = np.concatenate(
        [own.get_xydata() for own in ax.lines if own.get_linestyle() == "None" and len(own.get_xdata())]
    )
    for start, error in (("LSTM, gate open", 1e-3), ("peephole, gate open", 0.5)):
        (place,) = (place for label, place in rows.items() if label.lower() == start.lower())
        near = marks[np.abs(marks[:, 1] - place) < 0.4]
        np.testing.assert_allclose(near[:, 0], error, rtol=1e-6)


def test_exits_stand_against_the_opening_of_their_input_gate(plant) -> None:
    tables = plant(need="A4d", extra={"gate": 0.4, "squash": 0.9, "affine": 0.5})
    dynamics = tables.dynamics
    less = (dynamics["step"] > 0) & (dynamics["quantity"] == "exit")
    dynamics = dynamics.assign(value=dynamics["value"].where(~less, 0.5 * dynamics["value"]))
    with style():
        ax, _ = FIGURES["A4d"](tables._replace(dynamics=dynamics)).axes
    for stage, share, hollow in (("at the start", 1.0, False), ("after training", 0.5, True)):
        (dots,) = labelled(ax, f"LSTM, {stage}")
        x, y = (np.asarray(values) for values in dots.get_data())
        assert np.median(x) == pytest.approx(0.4, rel=0.05)
        assert np.median(y) == pytest.approx(0.4 * 0.9 * 0.5 * share, rel=0.05)
        assert (dots.get_markerfacecolor() == "white") == hollow


def test_the_slope_of_the_squashing_by_stage(plant) -> None:
    table = entry_exit.entries(plant(need="A4c", extra={"slopes": {"start": 0.5, "trained": 0.3}}))
    middle = table[table["cell"] == "lstm"].set_index(["forget_bias", "step"])[0.5]
    for bias in "01":
        assert (middle[bias, 0], middle[bias, 1]) == pytest.approx((0.5, 0.3), rel=0.1)


def test_cosines_of_the_truncated_gradient_by_forget_bias(plant) -> None:
    cosines = {"none": 0.98, "0": 0.3, "1": 0.6}
    with style():
        ax, _ = FIGURES["A3b"](plant(need="A3b", extra={"cosines": cosines})).axes
    check_ends(ax, {"1997": 0.98, "0": 0.3, "1": 0.6})


def test_the_carousel_s_factors_are_lines_and_the_truncated_gradient_dots(plant) -> None:
    off = 0.002
    with style():
        ax, _ = FIGURES["A3a"](plant(need="A3a", **TRUTH, extra={"cut_error": off})).axes
    for label, rate in (("no gate", OLD), ("bias 0", FORGET["0"]), ("bias 1", FORGET["1"])):
        own = line(ax, label)
        x, y = (np.asarray(values, float) for values in own.get_data())
        np.testing.assert_allclose(np.diff(y) / np.diff(x), rate, atol=1e-9)
        (marks,) = (o for o in ax.lines if o.get_marker() == "o" and o.get_color() == own.get_color())
        x, y = (np.asarray(values, float) for values in marks.get_data())
        np.testing.assert_allclose(np.diff(y) / np.diff(x), rate + off, atol=1e-9)


def test_the_formula_and_not_the_measurement_is_the_chain_s_line(plant) -> None:
    ax, _ = drawn(plant, "A1a", chain_error=2.0).axes
    points = np.concatenate(dots(ax, "."))
    points = points[points[:, 0] > 0]
    for label in ends(ax):
        x, y = (np.asarray(values, float) for values in line(ax, label).get_data())
        rate = (y[-1] - y[-2]) / (x[-1] - x[-2])
        np.testing.assert_allclose(y[1:], rate * x[1:] + 2.0 / np.log(10), atol=1e-6)
        assert np.isclose(points[:, 1], OFF * rate * points[:, 0], rtol=1e-9, atol=1e-9).sum() > 3


def test_forget_biases_stand_in_their_order() -> None:
    places = bias_places(["none", "-4", "-1", "0", "1", "10", "chrono", "uniform"])
    assert [*places] == sorted(places, key=places.__getitem__)
    assert [places[bias] for bias in ("-1", "0", "1", "10")] == [-1, 0, 1, 10]


def test_numbers_on_an_axis_of_decades() -> None:
    minus_two = "10\N{SUPERSCRIPT MINUS}\N{SUPERSCRIPT TWO}"
    assert [in_tens(x) for x in (1.0, 0.5, -0.5, -2.0)] == ["10", "3.2", "0.32", minus_two]


def test_growth_is_no_loss() -> None:
    rows = pd.DataFrame({"rate": [-0.1, 0.2, np.inf], "length": [10, 10, 10]})
    assert learned.lost(rows)["lost"].tolist() == [1.0, -2.0]


USUAL = {"backend": "numpy", "trained": "no", "slice": "grid", "init": "torch", "gain": 1.0, "bias": 0.0,
         "drive": "0.25", "hidden": 32, "length": 100, "cell": "lstm", "lag": 1}  # fmt: skip


@pytest.mark.parametrize("other", [
    {"trained": "adding"}, {"slice": "gain"}, {"init": "gaussian"}, {"gain": 2.0}, {"bias": -2.0}, {"hidden": 8},
    {"length": 50},
])  # fmt: skip
def test_figures_show_the_usual_settings_alone(other: dict) -> None:
    rows = pd.DataFrame([USUAL | other | {"log10_norm": -2.0}, USUAL | {"log10_norm": -1.0}])
    assert data.usual(rows)["log10_norm"].tolist() == [-1.0]
    assert len(data.usual(rows[:1])) == (0 if "trained" in other else 1)


def test_a_curve_is_the_median_over_repetitions_of_the_reference() -> None:
    rows = pd.DataFrame([USUAL | {"backend": name, "log10_norm": y} for name, y in (
        ("torch", -9.0), ("numpy", 0.0), ("numpy", -1.0), ("numpy", -7.0), ("torch", -8.0))])  # fmt: skip
    assert data.curves(rows, ["cell"])["log10_norm"].tolist() == [-1.0]
    assert data.settings(rows, ["log10_norm"])["log10_norm"].tolist() == [-1.0]
    both = pd.DataFrame({"numpy": [1.0, np.nan], "torch": [2.0, 3.0]})
    assert data.valued(both)["value"].fillna(0).tolist() == [1.0, 0.0]
    assert data.valued(both.assign(numpy=np.nan))["value"].tolist() == [2.0, 3.0]


def test_all_routes_stand_over_the_carousel_alone(plant) -> None:
    (ax,) = drawn(plant, "A1f", extra={"along": FORGET, "along97": 3 * OLD}).axes
    longest = LAGS[LAGS <= 0.9 * LENGTH].max()
    rates = {
        "LSTM": [(FORGET[bias], TOTAL[bias]) for bias in ("0", "1", "10")],
        "LSTM of 1997": [(3 * OLD, OLD)],
    }
    for label, pairs in rates.items():
        (own,) = labelled(ax, label)
        x, y = (np.asarray(values, float) for values in own.get_data())
        for along, total in pairs:
            ratio, there = along / total, np.isclose(y, longest * total, rtol=JITTER)
            assert np.isclose(x, longest * along, rtol=JITTER)[there].any(), (label, ratio)
            assert np.isclose(x / y, ratio, rtol=JITTER).any(), (label, ratio)
            assert not np.isclose(y / x, ratio, rtol=JITTER).all()
    (both,) = (own for own in ax.lines if own.get_color() == "black" and len(own.get_xdata()) == 2)
    np.testing.assert_array_equal(both.get_xdata(), both.get_ydata())


def test_the_sweep_of_most_gains_is_drawn() -> None:
    one = {
        "slice": "gain",
        "drive": "0.25",
        "cell": "rnn_tanh",
        "forget_bias": "none",
        "hidden": 16,
        "length": 100,
    }
    gains = {"orthogonal": (0.5, 1.0), "torch": (0.5, 1.0, 2.0), "gaussian": (1.0, 2.0, 4.0)}
    rows = pd.DataFrame(
        [one | {"init": init, "gain": value} for init, each in gains.items() for value in each]
    )
    assert set(gain.swept(rows)["init"]) == {"torch"}
    alike = rows[rows["init"] != "torch"]
    assert set(gain.swept(alike[alike["gain"] < 3])["init"]) == {"orthogonal"}

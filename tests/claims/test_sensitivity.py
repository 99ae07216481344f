"""Claims on weights, slopes and ReLU, A1b, A1h, A1i, A1j and A2f, turn with the planted truth; figures show it."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from support.planted_sensitivity import CHAIN_SLOPES, POSITIVE, SLOPES

from carousel.analysis.text import number
from carousel.claims import (
    a1b_weight_factor as a1b,
    a1h_slopes_culprit as a1h,
    a1i_relu_weight_scale as a1i,
    a1j_recurrent_weights as a1j,
    a2f_relu_activation as a2f,
    weights_and_slopes,
)
from carousel.claims.claim import Tables, Verdict
from carousel.claims.rules import VANILLA
from carousel.report.figures import gain, sensitivity
from carousel.report.figures.style import style
from carousel.report.figures.svg import save

CLAIMS: dict[str, ModuleType] = {"A1b": a1b, "A1h": a1h, "A1i": a1i, "A1j": a1j, "A2f": a2f}
FIGURES = {
    "A1b": sensitivity.a1b_figure,
    "A1h": gain.a1h_figure,
    "A1i": gain.a1i_figure,
    "A1j": gain.a1j_figure,
    "A2f": gain.a2f_figure,
}


def slopes(
    sigmoid: float, tanh: float, relu: float, chains: tuple[float, float, float], **more: object
) -> dict:
    """Return what the slopes cost networks and chains, chains of ReLU alive at every weight."""
    return {
        "network_slopes": dict(zip(SLOPES, (sigmoid, tanh, relu), strict=True)),
        "chain_slopes": dict(zip(CHAIN_SLOPES, chains, strict=True)),
        "dies": False,
    } | more


CHEAP = slopes(-0.05, -0.05, -0.05, (-0.05, -0.05, 0.0))
DEAR = slopes(-1.5, -1.5, -1.5, (-1.5, -1.5, -1.5))
CURED = slopes(-1.5, -1.5, -0.01, (-1.5, -1.5, 0.0))
MANY = {str(bias): -0.1 for bias in range(20)}  # forget biases: enough for a search
FEW_WEIGHTS = {"positive": POSITIVE[:4]}

TURNS = [
    ("A1b", {}, "depends"),
    ("A1b", {"extra": CHEAP}, "supported"),
    ("A1b", {"extra": DEAR}, "refuted"),
    ("A1b", {"extra": DEAR | {"chain_slopes": CHEAP["chain_slopes"]}}, "depends"),
    ("A1b", {"extra": CHEAP | FEW_WEIGHTS}, "inconclusive"),
    ("A1b", {"repetitions": 5}, "inconclusive"),
    ("A1h", {}, "depends"),
    ("A1h", {"extra": CURED}, "supported"),
    ("A1h", {"extra": CHEAP | {"gains": (0.25, 0.5, 2.0, 4.0)}}, "refuted"),
    ("A1h", {"extra": slopes(-1.5, -1.5, -2.5, (-1.5, -1.5, -2.5))}, "refuted"),
    ("A1h", {"extra": CURED | FEW_WEIGHTS}, "inconclusive"),
    ("A1h", {"repetitions": 5}, "inconclusive"),
    ("A1i", {}, "supported"),
    ("A1i", {"extra": {"network_slopes": SLOPES | {"rnn_relu": -1.0}}}, "refuted"),
    ("A1i", {"extra": {"network_slopes": SLOPES | {"rnn_relu": 1.0}}}, "refuted"),
    ("A1i", {"extra": {"pull": 0.0}}, "refuted"),
    ("A1i", {"extra": {"pull": -1.0}}, "refuted"),
    ("A1i", {"extra": {"pull": {100: 1.0, 120: -1.0}}}, "depends"),
    ("A1i", {"extra": {"gains": (0.25, 0.5, 1.0)}}, "inconclusive"),
    ("A1i", {"repetitions": 5}, "inconclusive"),
    ("A1j", {}, "supported"),
    ("A1j", {"extra": {"moved": {"loss_state": 0.2, "cec": {"0": 0.0, "1": 0.1}}}}, "supported"),
    ("A1j", {"extra": {"moved": {"loss_state": 0.2, "cec": -1e-9}}}, "supported"),
    ("A1j", {"extra": {"moved": {"loss_state": 0.2, "cec": 0.0}, "lstm": MANY}}, "refuted"),
    ("A1j", {"extra": {"moved": {"loss_state": 0.2, "cec": 1e-13}, "lstm": MANY}}, "refuted"),
    ("A1j", {"extra": {"moved": {"loss_state": 0.2, "cec": 0.0}}}, "inconclusive"),
    ("A1j", {"extra": {"gains": (0.5, 2.0)}}, "supported"),
    ("A1j", {"extra": {"gains": (2.0,)}}, "inconclusive"),
    ("A2f", {}, "depends"),
    ("A2f", {"extra": {"network_slopes": SLOPES | {"rnn_relu": 1.0}}}, "supported"),
    ("A2f", {"extra": {"network_slopes": SLOPES | {"rnn_relu": -1.0}}}, "refuted"),
    ("A2f", {"repetitions": 5}, "inconclusive"),
]


def decided(name: str, tables: Tables) -> Verdict:
    """Return one claim's verdict."""
    claim = CLAIMS[name].CLAIM
    return claim.decide(claim.evidence(tables))


@pytest.fixture(scope="module")
def planted(plant) -> Callable[[str], Tables]:
    """Return a function of a claim's id that gives what it looks at, as planted."""
    return cache(lambda name: plant(need=name))


@pytest.mark.parametrize(("name", "changes", "verdict"), TURNS)
def test_verdicts_turn_with_the_truth(plant, name: str, changes: dict, verdict: str) -> None:
    found = decided(name, plant(need=name, **changes))
    assert found.verdict == verdict, found.condition
    assert found.alt
    if verdict == "inconclusive":
        assert found.condition.startswith("Undecided")
    else:
        assert found.low <= found.effect <= found.high
        assert found.n > 0
        assert np.isfinite([*found.by_backend.values()]).all()


@pytest.mark.parametrize("backend", ["numpy", pytest.param("torch", marks=pytest.mark.campaign)])
@pytest.mark.parametrize("name", CLAIMS)
def test_one_backend_alone_decides_nothing(plant, name: str, backend: str) -> None:
    found = decided(name, plant(need=name, backends=(backend,)))
    assert found.verdict == "inconclusive"
    assert {"numpy": "torch", "torch": "numpy"}[backend] in found.condition


@pytest.mark.parametrize("name", CLAIMS)
def test_no_data_decide_nothing(planted, name: str) -> None:
    found = decided(name, Tables(*(table.head(0) for table in planted(name))))
    assert found.verdict == "inconclusive"
    assert found.condition.startswith("Undecided")


@pytest.mark.parametrize(
    ("name", "at"), [("A1b", 10**-0.4), ("A1h", 10**-0.4), ("A1i", 10**0.14), ("A2f", 10**0.14)]
)
def test_the_boundary_is_where_it_was_planted(planted, name: str, at: float) -> None:
    found = decided(name, planted(name)).boundary
    assert found is not None
    assert found.factor.startswith("gain")
    assert found.at == pytest.approx(at, rel=0.02)
    assert found.low < found.at < found.high


def test_a_library_stands_for_the_claim_and_no_other_drive_is_mixed_in(planted) -> None:
    tables = planted("A2f")
    found = decided("A2f", tables)
    assert found.effect == pytest.approx(100 * SLOPES["rnn_relu"], rel=0.02)
    assert "PyTorch's ReLU RNN \N{MINUS SIGN}15" in found.condition
    loud = tables.decay[tables.decay["slice"] == "grid"].assign(slice="drive", drive="25", log10_norm=0.0)
    more = tables._replace(decay=pd.concat([tables.decay, loud], ignore_index=True))
    assert decided("A2f", more).states == found.states


def test_what_drive_and_width_move_is_said(planted) -> None:
    tables = planted("A2f")
    grid = tables.decay[(tables.decay["slice"] == "grid") & (tables.decay["cell"] == "rnn_relu")]
    lines = [
        grid.assign(slice="drive", drive=drive, log10_norm=rate * grid["lag"])
        for drive, rate in (("1", -0.1), ("4", -0.001))
    ]
    lines += [
        grid.assign(slice="width", hidden=hidden, log10_norm=rate * grid["lag"])
        for hidden, rate in ((64, -0.2), (128, -0.3))
    ]
    more = tables._replace(decay=pd.concat([tables.decay, *lines], ignore_index=True))
    said = decided("A2f", more).condition
    assert "With width and drive: ReLU RNN" in said
    assert "from drive 0.25 to 4 (orthogonal init, across the margin)" in said
    assert "from width 16 to 128 (orthogonal init)" in said
    assert "always on one side" not in said


def test_the_boundary_moves_and_is_said(plant) -> None:
    other = decided("A2f", plant(need="A2f", extra={"network_slopes": SLOPES | {"rnn_relu": -0.3}}))
    assert other.boundary is not None
    assert other.boundary.at == pytest.approx(10**0.29, rel=0.02)
    assert f"ReLU RNN at gain {number(other.boundary.at)}" in other.condition
    assert "sigmoid RNN not up to gain 4 (orthogonal init)" in other.condition
    assert "Not: orthogonal init, gain 2, 16 units; orthogonal init, gain 4, 16 units." in other.condition
    assert "tanh RNN from gain 0.39" in decided("A1b", plant(need="A1b")).condition


def test_between_two_gains_the_slopes_lead(planted) -> None:
    found = a1b.measure(a1b.models(planted("A1b")), a1b.ONE.value).query(
        "cell == 'rnn_tanh' and line.notna()"
    )
    first, again = (found.loc[found["again"] == side, "at"].to_numpy() for side in (False, True))
    assert len(first) == len(again) == 2
    assert first == pytest.approx(10**-0.4, rel=0.02)
    assert again == pytest.approx(10**0.4, rel=0.02)


def test_both_parts_add_up_and_weight_one_is_left_out(planted) -> None:
    tables = planted("A1b")
    table = weights_and_slopes.split(tables.decay)
    alive = table[np.isfinite(table["rate"])]
    assert (alive["weights"] + alive["slopes"]).to_numpy() == pytest.approx(alive["rate"].to_numpy())
    assert alive["weights"].to_numpy() == pytest.approx(np.log10(alive["gain"].abs()).to_numpy(), abs=1e-6)
    assert (table["gain"] == 1).any()
    assert not (a1b.rows(tables)["gain"] == 1).any()


def test_defaults_with_a_weights_part_of_one_are_named(planted) -> None:
    table = weights_and_slopes.split(planted("A1b").decay)
    usual = table[(table["gain"] == 1) & (table["cell"] == "rnn_tanh")].assign(
        slice="libraries", init="keras"
    )
    assert a1b._left_out(usual, set()).endswith("Keras's default tanh RNN.")
    assert a1b._left_out(usual, {name for name, _ in weights_and_slopes.grouped_by(usual)}) == ""


def test_a_start_below_zero_is_no_evidence_against_a_relu_chain(plant) -> None:
    """One repetition starts dead, and of the other three starts in four: the fourth tells the rate."""
    alive = plant(need="A1b", extra=CHEAP)
    dead = plant(need="A1b", extra=CHEAP | {"dead_start": 1})
    chain = (dead.decay["hidden"] == 1) & (dead.decay["cell"] == "rnn_relu") & (dead.decay["n_zero"] == 0)
    dead = dead._replace(decay=dead.decay.assign(n_zero=dead.decay["n_zero"].mask(chain, 6)))
    assert decided("A1b", dead).verdict == decided("A1b", alive).verdict == "supported"


def test_a_search_does_not_count_as_a_setting(plant) -> None:
    """An optimiser's networks do not vote, whatever they do."""
    tables = plant(need="A2f", extra={"network_slopes": SLOPES | {"rnn_relu": 1.0}})
    found = tables.decay.assign(slice="search", gain=0.123, log10_norm=-9.0 * tables.decay["lag"])
    both = tables._replace(decay=pd.concat([tables.decay.astype({"slice": str}), found], ignore_index=True))
    for name in ("A1i", "A2f"):
        assert decided(name, both).condition == decided(name, tables).condition


def test_the_weights_move_an_lstm_by_as_much_as_was_planted(plant) -> None:
    """Decades per step at lag 100, with their signs; the witness moves over the whole range of the gains."""
    minus = "\N{MINUS SIGN}"
    found = decided("A1j", plant(need="A1j", extra={"moved": {"loss_state": 0.25, "cec": -0.1}}))
    assert found.effect == pytest.approx(100 * 0.1 * np.log10(16), rel=1e-6)
    assert f"along the cell {minus}10 [{minus}10, {minus}10] at forget bias 0" in found.condition
    assert "in total 25 [25, 25] at forget bias 0, 25 [25, 25] at forget bias 1" in found.condition
    assert "of the tanh RNN 100 [100, 100]" in found.condition


def test_a_dependence_of_one_backend_is_no_witness(plant) -> None:
    one, other = (
        plant(need="A1j", backends=(name,), extra={"moved": {"loss_state": 0.2, "cec": moved}, "lstm": MANY})
        for name, moved in (("numpy", 0.1), ("torch", 0.0))
    )
    found = decided("A1j", one._replace(decay=pd.concat([one.decay, other.decay])))
    assert found.verdict == "inconclusive"


@pytest.mark.parametrize("name", FIGURES)
def test_figures_draw_fit_and_repeat(planted, tmp_path: Path, name: str) -> None:
    tables = planted(name)
    with style():
        figure = FIGURES[name](tables)
        save(figure, tmp_path / "one.svg")
        save(FIGURES[name](tables), tmp_path / "two.svg")
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    for text in (text for ax in figure.axes for text in ax.texts):
        assert text.get_window_extent().x1 <= figure.bbox.x1 + 1


@pytest.mark.parametrize("name", FIGURES)
def test_figures_of_one_backend_and_of_nothing(plant, name: str) -> None:
    alone = plant(need=name, backends=("torch",), repetitions=2)
    assert any(ax.lines for ax in FIGURES[name](alone).axes)
    empty = FIGURES[name](Tables(*(table.head(0) for table in alone)))
    assert "did not measure" in empty.axes[0].texts[0].get_text()


def test_the_lines_of_a1h_are_the_planted_slopes(planted) -> None:
    figure = FIGURES["A1h"](planted("A1h"))
    heights = [float(np.mean(line.get_ydata())) for line in figure.axes[0].lines]
    assert heights[: len(VANILLA)] == pytest.approx([-SLOPES[cell] for cell in VANILLA], rel=0.02)


def test_the_marks_of_a1b_stand_at_the_planted_parts(planted) -> None:
    figure = FIGURES["A1b"](planted("A1b"))
    networks = {line.get_label(): line for line in figure.axes[0].lines}
    assert networks["sigmoid RNN"].get_ydata() == pytest.approx(-0.7, rel=0.02)
    expected = np.log10([0.25, 0.5, 2.0, 4.0])
    assert np.sort(networks["tanh RNN"].get_xdata()) == pytest.approx(np.clip(expected, -0.6, 0.6), abs=1e-6)


def test_the_turning_of_a1i_is_marked(plant) -> None:
    never = plant(need="A1i", extra={"network_slopes": SLOPES | {"rnn_relu": -1.0}})
    turns, stays = (
        {text.get_text() for text in FIGURES["A1i"](tables).axes[0].texts} - {"both", "weights", "slopes"}
        for tables in (plant(need="A1i"), never)
    )
    (said,) = turns
    assert float(said) == pytest.approx(10 ** -SLOPES["rnn_relu"], abs=0.05)
    assert stays == set()

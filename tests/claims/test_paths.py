"""Claims on routes, A1f, A1g and A4e, turn with the planted truth; their figures show it."""

from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from support.planted_paths import INITS, OTHERS

from carousel.analysis.stats.tables import MODEL
from carousel.claims import (
    a1f_surviving_path as a1f,
    a1g_only_route as a1g,
    a4e_only_unchanged_flow as a4e,
)
from carousel.claims.judge import correct
from carousel.claims.rules import Tables, Verdict
from carousel.report.figures import paths
from carousel.report.figures.style import style

CLAIMS: dict[str, ModuleType] = {"A1f": a1f, "A1g": a1g, "A4e": a4e}
FIGURES = {
    "A1f": paths.a1f_figure,
    "A1g": paths.a1g_figure,
    "A4e": paths.a4e_figure,
}
BIASES = ("0", "1", "10", "chrono")
OPEN, SHUT = dict.fromkeys(BIASES, 0.0), dict.fromkeys(BIASES, -0.2)
CLOSED = {"forget": SHUT, "loop97": -0.2}
NARROW = a4e.UNCHANGED / 180  # decades per step: a hundredth over the window of 200 steps


def over(*decades: float) -> dict:
    """Return how far the total stands over the carousel's part, by init."""
    return {"over": dict(zip(INITS, decades, strict=True))}


TURNS = [
    ("A1f", {}, "depends"),
    ("A1f", {"forget": OPEN}, "supported"),
    ("A1f", {"forget": OPEN, "extra": over(0.5, 0.0, -0.2)}, "supported"),
    ("A1f", {"forget": OPEN, "total": SHUT}, "depends"),
    ("A1f", {"forget": OPEN, "extra": over(-1.0, -1.0, -1.0)}, "refuted"),
    ("A1f", {"forget": OPEN, "extra": over(-1.0, 1.0, 1.0)}, "depends"),
    ("A1f", CLOSED, "refuted"),
    ("A1f", {"repetitions": 5}, "inconclusive"),
    ("A1f", {"length": 50}, "inconclusive"),
    ("A1g", {}, "refuted"),
    ("A1g", {"extra": {"cosine": 1.0}}, "supported"),
    ("A1g", {"extra": {"cosine": 0.9}}, "supported"),
    ("A1g", {"extra": {"cosine": 0.8}}, "refuted"),
    ("A1g", {"extra": {"cosine": 1.0} | over(0.2, 0.2, 0.2)}, "supported"),
    ("A1g", {"extra": {"cosine": 1.0} | over(0.2, 0.2, 0.5)}, "refuted"),
    ("A1g", {"extra": {"cosine": 1.0} | over(0.2, 0.2, -0.5)}, "refuted"),
    ("A1g", {"extra": {"cosine": 1.0}, "forget": {"0": -0.1}}, "inconclusive"),
    ("A4e", {}, "refuted"),
    ("A4e", {"extra": {"others": OTHERS | {"rnn_orthogonal": 0.5 * NARROW}}}, "refuted"),
    ("A4e", {"extra": {"others": OTHERS | {"rnn_orthogonal": 2.0 * NARROW}}}, "supported"),
    ("A4e", {"extra": {"others": OTHERS | {"rnn_orthogonal": -np.inf}}}, "supported"),
    ("A4e", {"extra": {"others": {"lru": -0.02}}}, "inconclusive"),
    ("A4e", {"length": 50}, "inconclusive"),
    ("A4e", {"extra": {"others": {"lstm_nfg": 0.0, "janet": 0.0} | OTHERS | {"rnn_orthogonal": 0.1}}}, "supported"),
]  # fmt: skip


def decided(name: str, tables: Tables) -> Verdict:
    """Return one claim's verdict, its own p values corrected."""
    claim = CLAIMS[name].CLAIM
    return claim.decide(correct({name: claim.measure(tables)}, {name: claim})[name])


@pytest.mark.parametrize(("name", "changes", "verdict"), TURNS)
def test_verdicts_turn_with_the_truth(plant, name: str, changes: dict, verdict: str) -> None:
    found = decided(name, plant(need=name, **changes))
    assert found.verdict == verdict, found.condition
    assert found.alt
    assert found.condition.startswith("Undecided") == (verdict == "inconclusive")
    if verdict != "inconclusive":
        assert found.low <= found.effect <= found.high
        assert np.isfinite([*found.by_backend.values()]).all()
        assert found.n > 0


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("name", CLAIMS)
def test_one_backend_alone_decides_nothing(plant, name: str, backend: str) -> None:
    found = decided(name, plant(need=name, backends=(backend,)))
    assert found.verdict == "inconclusive"
    assert {"numpy": "torch", "torch": "numpy"}[backend] in found.condition


@pytest.mark.parametrize("name", CLAIMS)
def test_no_data_decide_nothing(plant, name: str) -> None:
    found = decided(name, Tables(*(table.head(0) for table in plant(need=name))))
    assert found.verdict == "inconclusive"
    assert "Undecided" in found.condition


@pytest.mark.parametrize(
    ("name", "holds", "breaks"),
    [
        ("A1g", {"cosine": 1.0}, {"cosine": 0.2}),
        ("A4e", {"others": OTHERS | {"rnn_orthogonal": 0.1}}, {"others": OTHERS}),
    ],
)
def test_a_counterexample_of_one_backend_refutes_nothing(plant, name: str, holds: dict, breaks: dict) -> None:
    one = plant(need=name, backends=("numpy",), extra=holds)
    other = plant(need=name, backends=("torch",), extra=breaks)
    assert decided(name, one._replace(decay=pd.concat([one.decay, other.decay]))).verdict == "inconclusive"


@pytest.mark.parametrize("name", CLAIMS)
def test_every_verdict_that_can_occur_has_a_takeaway(name: str) -> None:
    words = {verdict for claim, _, verdict in TURNS if claim == name} - {"inconclusive"}
    assert words <= set(CLAIMS[name].CLAIM.takeaway)


@pytest.mark.parametrize("name", CLAIMS)
def test_a_claim_names_the_rows_that_it_rests_on(plant, name: str) -> None:
    tables = plant(need=name)
    rows = CLAIMS[name].CLAIM.rows(tables)
    assert 0 < len(rows) <= len(tables.decay)
    assert rows["quantity"].eq("loss_state").all()


@pytest.mark.parametrize("name", ["A1f"])
def test_the_boundary_is_where_the_carousel_turns(plant, name: str) -> None:
    rates = {"0": -0.3, "2": -0.1, "4": -1e-4, "chrono": -1.0}
    found = decided(name, plant(need=name, forget=rates)).boundary
    assert found.factor == "forget bias"
    assert found.at == pytest.approx(3.94, abs=0.01)
    assert 2 < found.low <= found.at <= found.high < 4


@pytest.mark.parametrize("name", ["A1f"])
def test_without_a_turn_there_is_no_boundary(plant, name: str) -> None:
    found = decided(name, plant(need=name, forget=SHUT))
    assert found.boundary is None
    assert "changes above forget bias 10" in found.condition


def test_cancelling_is_counted_by_cell_and_forget_bias(plant) -> None:
    tables = plant(need="A1f", forget={"0": 0.0, "1": 0.0}, total={"0": -0.2, "1": 0.1})
    said = decided("A1f", tables).condition
    assert (
        "lstm is more or less than half of it (less in 3 of 6 settings; below all of it at 50 % of lags"
        in said
    )
    assert "by forget bias 0: 100 %, 1: 0 %)" in said
    assert "lstm97 is more than half of it (less in 0 of 3 settings; below all of it at 0 % of lags" in said


def test_the_rest_is_the_total_less_the_carousels_part() -> None:
    full, along = np.array([3.0, 4.0]), np.array([3.0, 0.0])
    cosine = float(full @ along / np.linalg.norm(full) / np.linalg.norm(along))
    rows = pd.DataFrame(
        {"path": ["full", "cell"], "log10_norm": np.log10([5.0, 3.0]), "cosine": [1.0, cosine]}
    )
    rows = rows.assign(lag=50, length=100)
    rows = rows.assign(**dict.fromkeys([name for name in MODEL if name != "length"], "x"))
    assert a1g.rests(rows)["rest"].to_numpy() == pytest.approx(4 / 5)
    dead = rows.assign(log10_norm=[0.7, -np.inf], cosine=[1.0, np.nan])
    assert a1g.rests(dead)["rest"].to_numpy() == pytest.approx(1.0)


def test_the_witness_is_a_librarys_default(plant) -> None:
    found = decided("A1g", plant(need="A1g", extra=over(0.1, 1.0, 1.0)))
    assert "Counterexample: lstm, torch init, forget bias 0, T = 200" in found.condition
    assert found.effect == pytest.approx(np.sqrt(1 + 10**-0.2 - 0.4 * 10**-0.1))


def searched(tables: Tables) -> Tables:
    """Return the tables with the LSTM's rows once more, as a search at odd places would leave them."""
    rows = tables.decay[(tables.decay["cell"] == "lstm") & (tables.decay["forget_bias"] == "0")]
    rows = rows[rows["repetition"] < 2].assign(slice="search_routes", forget_bias="3.271828", gain=0.314159)
    return tables._replace(decay=pd.concat([tables.decay, rows], ignore_index=True))


def test_a_search_counts_for_always_and_for_nothing_else(plant) -> None:
    tables = plant(need="A1g", extra={"cosine": 1.0})
    assert decided("A1g", searched(tables)).n == decided("A1g", tables).n + 3
    assert "3.271828" not in decided("A1g", searched(tables)).condition
    assert "of those the optimiser tried 0 %" in decided("A1g", searched(tables)).condition
    for name in ("A1f",):
        assert decided(name, searched(tables)) == decided(name, tables)


def test_the_witness_of_an_unchanged_gradient_holds_in_every_repetition(plant) -> None:
    tables = plant(need="A4e", extra={"others": OTHERS | {"indrnn": 0.2 * NARROW}})
    decay = tables.decay
    wild = (decay["cell"] == "rnn_orthogonal") & (decay["repetition"] == 3)
    decay = decay.assign(log10_norm=decay["log10_norm"].where(~wild, -0.1 * decay["lag"]))
    found = decided("A4e", tables._replace(decay=decay))
    assert "Unchanged too: the total in indrnn, orthogonal init" in found.condition
    assert "unchanged in 114 of 240 models (indrnn 60 of 60 and rnn_orthogonal 54 of 60)" in found.condition


def test_a_leak_is_searched_beside_the_total(plant) -> None:
    tables = plant(need="A4e", extra={"others": {"lru": -0.02, "indrnn": -0.3, "mgu": -0.1, "gru": -0.1}})
    leak = tables.decay[tables.decay["cell"] == "lru"].assign(path="cell")
    dead = tables.decay[tables.decay["cell"] == "indrnn"].assign(path="cell", log10_norm=-np.inf, n_zero=8)
    both = tables._replace(decay=pd.concat([tables.decay, leak.assign(log10_norm=0.0), dead]))
    assert decided("A4e", tables).verdict == "supported"
    found = decided("A4e", both)
    assert found.verdict == "refuted"
    assert (
        "The leak past the recurrent weights is unchanged in 60 of 60 models (lru 60 of 60)"
        in found.condition
    )


@pytest.mark.parametrize("name", FIGURES)
def test_figures_draw_one_backend_alone_and_say_what_is_missing(plant, name: str) -> None:
    tables = plant(need=name, backends=("torch",), repetitions=2)
    with style():
        assert any(ax.lines for ax in FIGURES[name](tables).axes)
        empty = FIGURES[name](Tables(*(table.head(0) for table in tables)))
    assert "did not measure" in " ".join(text.get_text() for ax in empty.axes for text in ax.texts)


def test_the_paths_stand_side_by_side(plant) -> None:
    with style():
        figure = FIGURES["A1f"](plant(need="A1f", extra=over(0.3, 0.3, 0.3) | {"paths": tuple(paths.PATHS)}))
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert [title.split(":")[0] for title in titles] == [
        "LSTM of 1997",
        "LSTM, forget bias 1",
        "LSTM, forget bias chrono",
    ]
    labels = {text.get_text() for text in figure.axes[1].texts}
    assert labels == {"total", "carousel alone", "with cell input", "through gates"}
    total = next(line for line in figure.axes[0].lines if line.get_color() == "#000000")
    assert total.get_ydata()[-1] == pytest.approx(0.3)


def test_unchanged_cells_stand_left_of_the_line(plant) -> None:
    figure = FIGURES["A4e"](plant(need="A4e"))
    (ax,) = figure.axes
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == ["IndRNN", "LRU", "MinimalRNN", "orthogonal RNN"]
    dots = next(line for line in ax.lines if line.get_label() == "total")
    left = np.round(dots.get_ydata())[dots.get_xdata() <= a4e.UNCHANGED]
    assert set(left) == {names.index("orthogonal RNN")}


def test_the_rest_is_drawn_against_lag_and_gain(plant) -> None:
    figure = FIGURES["A1g"](plant(need="A1g", extra={"cosine": 0.5}))
    assert {text.get_text() for text in figure.axes[0].texts} == {
        "LSTM of 1997",
        *(f"bias {bias}" for bias in BIASES),
    }
    dots = next(line for line in figure.axes[1].lines if line.get_label() == "at the start")
    assert dots.get_ydata() == pytest.approx(1.0)

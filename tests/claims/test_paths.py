"""Claims on routes, Q2, A1f, A1g, A4e and M1 to M3, turn with the planted truth; their figures show it."""

import re
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from support.planted_paths import INITS

from carousel.analysis import names
from carousel.analysis.routes import routes as analysed
from carousel.analysis.stats.tables import MODEL
from carousel.axes import LAGS
from carousel.claims import (
    a1f_surviving_path as a1f,
    a1g_only_route as a1g,
    a4e_only_unchanged_flow as a4e,
    m1_gates_frozen as m1,
    m2_along_the_carousel as m2,
    m3_perfect_carousel as m3,
    q2_must_vanish as q2,
    routes,
)
from carousel.claims.claim import Tables, Verdict
from carousel.claims.rules import FAILS, MIXED
from carousel.report.figures import curves, paths, routes as drawn
from carousel.report.figures.style import PATHS as ROUTES, style

CLAIMS: dict[str, ModuleType] = {
    "A1f": a1f, "A1g": a1g, "A4e": a4e, "M1": m1, "M2": m2, "M3": m3, "Q2": q2,
}  # fmt: skip
FIGURES = {
    "A1f": paths.a1f_figure,
    "A1g": paths.a1g_figure,
    "A4e": paths.a4e_figure,
    "M1": drawn.m1_figure,
    "M2": drawn.m2_figure,
    "M3": drawn.m3_figure,
    "Q2": curves.q2,
}
BIASES = ("0", "1", "10", "chrono")
OPEN, SHUT = dict.fromkeys(BIASES, 0.0), dict.fromkeys(BIASES, -0.2)
CLOSED = {"forget": SHUT, "loop97": -0.2}
NARROW = a4e.UNCHANGED / 180  # decades per step: a hundredth over the window of 200 steps


def over(*decades: float) -> dict:
    """Return how far the total stands over the carousel's part, by init."""
    return {"over": dict(zip(INITS, decades, strict=True))}


def frozen(*decades: float) -> dict:
    """Return by how much more is left with frozen gates, by init."""
    return {"frozen": dict(zip(INITS, decades, strict=True))}


LEAKS = {"0": 0.0, "1": -0.2, "10": -0.2, "chrono": -0.2}
FAST, SLOW = dict.fromkeys(BIASES, -0.1), dict.fromkeys(BIASES, -0.09)
TURNS = [
    ("A1f", {"forget": OPEN}, "supported"),
    ("A1f", {"forget": OPEN, "extra": over(0.5, 0.0, -0.9)}, "supported"),
    ("A1f", {"forget": OPEN, "extra": over(0.0, 0.0, -1.1)}, "refuted"),
    ("A1f", {"forget": OPEN, "total": SHUT}, "refuted"),
    ("A1f", {"forget": SHUT}, "refuted"),
    ("A1f", {}, "inconclusive"),
    ("A1f", {"length": 50}, "inconclusive"),
    ("A1g", {}, "refuted"),
    ("A1g", {"extra": {"cosine": 1.0}}, "supported"),
    ("A1g", {"extra": {"cosine": 0.9}}, "supported"),
    ("A1g", {"extra": {"cosine": 0.8}}, "refuted"),
    ("A1g", {"extra": {"cosine": 1.0} | over(0.2, 0.2, 0.2)}, "supported"),
    ("A1g", {"extra": {"cosine": 1.0} | over(0.2, 0.2, 0.5)}, "refuted"),
    ("A1g", {"extra": {"cosine": 1.0} | over(0.2, 0.2, -0.5)}, "refuted"),
    ("A1g", {"extra": {"cosine": 1.0}, "forget": {"0": -0.1}}, "inconclusive"),
    ("A4e", {}, "supported"),
    ("A4e", {"extra": {"inside": 0.5 * NARROW}}, "refuted"),
    ("A4e", {"extra": {"inside": 2.0 * NARROW}}, "supported"),
    ("A4e", {"extra": {"inside": {"lstm": -np.inf}}}, "supported"),
    ("A4e", {"extra": {"others": {"rnn_orthogonal": 0.1}}}, "supported"),
    ("A4e", {"forget": {"0": -0.1}}, "inconclusive"),
    ("A4e", {"length": 50}, "inconclusive"),
    ("M1", {}, "supported"),
    ("M1", {"extra": frozen(-0.2, 0.0, 0.2)}, "supported"),
    ("M1", {"extra": frozen(-0.5, -0.5, 0.5)}, "refuted"),
    ("M1", {"extra": frozen(-0.5, 0.0, 0.0)}, "depends"),
    ("M1", {"repetitions": 5}, "inconclusive"),
    ("M1", {"length": 50}, "inconclusive"),
    ("M2", {"forget": SHUT, "total": FAST}, "supported"),
    ("M2", {}, "refuted"),
    ("M2", {"forget": FAST, "total": SLOW, "extra": over(0.3, 0.3, 0.3)}, "supported"),
    ("M2", {"forget": FAST, "total": SLOW, "extra": over(-0.3, -0.3, -0.3)}, "refuted"),
    ("M2", {"forget": LEAKS, "total": FAST | {"0": 0.0}}, "depends"),
    ("M2", {"forget": SHUT, "total": FAST, "repetitions": 5}, "inconclusive"),
    ("M3", {"forget": OPEN}, "supported"),
    ("M3", {"forget": OPEN, "extra": over(-0.9, -0.9, -0.9)}, "supported"),
    ("M3", {"forget": OPEN, "extra": over(0.0, 0.0, -1.1)}, "refuted"),
    ("M3", {"extra": over(0.0, 0.0, -1.1)}, "refuted"),
    ("M3", {}, "inconclusive"),
    ("M3", {"length": 50}, "inconclusive"),
    ("Q2", {}, "depends"),
    ("Q2", CLOSED, "supported"),
    ("Q2", {"forget": OPEN}, "refuted"),
    ("Q2", CLOSED | {"gates": OPEN}, "depends"),
    ("Q2", {"repetitions": 5}, "inconclusive"),
]


def decided(name: str, tables: Tables) -> Verdict:
    """Return one claim's verdict."""
    claim = CLAIMS[name].CLAIM
    return claim.decide(claim.evidence(tables))


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
        ("A1f", over(0.0, 0.0, 0.0), over(-2.0, -2.0, -2.0)),
        ("A4e", {"inside": -0.1}, {"inside": 0.0}),
        ("M3", over(0.0, 0.0, 0.0), over(-2.0, -2.0, -2.0)),
    ],
)
def test_a_counterexample_of_one_backend_refutes_nothing(plant, name: str, holds: dict, breaks: dict) -> None:
    one = plant(need=name, forget=OPEN, backends=("numpy",), extra=holds)
    other = plant(need=name, forget=OPEN, backends=("torch",), extra=breaks)
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
    assert set(rows["quantity"]) <= {"loss_state", "loss_h"}


@pytest.mark.parametrize("name", ["M1", "M2", "Q2"])
def test_a_part_that_another_backend_does_not_confirm_is_undecided(plant, name: str) -> None:
    truth = {"forget": SHUT, "total": FAST, "loop97": -0.2}
    one = plant(need=name, backends=("numpy",), **truth)
    truth = truth | {"total": SHUT | {"0": -0.4}, "gates": SHUT | {"0": -0.4}}
    other = plant(need=name, backends=("torch",), **truth, extra=frozen(2.0, 2.0, 2.0))
    found = decided(name, one._replace(decay=pd.concat([one.decay, other.decay])))
    assert found.verdict == "inconclusive"
    assert "the backends differ" in found.condition


@pytest.mark.parametrize("name", ["A1f", "A1g", "A4e", "M1", "M2", "M3", "Q2"])
def test_three_repetitions_on_the_other_backend_confirm_ten(plant, name: str) -> None:
    tables = plant(need=name)
    decay = tables.decay[(tables.decay["backend"] == "numpy") | (tables.decay["repetition"] < 3)]
    few, all_ = decided(name, tables._replace(decay=decay)), decided(name, tables)
    assert few.verdict == all_.verdict


@pytest.mark.parametrize("name", ["M2", "Q2"])
def test_the_threshold_of_each_line_is_where_it_was_planted(plant, name: str) -> None:
    """Two decades are lost at bias 2 and none at 4, which makes one at 3: over 100 steps, or from lag 10 to 100."""
    steps = {"M2": 100, "Q2": 90}[name]
    forget = {"0": -6 / steps, "2": -2 / steps, "4": 0.0}
    total = {"M2": dict.fromkeys(forget, 0.0), "Q2": None}[name]
    found = decided(name, plant(need=name, forget=forget, total=total, loop97=-0.5))
    assert found.boundary is not None
    assert found.boundary.at == pytest.approx(3.0, abs=0.02)
    assert found.boundary.low <= found.boundary.at <= found.boundary.high
    assert all(f"{names.init(init)} init" in found.condition for init in INITS)


def test_lines_that_disagree_are_not_pooled(plant) -> None:
    forget = {"0": -0.06, "2": -0.02, "4": 0.0}
    found = decided(
        "M2", plant(need="M2", forget=forget, total=dict.fromkeys(forget, 0.0), extra=over(0.0, 0.9, 0.0))
    )
    assert found.boundary is None
    assert "3 [" in found.condition
    assert "3.9 [" in found.condition


def test_what_is_left_by_route_is_that_of_the_routes_table(plant) -> None:
    decay = plant(need="M2", extra=over(0.3, 0.1, 0.0) | frozen(-0.2, 0.0, 0.1)).decay
    table = analysed(decay)
    models = routes.by_route(decay, LAGS)
    keys = [name for name in table.columns if name in models and name not in ("path", "quantity")]
    for route, path in routes.ROUTES.items():
        means = models.groupby(keys, observed=True)[route].mean().reset_index()
        own = table[(table["quantity"] == "loss_state") & (table["path"] == path)]
        both = own.merge(means, on=keys)
        assert len(both) == len(own) > 0
        assert both["left"].to_numpy() == pytest.approx(both[route].to_numpy(), abs=1e-12)


def test_the_route_that_cancels_is_named(plant) -> None:
    """Total and frozen gradient both stand at a hundredth of the carousel's part, or the total alone does."""
    both = decided("M3", plant(need="M3", forget=OPEN, extra=over(-2.0, -2.0, -2.0))).condition
    assert "the total is 10^−2 of the carousel's part" in both
    assert "the route from h through the candidate cancels it" in both
    alone = decided(
        "M3", plant(need="M3", forget=OPEN, extra=over(-2.0, -2.0, -2.0) | frozen(2.0, 2.0, 2.0))
    ).condition
    assert "the gates' slopes cancel it" in alone


def test_what_a_search_tried_is_counted_apart(plant) -> None:
    tables = plant(need="M3", forget=OPEN, extra=over(-2.0, -2.0, -2.0))
    few = tables.decay[tables.decay["cell"] == "lstm97"]
    more = pd.concat([tables.decay.astype({"slice": str}), few.assign(slice="search_cancel", bias=0.123)])
    said = decided("M3", tables._replace(decay=more)).condition
    alone = decided("M3", tables).condition
    assert "in the search" in said
    assert "in the search" not in alone
    assert alone.partition("The total is below a tenth of it in ")[2].partition(";")[0] in said


def test_a_carousel_that_leaks_is_no_perfect_one(plant) -> None:
    """One that loses a third over the window counts for A1f, where a half is kept, and not for M3."""
    leak = {"forget": dict.fromkeys(BIASES, -0.001), "loop97": -0.001, "extra": over(-2.0, -2.0, -2.0)}
    assert decided("A1f", plant(need="A1f", **leak)).verdict == "refuted"
    assert decided("M3", plant(need="M3", **leak)).verdict == "inconclusive"


def test_the_direction_of_freezing_is_said(plant) -> None:
    said = decided("M1", plant(need="M1", extra=frozen(-1.0, 0.0, 1.0))).condition
    assert "Freezing the gates leaves less in 5 of those that are not the same" in said
    assert "and more in 5" in said
    assert "within a factor of two: 33% at lag 10, 33% at lag 30, 33% at lag 100." in said


def test_after_training_the_shorter_lag_is_asked(plant) -> None:
    tables = plant(need="M1", length=200)
    trained = tables.decay[(tables.decay["lag"] <= 60)].assign(
        trained="adding", step=300, slice="adding", gradient="full"
    )
    decay = pd.concat([tables.decay, trained.assign(length=60)])
    found = decided("M1", tables._replace(decay=decay))
    assert found.verdict == "supported"
    assert "after training 15" in found.condition


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
    assert "Counterexample: LSTM, PyTorch's default init, forget bias 0, T = 200" in found.condition
    assert found.effect == pytest.approx(np.sqrt(1 + 10**-0.2 - 0.4 * 10**-0.1))


def searched(tables: Tables) -> Tables:
    """Return the tables with the LSTM's rows once more, as a search at odd places would leave them."""
    rows = tables.decay[(tables.decay["cell"] == "lstm") & (tables.decay["forget_bias"] == "0")]
    rows = rows[rows["repetition"] < 2].assign(slice="search_routes", forget_bias="3.271828", gain=0.314159)
    return tables._replace(decay=pd.concat([tables.decay, rows], ignore_index=True))


def test_models_of_a_search_are_no_share_of_networks(plant) -> None:
    tables = plant(need="A1f", forget=OPEN)
    rows = tables.decay[(tables.decay["cell"] == "lstm") & (tables.decay["repetition"] < 2)]
    less = 2.0 * ((rows["path"] == "full") & (rows["lag"] > 0))
    odd = rows.assign(slice="search_cancel", log10_norm=rows["log10_norm"] - less)
    found = decided("A1f", tables._replace(decay=pd.concat([tables.decay, odd], ignore_index=True)))
    assert found.verdict == "refuted"
    assert "is below a tenth of that part in 0 and below half of it in 0; a search" in found.condition
    number = len(odd[odd["path"] == "full"].drop_duplicates(["init", "forget_bias", "repetition"]))
    assert f"found it below a tenth in {number} of {number}." in found.condition


def test_a_trend_whose_settings_disagree_depends_on_the_setting(plant) -> None:
    decay = plant(need="Q2").decay
    own = decay[(decay["cell"] == "lstm") & (decay["forget_bias"] == "10") & (decay["init"] == "orthogonal")]
    loud = own.assign(slice="drive", drive="25", log10_norm=own["log10_norm"] - 0.1 * own["lag"])
    part = "LSTM at forget bias 10, orthogonal init: the total"
    assert decided("Q2", Tables(decay, None, None)).states[part] == FAILS
    both = decided("Q2", Tables(pd.concat([decay, loud], ignore_index=True), None, None))
    assert both.states[part] == MIXED
    assert both.verdict == "depends"


def test_q2_says_what_is_left_at_lag_10_and_then_what_is_at_lag_100(plant) -> None:
    tables = plant(need="Q2")
    measured = tables.decay.query("cell == 'lstm' and path == 'full' and quantity == 'loss_state'")
    left = measured.groupby(["forget_bias", "lag"], observed=True)["log10_norm"].median()
    said = decided("Q2", tables).condition.partition("has left at lag 10 and at lag 100, in the median: ")[2]
    found = re.findall(r"10\^(\S+) and 10\^(\S+) at forget bias (\d+)", said.replace("−", "-"))
    assert [bias for *_, bias in found] == ["0", "1", "10"]
    for *decades, bias in found:
        assert [float(d) for d in decades] == pytest.approx([left[bias, 10], left[bias, 100]], rel=0.01)


def test_a_search_counts_for_always_and_for_nothing_else(plant) -> None:
    tables = plant(need="A1g", extra={"cosine": 1.0})
    assert decided("A1g", searched(tables)).n == decided("A1g", tables).n + 3
    assert "3.271828" not in decided("A1g", searched(tables)).condition
    assert "of those the optimiser tried 0 %" in decided("A1g", searched(tables)).condition
    for name in ("M1", "M2", "Q2"):
        assert decided(name, searched(tables)) == decided(name, tables)


def test_the_witness_of_an_unchanged_gradient_holds_in_every_repetition(plant) -> None:
    tables = plant(need="A4e", extra={"inside": 0.2 * NARROW})
    decay = tables.decay
    wild = (decay["cell"] == "lstm97") & (decay["repetition"] == 3)
    decay = decay.assign(log10_norm=decay["log10_norm"].where(~wild, -0.1 * decay["lag"]))
    found = decided("A4e", tables._replace(decay=decay))
    assert "Unchanged too: " in found.condition
    assert ", in LSTM, " in found.condition
    assert "what passed a gate in 267 of 270 LSTMs" in found.condition


def test_the_route_nearest_to_unchanged_is_the_least_of_all(plant) -> None:
    tables = plant(need="A4e")
    one = (tables.decay["cell"] == "lstm97") & (tables.decay["repetition"] == 3)
    decay = tables.decay.assign(
        log10_norm=tables.decay["log10_norm"].mask(one, -0.2 * tables.decay["lag"] / tables.decay["length"])
    )
    found = decided("A4e", tables._replace(decay=decay))
    assert found.verdict == "supported"
    assert 0.1 < found.effect < 0.2
    assert "Nearest to unchanged: " in found.condition
    assert ", in LSTM of 1997, " in found.condition
    assert "what passed a gate in 0 of 270 LSTMs (3)" in found.condition


def test_cells_without_a_carousel_are_said_apart(plant) -> None:
    tables = plant(need="A4e", extra={"others": {"lru": -0.02, "indrnn": -0.3, "rnn_orthogonal": 0.0}})
    leak = tables.decay[tables.decay["cell"] == "lru"].assign(path="cell")
    dead = tables.decay[tables.decay["cell"] == "indrnn"].assign(path="cell", log10_norm=-np.inf, n_zero=8)
    both = tables._replace(decay=pd.concat([tables.decay, leak.assign(log10_norm=0.0), dead]))
    found = decided("A4e", both)
    assert found.verdict == "supported"
    assert (
        "no part of the verdict, error flows unchanged in: LRU 60 of 60 (the leak past the recurrent weights); "
        "orthogonal RNN 60 of 60" in found.condition
    )
    assert found.n == decided("A4e", tables).n


@pytest.mark.parametrize(
    "changes", [{"drive": "0"}, {"hidden": 1}, {"cell": "rnn_linear", "init": "identity"}]
)
def test_what_is_a_carousel_by_definition_is_left_out(plant, changes: dict) -> None:
    tables = plant(need="A4e", extra={"inside": 0.0})
    assert a4e.rows(tables._replace(decay=tables.decay.assign(**changes))).empty


@pytest.mark.parametrize("name", FIGURES)
def test_figures_draw_one_backend_alone_and_say_what_is_missing(plant, name: str) -> None:
    tables = plant(need=name, backends=("torch",), repetitions=2)
    with style():
        assert any(ax.lines or ax.patches for ax in FIGURES[name](tables).axes)
        empty = FIGURES[name](Tables(*(table.head(0) for table in tables)))
    assert "did not measure" in " ".join(text.get_text() for ax in empty.axes for text in ax.texts)


def test_all_routes_stand_against_the_carousel(plant) -> None:
    with style():
        figure = FIGURES["A1f"](plant(need="paths", extra=over(0.3, 0.3, 0.3) | {"paths": tuple(ROUTES)}))
    dots = {line.get_label(): line.get_ydata() for line in figure.axes[0].lines}
    assert dots["LSTM of 1997"] == pytest.approx(0.3)
    assert {"LSTM", "LSTM of 1997", "found by a search"} <= dots.keys()


def test_unchanged_cells_stand_left_of_the_line(plant) -> None:
    figure = FIGURES["A4e"](plant(need="A4e"))
    (ax,) = figure.axes
    cells = [label.get_text() for label in ax.get_yticklabels()]
    assert set(cells) == {
        "IndRNN",
        "LRU",
        "LSTM",
        "LSTM of 1997",
        "peephole LSTM",
        "MinimalRNN",
        "orthogonal RNN",
    }
    dots = next(line for line in ax.lines if line.get_label() == "without a carousel")
    left = np.round(dots.get_ydata())[dots.get_xdata() <= a4e.UNCHANGED]
    assert set(left) == {cells.index("orthogonal RNN")}


def test_frozen_gates_are_drawn_as_planted(plant) -> None:
    figure = FIGURES["M1"](plant(need="M1", extra=frozen(-0.5, 0.0, 0.5)))
    heights = np.concatenate([line.get_ydata() for line in figure.axes[0].lines])
    assert {*np.round(heights, 6)} == {-0.5, 0.0, 0.5}


def test_the_routes_are_drawn_against_the_forget_bias(plant) -> None:
    forget = {"0": -0.06, "2": -0.02, "4": 0.0}
    with style():
        figure = FIGURES["M2"](plant(need="M2", forget=forget, total=dict.fromkeys(forget, -0.01)))
    assert [ax.get_title(loc="left") for ax in figure.axes] == [
        f"left at lag 100: {init} init" for init in ("PyTorch’s default", "orthogonal")
    ]  # fmt: skip
    lines = {line.get_color(): line for line in figure.axes[0].lines}
    carousel, total = (lines[ROUTES[path][1]["color"]].get_ydata() for path in ("cell", "full"))
    assert carousel == pytest.approx([-6, -2, 0], rel=0.05)
    assert total == pytest.approx([-1, -1, -1], rel=0.05)


def test_the_worst_case_is_drawn(plant) -> None:
    figure = FIGURES["M3"](plant(need="M3", extra=over(0.0, 0.0, -2.0)))
    total = next(line for line in figure.axes[0].lines if line.get_color() == ROUTES["full"][1]["color"])
    assert total.get_ydata()[-1] == pytest.approx(-2.0)
    assert figure.axes[1].lines[0].get_ydata().min() == pytest.approx(-2.0)


def named(bias: str) -> str:
    return f"bias {bias}" if bias[-1].isdigit() else bias


def test_the_rest_is_drawn_by_bias_and_against_lag(plant) -> None:
    figure = FIGURES["A1g"](plant(need="A1g", extra={"cosine": 0.5}))
    assert {text.get_text().partition(" of")[0] for text in figure.axes[0].texts} == {"100 %"}
    assert {bar.get_width() for bar in figure.axes[0].patches} == {1.0}
    assert {text.get_text() for text in figure.axes[1].texts} == {"1997", *map(named, BIASES)}
    rests = [line.get_ydata()[-1] for line in figure.axes[1].lines if len(line.get_xdata()) > 2]
    assert len(rests) == 1 + len(BIASES) and rests == pytest.approx([1.0] * len(rests))

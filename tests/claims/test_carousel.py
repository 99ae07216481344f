"""Claims along the cell, Q1, A1d, A1e, A2c, A4b and A4f, turn with the planted truth."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from support.planted_carousel import HELD

from carousel.axes import BACKENDS
from carousel.claims import CLAIMS, a2c_learned_gate as a2c, a4f_distance_inside as a4f, half_left
from carousel.claims.claim import Tables, Verdict
from carousel.claims.rules import HOLDS
from carousel.report.figures import distance
from carousel.report.figures.style import style

NAMES = ("Q1", "A1d", "A1e", "A2c", "A4b", "A4f")
BIASES = ("0", "1", "10", "chrono")
OPEN, SHUT = dict.fromkeys(BIASES, 0.0), dict.fromkeys(BIASES, -0.2)
HALF = {"0": -0.1, "1": -0.08, "10": -0.02, "chrono": -0.01}
REACHED = 0.1 * np.log10(a2c.FACTOR)
STANDARD = Path(__file__).parents[2] / "config" / "standard.yaml"


def from_bias(*biases: str) -> dict:
    """Return what training with a budget makes of each forget bias: those named reach the gate, the others do not."""
    return {"held": {bias: REACHED if bias in biases else HELD for bias in ("0", "1", "3")}}


TURNS = [
    ("Q1", {}, "depends"),
    ("Q1", {"forget": OPEN}, "supported"),
    ("Q1", {"loop97": -0.01}, "refuted"),
    ("Q1", {"loop97_error": 1e-8}, "refuted"),
    ("A1d", {}, "supported"),
    ("A1d", {"product_error": dict.fromkeys(("lstm", "lstm_peephole"), 1e-6)}, "refuted"),
    ("A1e", {}, "depends"),
    ("A1e", {"forget": OPEN}, "supported"),
    ("A1e", {"forget": SHUT}, "refuted"),
    ("A1e", {"forget": {"0": -2e-3, "1": -2e-3, "10": -2e-3}}, "supported"),
    ("A1e", {"forget": {"chrono": -2e-3}}, "refuted"),
    ("A1e", {"repetitions": 5}, "inconclusive"),
    ("A2c", {}, "depends"),
    ("A2c", {"extra": from_bias("3")}, "supported"),
    ("A2c", {"extra": {"slowest": REACHED}}, "supported"),
    ("A2c", {"forget": HALF}, "refuted"),
    ("A2c", {"forget": HALF, "extra": from_bias("0")}, "supported"),
    ("A2c", {"forget": {"0": -0.3}}, "inconclusive"),
    ("A2c", {"extra": {"held": {}}}, "inconclusive"),
    ("A2c", {"learned": REACHED, "extra": {"held": {}}}, "inconclusive"),
    ("A2c", {"extra": {"held": {"10": REACHED}}}, "inconclusive"),
    ("A2c", {"repetitions": 5}, "inconclusive"),
    ("A4b", {}, "refuted"),
    ("A4b", {"loop97": -np.inf}, "supported"),
    ("A4f", {}, "depends"),
    ("A4f", {"forget": OPEN}, "supported"),
    ("A4f", {"forget": SHUT, "loop97": -0.2}, "refuted"),
    ("A4f", {"forget": OPEN, "loop97": 0.2, "extra": {"along97": 0.0}}, "depends"),
    ("A4f", {"forget": OPEN, "loop97": -0.02, "extra": {"along97": 0.0}}, "depends"),
    ("A4f", {"forget": OPEN, "extra": {"along": SHUT}}, "depends"),
    ("A4f", {"forget": OPEN, "extra": {"enters": -5.0}}, "supported"),
    ("A4f", {"repetitions": 5}, "inconclusive"),
]


def decided(name: str, tables: Tables, factor: float = 1.0) -> Verdict:
    """Return one claim's verdict, at ``factor`` times its margin."""
    return CLAIMS[name].decide(CLAIMS[name].evidence(tables, factor))


@pytest.mark.parametrize(("name", "changes", "verdict"), TURNS)
def test_verdicts_turn_with_the_truth(plant, name: str, changes: dict, verdict: str) -> None:
    found = decided(name, plant(need=name, **changes))
    assert found.verdict == verdict, found.condition
    assert found.alt
    assert found.condition.startswith("Undecided") == (verdict == "inconclusive")
    if verdict != "inconclusive":
        assert found.low <= found.effect + 1e-12
        assert found.effect <= found.high + 1e-12
        assert np.isfinite([*found.by_backend.values()]).all()
        assert found.n > 0


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("name", NAMES)
def test_one_backend_alone_decides_nothing(plant, name: str, backend: str) -> None:
    found = decided(name, plant(need=name, backends=(backend,)))
    assert found.verdict == "inconclusive"
    assert {"numpy": "torch", "torch": "numpy"}[backend] in found.condition


@pytest.mark.parametrize("name", NAMES)
def test_a_backend_that_measured_three_repetitions_confirms(plant, name: str) -> None:
    tables = plant(need=name)
    decay = tables.decay[(tables.decay["backend"] == "numpy") | (tables.decay["repetition"] < 3)]
    assert decided(name, tables._replace(decay=decay)).verdict == decided(name, tables).verdict
    assert decided(name, tables._replace(decay=decay)).n == decided(name, tables).n


@pytest.mark.parametrize("name", ["A1e", "A4f"])
def test_a_backend_that_disagrees_leaves_the_part_open(plant, name: str) -> None:
    changes = {"A1e": {"forget": {"0": -0.3}}, "A4f": {"forget": SHUT, "loop97": -0.2}}[name]
    good = plant(need=name, backends=("numpy",), **changes)
    bad = plant(need=name, backends=("torch",), forget=OPEN)
    assert decided(name, good._replace(decay=pd.concat([good.decay, bad.decay]))).verdict == "inconclusive"


@pytest.mark.parametrize("name", NAMES)
def test_no_data_decide_nothing(plant, name: str) -> None:
    found = decided(name, Tables(*(table.head(0) for table in plant(need=name))))
    assert found.verdict == "inconclusive"
    assert "Undecided" in found.condition


@pytest.mark.parametrize("name", NAMES)
def test_every_verdict_that_can_occur_has_a_takeaway(name: str) -> None:
    words = {verdict for claim, _, verdict in TURNS if claim == name} - {"inconclusive"}
    assert words <= set(CLAIMS[name].takeaway)


@pytest.mark.parametrize("name", ["A1d", "A4b"])
def test_models_are_counted_once(plant, name: str) -> None:
    cells = {"A1d": ("lstm", "lstm_peephole"), "A4b": ("lstm97",)}[name]
    decay = plant(need=name).decay
    own = decay[decay["cell"].isin(cells) & (decay["backend"] == "numpy") & (decay["quantity"] == "cec")]
    models = own.drop_duplicates(["cell", "init", "forget_bias", "repetition"])
    assert decided(name, plant(need=name)).n == len(models)


@pytest.mark.parametrize("steps", [1, 10, 100, 1000])
def test_the_law_leaves_a_half(steps: int) -> None:
    assert (1 / (1 + np.exp(-half_left.law(steps)))) ** steps == pytest.approx(0.5)
    assert half_left.law(steps) == pytest.approx(np.log(steps / np.log(2)), abs=0.6 / steps)


@pytest.mark.parametrize("name", ["Q1", "A1e"])
def test_a_threshold_comes_out_as_the_law_says(plant, name: str) -> None:
    found = decided(name, plant(need="lines"))
    assert found.boundary.at == pytest.approx(half_left.law(100), abs=0.02)
    assert (
        f"at forget bias {found.boundary.value} (PyTorch's default init and orthogonal init alike)"
        in found.condition
    )
    assert "ln(n / ln 2) is 4.97" in found.condition


@pytest.mark.parametrize("name", ["Q1", "A1e"])
def test_lines_that_disagree_keep_their_own_thresholds(plant, name: str) -> None:
    found = decided(name, plant(need="lines", extra={"lines": {"torch": 0.0, "orthogonal": 0.5}}))
    assert found.boundary.factor == "forget bias (PyTorch's default init)"
    assert found.boundary.at == pytest.approx(half_left.law(100), abs=0.02)
    assert "(PyTorch's default init); 5.4" in found.condition
    assert "alike" not in found.condition


def test_thresholds_are_kept_line_by_line_and_cost_the_parts_nothing(plant) -> None:
    evidence = CLAIMS["A1e"].evidence(plant(need="lines"))
    lines = evidence[evidence["part"].str.startswith("threshold")]
    assert sorted(lines["part"].unique()) == [
        f"threshold over 100 steps: {init} init" for init in ("PyTorch's default", "orthogonal")
    ]
    assert (lines["low"] <= lines["effect"]).all()
    assert (lines["effect"] <= lines["high"]).all()
    parts = evidence[~evidence.index.isin(lines.index) & (evidence["backend"] == "numpy")]
    assert parts["p_holm"].max() <= len(parts) * parts["p"].max()


def test_widths_are_asked_over_ten_steps(plant) -> None:
    decay = plant(need="lines").decay
    wide = [decay[decay["init"] == "torch"].assign(slice="width", hidden=hidden) for hidden in (16, 64)]
    said = decided("Q1", Tables(pd.concat([decay, *wide]), None, None)).condition
    assert "Half is left after 10 steps at forget bias 2.63" in said
    assert "(16 units and 64 units alike); ln(n / ln 2) is 2.63." in said


@pytest.mark.parametrize("name", ["Q1", "A1e"])
def test_the_headline_is_pytorchs_default(plant, name: str) -> None:
    found = decided(name, plant(need="defaults"))
    assert found.effect == pytest.approx({"Q1": -0.25, "A1e": -25.0}[name], rel=0.02)
    assert "PyTorch's default LSTM" in found.condition
    assert decided(name, plant(need="lines")).effect > {"Q1": -0.31, "A1e": -31.0}[name]


def test_the_full_gradient_stands_beside_its_part_along_the_cell(plant) -> None:
    said = decided("A1d", plant(need="defaults")).condition
    assert said.startswith("Along the cell alone")
    assert "exceeds its part along the cell by 10 decades in PyTorch's default LSTM" in said


def test_chrono_is_judged_at_its_own_length(plant) -> None:
    slow = {"10": -1e-5, "chrono": -1e-3}
    short, long = (decided("A1e", plant(need="A1e", forget=slow, length=length)) for length in (200, 400))
    assert short.verdict == "supported"
    assert long.verdict == "depends"
    assert (
        "Less than half is left with chrono biases for 400 steps after as many (10^\N{MINUS SIGN}0.4"
        in long.condition
    )
    drawn = plant(need="A1e", forget={"10": -1e-5, "chrono:200": -2e-3, "chrono:5000": -1.0}, length=400)
    assert (
        "with chrono biases for 200 steps after as many (10^\N{MINUS SIGN}0.4"
        in decided("A1e", drawn).condition
    )
    assert "5000" not in decided("A1e", drawn).condition


@pytest.mark.parametrize("name", ["A1e", "A4f"])
def test_margins_move_what_lies_near_them(plant, name: str) -> None:
    rate = -0.25 / (100 if name == "A1e" else 90)
    tables = plant(need=name, forget={"0": rate, "1": rate}, loop97=rate)
    assert decided(name, tables).verdict == "supported"
    assert decided(name, tables, 0.5).verdict != "supported"
    assert decided(name, tables, 2.0).verdict == "supported"


def test_only_runs_count_whose_budget_reaches_so_far(plant) -> None:
    space = CLAIMS["A2c"].measure(plant(need="A2c", extra={"held": {"0": HELD, "10": HELD}}))
    runs = a2c.able(space)
    assert set(runs["slice"]) == {"held"}
    assert set(runs["forget_bias"]) == {"0"}
    assert a2c.able(space.assign(step=space["step"] // 4)).empty


def test_the_learning_rates_are_those_of_the_studies() -> None:
    slices = yaml.safe_load(STANDARD.read_text())["training"]
    slices = [
        one for one in slices if one["snapshots"] != [0]
    ]  # those whose networks are measured after training
    assert {
        one["slice"]: one["learning_rates"][0]
        for one in slices
        if one["learning_rates"] != [a2c.LEARNING_RATE]
    } == (a2c.LEARNING_RATES)
    held = next(one for one in slices if one["slice"] == "held")
    assert held["learning_rates"][0] * held["steps"] >= a2c.NET - min(held["forget_biases"])


def test_a_gate_that_one_backend_learned_is_undecided(plant) -> None:
    one = plant(need="A2c", backends=("numpy",), extra=from_bias("0"))
    other = plant(need="A2c", backends=("torch",))
    both = one._replace(decay=pd.concat([one.decay, other.decay]))
    assert decided("A2c", both).verdict == "inconclusive"
    assert a2c.exists(CLAIMS["A2c"].measure(both).query("of == 'mean'")) == HOLDS


def test_a_gate_learned_in_a_repetition_of_the_reference_alone_counts(plant) -> None:
    decay = plant(need="A2c").decay
    came = (decay["slice"] == "held") & (decay["step"] > 0) & (decay["repetition"] == 7)
    some = decay.assign(log10_norm=decay["log10_norm"].mask(came, -1e-5 * decay["lag"]))
    some = some[(decay["backend"] == "numpy") | (decay["repetition"] < 3)]
    found = decided("A2c", Tables(some, None, None))
    assert found.verdict == "supported"
    assert "from forget bias 0 in 1 of 10 runs" in found.condition


def test_how_many_runs_with_such_a_gate_solved_their_task_is_said(plant) -> None:
    decay = plant(need="A2c", extra=from_bias("1")).decay
    held = decay[(decay["slice"] == "held") & (decay["step"] > 0)]
    runs = held[[*a2c.RUN, *a2c.WHEN, "backend"]].drop_duplicates()
    runs = runs.rename(columns={"trained": "task"}).assign(solved=runs["repetition"] < 4)
    found = decided("A2c", Tables(decay, runs, None))
    assert "Of these 10 runs 4 solved the task." in found.condition
    assert found.verdict == decided("A2c", Tables(decay, None, None)).verdict


@pytest.mark.parametrize(("steps", "verdict"), [(900, "depends"), (1100, "supported")])
def test_near_is_half_left_over_the_longest_lag(plant, steps: int, verdict: str) -> None:
    assert pytest.approx(0.5) == a2c.NEAR**1000
    assert decided("A2c", plant(need="A2c", extra={"slowest": np.log10(0.5) / steps})).verdict == verdict


def test_how_near_training_came_is_said_by_forget_bias(plant) -> None:
    said = decided("A2c", plant(need="A2c", extra={"slowest": -0.01})).condition
    assert (
        "from forget bias 3 in 0 of 10 runs, to 0.99995 in 0 (largest: mean unit 0.89125, net input 2.1, slowest unit "
        "0.97724, net input 3.76)" in said
    )
    reached = decided("A2c", plant(need="A2c", extra=from_bias("1"))).condition
    assert "from forget bias 1 in 10 of 10 runs, to 0.99995 in 10" in reached
    assert "from forget bias 0 in 0 of 10 runs" in reached


def test_distance_is_asked_up_to_the_longest_lag(plant) -> None:
    tables = plant(need="A4f", forget=OPEN, length=3000, loop97=-6e-4, extra={"along97": 0.0})
    found = decided("A4f", tables)
    assert a4f.distances(a4f.rows(tables)) == [30, 100, 300, 1000]
    assert "The total falls by lag 1000 without a forget gate. It is flat up to lag 1000" in found.condition
    assert (
        "at lag 100 (less than half in 0 of 20 models) and 10^\N{MINUS SIGN}0.59 at lag 1000 (less than half in 20"
        in (found.condition)
    )


def test_a_longer_lag_than_all_that_are_asked_is_asked_too(plant) -> None:
    tables = plant(need="A4f", forget=OPEN, length=3000)
    decay = tables.decay
    far = decay[decay["lag"] == 1000].assign(lag=2048, log10_norm=-5.0)
    found = decided("A4f", tables._replace(decay=pd.concat([decay, far], ignore_index=True)))
    assert "The total falls by lag 2048" in found.condition


def test_one_init_that_falls_is_not_pooled_away(plant) -> None:
    """Twelve other inits are flat: the median over all is, too."""
    decay = plant(need="A4f", forget=OPEN).decay
    old, one = decay[decay["cell"] == "lstm97"], decay["init"] == "torch"
    many = [old[one[old.index]].assign(init=f"init {place}") for place in range(12)]
    falls = old[one[old.index]].assign(init="identity")
    total = (falls["path"] == "full") & (falls["lag"] > 0)
    falls = falls.assign(log10_norm=falls["log10_norm"] - 0.1 * falls["lag"] * total)
    found = decided("A4f", Tables(pd.concat([decay, *many, falls], ignore_index=True), None, None))
    assert found.verdict == "depends"
    assert "The total is flat up to lag 100 at forget bias 0, 1 and 10" in found.condition
    assert "With identity init it falls by lag 30 without a forget gate" in found.condition


def test_models_of_one_length_say_what_distance_makes_of_the_1997_cell(plant) -> None:
    """Shorter sequences reach the shorter lags alone: pooled, each lag would speak of other models."""
    changes = {"forget": OPEN, "loop97": -1e-3, "extra": {"along97": 0.0}}
    long = plant(need="A4f", length=400, **changes)
    short = plant(need="A4f", forget=OPEN, length=100, extra={"enters": -3.0})
    found = decided("A4f", Tables(pd.concat([long.decay, short.decay], ignore_index=True), None, None))
    assert "In the LSTM of 1997 at T = 400 entering leaves 10^\N{MINUS SIGN}1 of the error" in found.condition
    assert "10^\N{MINUS SIGN}0.09 at lag 100 (less than half in 0 of 20 models)" in found.condition


def test_a_gradient_that_vanished_counts_as_a_decade(plant) -> None:
    found = decided("A4f", plant(need="A4f", forget=OPEN, loop97=-3.0, extra={"along97": 0.0}))
    assert found.effect == -1.0
    assert "10^\N{MINUS SIGN}27" in found.condition


def test_flat_falling_and_rising_are_told_apart_by_bias(plant) -> None:
    found = decided("A4f", plant(need="A4f", forget={"0": -0.1, "10": 0.0}, loop97=0.1))
    assert (
        "The total falls by lag 30 at forget bias 0. It is flat up to lag 100 at forget bias 10. It rises by lag 30 "
        "without a forget gate." in found.condition
    )
    assert found.effect == 1.0


def test_thresholds_of_the_carousel_and_of_the_total_are_told_apart(plant) -> None:
    along, total = {"0": -0.3, "3": -0.03, "6": -1e-3}, {"0": -0.3, "3": -1e-3, "6": -1e-4}
    found = decided("A4f", plant(need="A4f", forget=along, total=total))
    assert found.boundary.at == pytest.approx(3 + 3 * np.log(2.7 / np.log10(2)) / np.log(30), abs=0.05)
    assert "along the carousel at forget bias 4.9" in found.condition
    assert "in total at forget bias 2.3" in found.condition


def test_without_a_turn_there_is_no_boundary(plant) -> None:
    found = decided("A4f", plant(need="A4f", forget=SHUT))
    assert found.boundary is None
    assert "above 10" in found.condition
    assert decided("A1e", plant(need="A1e", forget=OPEN)).boundary is None
    assert decided("Q1", plant(need="Q1", loop97=-0.01)).boundary is None


@pytest.mark.parametrize("name", NAMES)
def test_what_a_search_went_through_decides_nothing(plant, name: str) -> None:
    tables = plant(need=name)
    some = tables.decay[(tables.decay["repetition"] < 2) & (tables.decay["trained"] == "no")]
    odd = some.assign(slice="search_somewhere", log10_norm=some["log10_norm"] - 3.0 * (some["lag"] > 0))
    odd = odd[odd["quantity"] != "factor_product"] if name == "A1d" else odd
    more = tables._replace(decay=pd.concat([tables.decay, odd], ignore_index=True))
    if name in ("Q1", "A1e", "A4f"):
        assert decided(name, more) == decided(name, tables)


def test_the_truncated_gradient_stands_beside_the_total(plant) -> None:
    with style():
        figure = distance.a4f_figure(plant(need="A4f", forget=OPEN, extra={"along": SHUT}))
        empty = distance.a4f_figure(Tables(*(table.head(0) for table in plant(need="A4f"))))
    changes = {line.get_label(): line.get_xdata() for line in figure.axes[1].lines}
    planted = -0.2 * (distance.CHANGED - a4f.ENTERED)
    truncated, total = (changes[distance.TRUNCATED[path]["label"]] for path in ("truncated", "full"))
    assert np.median(truncated) == pytest.approx(planted, rel=0.02)
    assert np.abs(total).max() == pytest.approx(0, abs=1e-12)
    assert "did not measure" in " ".join(text.get_text() for ax in empty.axes for text in ax.texts)


def test_both_backends_are_there() -> None:
    assert [*BACKENDS] == ["numpy", "torch"]

"""The search for a counterexample: it finds what was planted, on both backends, the same way twice."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import carousel
from carousel.engine.backends.table import load
from carousel.measures.search import AWAY, AXES, OBJECTIVES, WORST, axes, lattice, points, scored, seek
from carousel.study import values
from carousel.study.slices import SearchSlice
from carousel.tables.parquet import write
from carousel.tables.schemas import names

CHAIN = SearchSlice.model_validate(
    {
        "slice": "search_test",
        "objectives": ["steadiest"],
        "device": "cpu",
        "dtype": "float64",
        "cells": ["rnn_sigmoid"],
        "init": "identity",
        "gain": [-3.2, 0.5],
        "bias": [0.0, 0.0],
        "forget_bias": [0.0, 0.0],
        "hidden": 1,
        "length": 40,
        "repetitions": 2,
        "batch": 2,
        "input_size": 1,
        "drive": 0.0,
        "state_scale": 1.0,
        "lags_per_octave": 1,
        "grid": 8,
        "population": 8,
        "generations": 9,
    }
)
LSTM = CHAIN.model_copy(
    update={
        "objectives": ("fastest_decay", "other_routes"),
        "init": "orthogonal",
        "gain": (0.0, 2.0),
        "bias": (-1.0, 1.0),
        "forget_bias": (-4.0, 3.0),
        "hidden": 4,
        "length": 20,
        "repetitions": 1,
        "input_size": 3,
        "drive": "unit",
        "state_scale": 0.0,
        "grid": 5,
        "generations": 3,
    }
)
NUMPY, TORCH = (load(name, "cpu", "float64") for name in ("numpy", "torch"))


def searched(cell: str, part: SearchSlice, seed: int = 1, **changes: object) -> pd.DataFrame:
    return seek(NUMPY, [TORCH], seed, cell, part.model_copy(update=changes))


@cache
def lstm() -> pd.DataFrame:
    """The search that several tests look at."""
    return searched("lstm", LSTM)


def best(table: pd.DataFrame, objective: str) -> tuple[tuple[float, float, str], dict[str, float]]:
    """The best point by NumPy's rows, and its score on both backends."""
    by = {name: scored(rows, objective) for name, rows in table.groupby("backend", observed=True)}
    place = min(by["numpy"], key=by["numpy"].__getitem__)
    return place, {name: scores[place] for name, scores in by.items()}


def test_a_study_may_name_the_objectives_that_there_are() -> None:
    assert set(values.OBJECTIVES) == set(OBJECTIVES)


@pytest.mark.parametrize(
    ("cell", "changes", "axis", "planted", "near"),
    [
        (
            "rnn_sigmoid",
            {"gain": (4.0, 4.0), "bias": (-6.0, 1.6)},
            1,
            -2.0,
            0.3,
        ),
        ("rnn_linear", {}, 0, -1.0, 5e-3),
        ("rnn_tanh", {}, 0, -1.0, 0.03),
    ],
)
def test_the_weight_or_bias_with_factor_one_is_found_between_the_points_of_the_grid(
    cell: str, changes: dict, axis: int, planted: float, near: float
) -> None:
    """At w = 4, b = -2 the sigmoid chain sits on its steepest point; at w = -1 the sign turns and the size stays."""
    part = CHAIN.model_copy(update=changes)
    table, grid = searched(cell, part), lattice(part, axes(part, cell))[:, 0]
    place, scores = best(table, "steadiest")
    assert abs(place[axis] - planted) <= near < abs(grid - planted).min()
    assert np.ptp(list(scores.values())) <= 1e-12
    on_grid = table[np.isclose(table[AXES[axis]].to_numpy()[:, None], grid, atol=1e-6).any(1)]
    assert scores["numpy"] < best(on_grid, "steadiest")[1]["numpy"] / 2


def test_the_norm_preserving_gain_is_found() -> None:
    """A linear network with orthogonal R keeps the norm at gain 1 alone."""
    part = LSTM.model_copy(update={"objectives": ("unchanged",), "population": 8, "generations": 15})
    place, scores = best(searched("rnn_linear", part, bias=(0.0, 0.0), gain=(0.0, 1.9)), "unchanged")
    assert place[0] == pytest.approx(1.0, abs=1e-4)
    assert max(scores.values()) < 20 * np.log10(1.0001)


def test_the_lstm_s_corners_are_found() -> None:
    """Without R and with the forget gate shut nothing passes; with R and the gate shut all passes beside it."""
    table = lstm()
    slow, fast = best(table, "other_routes"), best(table, "fastest_decay")
    assert (fast[0][0], fast[0][2]) == (0.0, "-4")
    assert slow[0][0] > 1
    assert slow[0][2] == "-4"
    assert fast[1]["numpy"] < -1
    assert slow[1]["numpy"] < -9
    alone = {place: s for place, s in scored(table, "other_routes").items() if place[0] == 0}
    np.testing.assert_allclose(list(alone.values()), 0, atol=1e-12)  # without R there is no other route


def test_the_network_whose_other_routes_cancel_the_carousel_most_is_found() -> None:
    part = LSTM.model_copy(
        update={"objectives": ("cancelled",), "bias": (0.0, 0.0), "length": 300, "generations": 4}
    )
    table = searched("lstm97", part)
    place, scores = best(table, "cancelled")
    own = table[(table["gain"] == place[0]) & (table["lag"] == table.loc[table["lag"] <= 270, "lag"].max())]
    norms = own.pivot(index="backend", columns="path", values="log10_norm")
    assert scores == pytest.approx((norms["full"] - norms["cell"]).to_dict())
    assert np.ptp(list(scores.values())) < 1e-9
    grid = lattice(part, axes(part, "lstm97"))[:, 0]
    on_grid = table[np.isclose(table["gain"].to_numpy()[:, None], grid, atol=1e-6).any(1)]
    assert scores["numpy"] < best(on_grid, "cancelled")[1]["numpy"] < -1


def test_a_carousel_that_leaks_cancels_nothing() -> None:
    part = LSTM.model_copy(
        update={"objectives": ("cancelled",), "gain": (1.0, 1.0), "bias": (0.0, 0.0), "length": 100}
    )
    table = searched("lstm", part, forget_bias=(0.0, 12.0), population=5, generations=1)
    scores = {float(place[2]): score for place, score in scored(table, "cancelled").items()}
    assert scores[0.0] == WORST
    assert abs(scores[12.0]) < 10


def test_both_backends_measured_every_point_alike() -> None:
    table = lstm()
    ours, theirs = (table[table["backend"] == b].drop(columns="backend") for b in ("numpy", "torch"))
    measured = ["log10_norm", "cosine"]
    factors = [c for c in table.columns if c not in ("backend", *measured)]
    assert not ours[factors].duplicated().any()
    pd.testing.assert_frame_equal(
        ours[factors].reset_index(drop=True), theirs[factors].reset_index(drop=True)
    )
    np.testing.assert_allclose(ours[measured], theirs[measured], atol=1e-9)


def test_bounds_digits_and_the_size_of_the_search() -> None:
    part = LSTM.model_copy(update={"gain": (0.123456, 0.765432), "grid": 6, "population": 7})
    table = searched("gru", part, bias=(0.25, 0.25))
    found = table[["gain", "bias", "forget_bias"]].drop_duplicates().astype(float)
    assert found["gain"].between(*part.gain).all()
    assert set(part.gain) <= set(found["gain"])
    assert found["forget_bias"].between(*part.forget_bias).all()
    assert (found["bias"] == 0.25).all()
    inside = found[~found["gain"].isin(part.gain)]
    assert (inside == inside.round(6)).all(axis=None)
    assert 36 + 7 < len(found) <= 36 + 2 * 3 * 7
    assert set(table["slice"]) == {"search_test"}
    assert list(table.columns) == names("decay")
    assert set(zip(table["quantity"], table["path"], strict=True)) == {
        ("loss_state", "full"),
        ("loss_state", "cell"),
    }


def test_a_cell_without_forget_gate_has_that_axis_no_more() -> None:
    assert axes(LSTM, "lstm") == ["gain", "bias", "forget_bias"]
    assert axes(LSTM, "lstm97") == ["gain", "bias"]
    assert set(searched("lstm97", LSTM, generations=1)["forget_bias"]) == {"none"}


def test_a_space_of_one_point_is_measured_and_no_more() -> None:
    table = searched("rnn_linear", CHAIN, gain=(-1.0, -1.0))
    assert set(table["gain"]) == {-1.0}
    assert set(table["backend"]) == {"numpy", "torch"}


def test_zero_has_no_sign_and_no_point_leaves_its_bounds_by_rounding() -> None:
    part = CHAIN.model_copy(update={"gain": (-1 / 3, 2 / 3)})
    found = points(part, ["gain"], np.array([[-1 / 3], [-1e-8], [2 / 3]]))
    assert [str(p.gain) for p in found] == ["-0.333333", "0.0", str(2 / 3)]


@pytest.mark.parametrize(
    ("cell", "part"), [("rnn_tanh", CHAIN), pytest.param("lstm", LSTM, marks=pytest.mark.campaign)]
)
def test_the_same_seed_gives_the_same_bytes_and_another_one_other_points(
    cell: str, part: SearchSlice, tmp_path: Path
) -> None:
    tables = [searched(cell, part, seed=seed, generations=2, grid=5) for seed in (1, 1, 2)]
    for k, table in enumerate(tables):
        write(table, tmp_path / f"{k}.parquet", {})
    first, again, _ = ((tmp_path / f"{k}.parquet").read_bytes() for k in range(3))
    assert first == again
    assert set(tables[0]["gain"]) != set(tables[2]["gain"])


def test_a_witness_typed_in_by_hand_measures_the_same() -> None:
    table = lstm()
    (gain, bias, forget_bias), _ = best(table, "other_routes")
    keys = ("input_size", "drive", "state_scale", "batch", "lags_per_octave", "length", "hidden")
    same = {name: getattr(LSTM, name) for name in keys} | {"gain": gain, "bias": bias, "repetitions": 1}
    by_hand = carousel.decay("lstm", "orthogonal", float(forget_bias), **same)
    place = {"gain": gain, "bias": bias, "forget_bias": forget_bias, "backend": "numpy"}
    found = table[np.logical_and.reduce([table[name] == value for name, value in place.items()])]
    both = found.merge(by_hand, on=["quantity", "path", "lag"], suffixes=("", "_by_hand"))
    assert len(both) == len(found)
    np.testing.assert_array_equal(both["log10_norm"], both["log10_norm_by_hand"])


def curve(y: list[float], gain: float = 2.0, n_zero: int = 0, **labels: str) -> pd.DataFrame:
    """One model's rows at lags 0, 1, 2, ... with log10 of its norm."""
    about = {"backend": "numpy", "device": "cpu", "dtype": "float64", "slice": "search_x", "cell": "rnn_relu"}
    about |= {"init": "identity", "forget_bias": "none", "trained": "no", "gradient": "none"}
    about |= {"quantity": "loss_state", "path": "full", **labels}
    size = {
        "gain": gain,
        "bias": 0.0,
        "drive": "0",
        "hidden": 1,
        "repetition": 0,
        "step": 0,
        "n_zero": n_zero,
        "n": 2,
    }
    return pd.DataFrame({"lag": range(len(y)), "log10_norm": y, "length": len(y) - 1}).assign(**about, **size)


STRAIGHT = [-0.5 * lag for lag in range(21)]


@pytest.mark.parametrize(
    ("objective", "rows", "score"),
    [
        ("steadiest", curve(STRAIGHT, quantity="loss_h"), 0.5),
        ("steadiest", curve(STRAIGHT, gain=1 + 0.9 * AWAY, quantity="loss_h"), WORST),
        ("steadiest", curve(STRAIGHT, gain=1 - 0.9 * AWAY, quantity="loss_h"), WORST),
        ("steadiest", curve(STRAIGHT, n_zero=2, quantity="loss_h"), WORST),
        ("fastest_decay", curve(STRAIGHT), -0.5),
        ("fastest_decay", curve([-y for y in STRAIGHT]), 0.5),
        ("fastest_decay", curve([-np.inf] * 21, n_zero=2), -WORST),
        ("unchanged", curve([0.0, 0.25, -0.5, 0.0]), 0.5),
        ("unchanged", curve([0.0, 0.25, -0.5, 0.0], n_zero=1), WORST),
        ("other_routes", pd.concat([curve(STRAIGHT), curve([-2.0] * 21, path="cell")]), 3.0),
        ("other_routes", pd.concat([curve(STRAIGHT), curve([-np.inf] * 21, path="cell", n_zero=2)]), -WORST),
    ],
)
def test_scores_of_curves_drawn_by_hand(objective: str, rows: pd.DataFrame, score: float) -> None:
    """The window is lags 2 to 18, whose mean is 10: full lies at -5 there on the mean."""
    (found,) = scored(rows, objective).values()
    assert found == pytest.approx(score, abs=1e-12)


def test_the_best_repetition_speaks_for_the_point() -> None:
    rows = pd.concat([curve(STRAIGHT), curve([-y for y in STRAIGHT]).assign(repetition=1)])
    assert scored(rows, "fastest_decay") == {(2.0, 0.0, "none"): pytest.approx(-0.5)}

"""What is left at a lag: planted curves come back, wherever they were recorded and in whatever order."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from carousel.analysis.stats import tables
from carousel.analysis.stats.left import KEPT, VANISHED, left, state_between, state_of
from carousel.axes import LAGS

ROUTE = {"quantity": "loss_state", "path": "full"}
RATES = st.floats(-30, 5).filter(lambda rate: rate == 0 or abs(rate) > 1e-6)


def curve(lag: np.ndarray, y: np.ndarray, n_zero: np.ndarray | int = 0, **changes: object) -> pd.DataFrame:
    """Return the decay rows of one model and quantity: y at each lag."""
    factors = dict.fromkeys(tables.MODEL, "x") | {"length": int(max(lag)), "repetition": 0} | ROUTE | changes
    return pd.DataFrame({"lag": lag, "log10_norm": y, "n_zero": n_zero, "n": 8}).assign(**factors)


def at(table: pd.DataFrame, lag: int) -> float:
    """Return what is left at a lag of the one model in a table."""
    (found,) = table.loc[table["lag"] == lag, "left"]
    return float(found)


@given(RATES, st.floats(-20, 20), st.sets(st.integers(1, 2999), max_size=30))
def test_of_a_straight_line_the_slope_times_the_lag_is_left(rate: float, start: float, recorded: set) -> None:
    lag = np.array([0, *sorted(recorded), 3000])
    found = left(curve(lag, start + rate * lag), **ROUTE)
    assert found["lag"].tolist() == list(LAGS)
    assert found["left"].to_numpy() == pytest.approx(rate * np.array(LAGS), rel=1e-9, abs=1e-9)


@given(st.lists(st.floats(-300, 50), min_size=101, max_size=101))
def test_a_recorded_lag_is_what_was_recorded(y: list[float]) -> None:
    found = left(curve(np.arange(101), np.array(y)), **ROUTE, lags=(0, 1, 7, 100))
    assert found["left"].tolist() == [y[lag] - y[0] for lag in (0, 1, 7, 100)]


def test_between_two_recorded_lags_it_is_a_straight_line_in_decades() -> None:
    found = left(curve(np.array([0, 20, 40, 400]), np.array([1.0, 0.0, -4.0, -4.0])), **ROUTE)
    assert found[["lag", "left"]].to_numpy().tolist() == [[10, -0.5], [30, -3.0], [100, -5.0], [300, -5.0]]


@pytest.mark.parametrize(("quantity", "path", "start"), [
    ("loss_state", "candidate", 3.0), ("loss_state", "cell", 3.0), ("loss_x", "full", 3.0),
    ("cec", "cell", 0.5), ("factor_product", "formula", 0.5),
])  # fmt: skip
def test_what_it_is_relative_to(quantity: str, path: str, start: float) -> None:
    lag = np.arange(1 if quantity == "loss_x" else 0, 101)
    own = curve(lag, 0.5 - 0.25 * lag, quantity=quantity, path=path)
    found = left(pd.concat([curve(np.arange(101), 3.0 - 0.125 * np.arange(101)), own]), quantity, path)
    assert at(found, 100) == 0.5 - 25 - start


def test_no_lag_beyond_those_recorded() -> None:
    """The input's gradient has no lag 0, and no model one beyond its length."""
    lag = np.arange(1, 31)
    rows = pd.concat([curve(np.arange(31), np.zeros(31)), curve(lag, -0.1 * lag, quantity="loss_x")])
    assert left(rows, "loss_x", "full", (0, 1, 10, 30, 31))["lag"].tolist() == [1, 10, 30]


def test_exact_zeros_overflow_and_a_model_without_lag_0() -> None:
    lag = np.arange(101)
    dead = curve(lag, -0.01 * lag, np.where(lag >= 50, 5, 4))
    assert left(dead, **ROUTE)["left"].tolist() == [-0.1, -0.3, -np.inf]
    coarse = left(dead[dead["lag"] % 20 == 0], **ROUTE, lags=(30, 50, 60))
    assert coarse["left"].tolist() == [pytest.approx(-0.3), -np.inf, -np.inf]
    beyond = left(curve(lag, np.where(lag > 20, np.nan, 0.0)), **ROUTE)
    assert beyond["left"].tolist() == pytest.approx([0, np.nan, np.nan], nan_ok=True)
    assert left(curve(lag[1:], lag[1:]), **ROUTE)["left"].isna().all()


@pytest.fixture(scope="module")
def many() -> pd.DataFrame:
    """Return forty models of five repetitions and two lengths, in categories as the tables have them."""
    rng = np.random.default_rng(5)
    parts = [
        curve(np.unique(np.rint(np.geomspace(1, length + 1, 40)).astype(int)) - 1, 0.0, cell=cell, backend=backend,
              repetition=repetition, length=length, path=path)
        for cell in ("lstm", "gru") for backend in ("numpy", "torch") for length in (64, 1000)
        for repetition in range(5) for path in ("full", "candidate")
    ]  # fmt: skip
    rows = pd.concat(parts, ignore_index=True)
    rows["log10_norm"] = rng.standard_normal(len(rows))
    return rows.astype(dict.fromkeys(["backend", "cell", "quantity", "path"], "category"))


@settings(max_examples=20)
@given(seed=st.integers(0, 2**31))
def test_the_order_of_rows_does_not_matter(many: pd.DataFrame, seed: int) -> None:
    once, again = (
        left(rows, "loss_state", "candidate") for rows in (many, many.sample(frac=1, random_state=seed))
    )
    assert len(once) == 20 * 2 + 20 * 5
    keys = [*tables.MODEL, "lag"]
    pd.testing.assert_frame_equal(*(table.sort_values(keys, ignore_index=True) for table in (once, again)))


def test_it_is_what_numpy_interpolates_model_by_model(many: pd.DataFrame) -> None:
    found = left(many, "loss_state", "candidate").set_index([*tables.MODEL, "lag"])["left"].sort_index()
    for key, rows in many.groupby(tables.MODEL, observed=True):
        full, own = (rows[rows["path"] == path] for path in ("full", "candidate"))
        start = full.loc[full["lag"] == 0, "log10_norm"].item()
        lags = [lag for lag in LAGS if lag <= rows["length"].iloc[0]]
        assert found.loc[key].to_numpy() == pytest.approx(
            np.interp(lags, own["lag"], own["log10_norm"]) - start
        )


def test_no_rows_leave_nothing(many: pd.DataFrame) -> None:
    assert list(left(many.head(0), **ROUTE).columns) == [*tables.MODEL, "lag", "left"]
    assert left(many, "loss_state", "cell").empty


@given(st.floats(-20, 3), st.floats(0, 3))
def test_a_state_holds_all_of_its_interval(low: float, width: float) -> None:
    word, high = str(state_between(low, low + width)), low + width
    holds = {"kept": low >= KEPT, "weakened": low >= VANISHED and high < KEPT, "vanished": high < VANISHED}
    assert [name for name, inside in holds.items() if inside] == ([] if word == "unclear" else [word])


def test_a_half_is_kept_a_tenth_is_not_vanished() -> None:
    assert pytest.approx(0.5) == 10**KEPT
    assert pytest.approx(0.1) == 10**VANISHED
    found = state_of(np.array([0.3, KEPT, KEPT - 1e-9, VANISHED, VANISHED - 1e-9, -np.inf, np.nan]))
    assert found.tolist() == ["kept", "kept", "weakened", "weakened", "vanished", "vanished", "unclear"]
    assert state_between(np.nan, np.nan).item() == state_between(-2.0, 0.0).item() == "unclear"

"""The calibration: that it passes, and that nothing else than the truth does."""

import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from carousel.engine.backends.table import load
from carousel.engine.backends.torch_paths import Back
from carousel.engine.recurrence import PATHS
from carousel.measures import adjoint
from carousel.measures.calibration import calibrate as calibration
from carousel.measures.calibration.calibrate import (
    ERRORS,
    EXACT,
    SYSTEMS,
    calibrate,
    exact,
    statistical,
)
from carousel.measures.calibration.ground_truth import Check
from carousel.measures.jacobian import backward
from carousel.measures.lyapunov import spectrum as lyapunov
from carousel.tables.schemas import names

BACKENDS = ("numpy", "torch")
both = pytest.mark.parametrize("name", BACKENDS)
SHORT = (  # every quantity and instrument, in few steps
    "linear_orthogonal linear_identity linear_spectrum input_gradient lstm_held lstm97_held gru_held lstm_noisy_gate "
    "lstm_pulse lstm_rest gru_rest lstm_output_gate mamba_held rglru_held cornn_rest"
).split()
STEADY = {"linear_orthogonal", "lstm97_held"}  # a factor more or less is no error there
WHOLE = """
from carousel.engine.backends.table import load
from carousel.measures.calibration.calibrate import calibrate
print(calibrate(load({name!r}, "cpu", "float64")).to_json(orient="split", double_precision=15))
"""


def short(name: str, exact: bool = False) -> pd.DataFrame:
    return calibrate(load(name, "cpu", "float64", exact), SHORT)


def finite_exact(table: pd.DataFrame) -> pd.Series:
    """The exact rows with a number other than zero: an error in proportion shows there and nowhere else."""
    return (table["tolerance"] == EXACT) & np.isfinite(table["predicted"]) & (table["predicted"].abs() > 1e-6)


@both
def test_everything_is_measured_as_predicted(name: str) -> None:
    """All systems, 1,806 decades of decay among them; in its own process, since shape checks are slow."""
    run = [sys.executable, "-c", WHOLE.format(name=name)]
    out = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    table = pd.read_json(StringIO(out), orient="split")
    assert list(table.columns) == names("calibration")
    assert list(dict.fromkeys(table["system"])) == list(SYSTEMS)
    assert len(SYSTEMS) >= 18
    assert table["passed"].all(), table[~table["passed"]].to_string()
    assert {"loss_x", "jacobian_spec", "jacobian_fro_hh", "lyapunov", "cec"} <= set(table["quantity"])
    assert {*PATHS, "gates"} <= set(table["path"])
    assert table["lag"].max() == 3_000
    assert (table["predicted"].min(), table["predicted"].max()) == pytest.approx((-1806.2, 334.0), abs=0.1)


def test_the_drawn_systems_are_the_same_on_either_backend_and_on_every_call() -> None:
    tables = [short(name) for name in BACKENDS] + [short("numpy")]
    for table in tables[1:]:
        pd.testing.assert_series_equal(table["predicted"], tables[0]["predicted"])
        noise = table["tolerance"] == ERRORS
        np.testing.assert_allclose(table["measured"][noise], tables[0]["measured"][noise], rtol=1e-12)


@both
def test_a_rate_that_is_one_percent_too_large_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def stretched(measure: Callable) -> Callable:
        return lambda *given: (
            (lag, {q: 1.01 * v for q, v in at.items()}) for lag, at in measure(*given)
        )  # fmt: skip

    def longer(*given):
        found = spectrum(*given)
        return found._replace(
            exponents=1.01 * found.exponents, total=1.01 * found.total, log_det=1.01 * found.log_det
        )

    spectrum = lyapunov.spectrum
    monkeypatch.setattr(calibration, "gradient_by_lag", stretched(adjoint.gradient_by_lag))
    monkeypatch.setattr(calibration, "jacobians", stretched(backward.jacobians))
    monkeypatch.setattr(calibration, "spectrum", longer)
    table = short(name)
    assert not table["passed"][finite_exact(table)].any()
    assert table["passed"][(table["tolerance"] == EXACT) & ~finite_exact(table)].all()
    assert not table["passed"][table["tolerance"] == ERRORS].any()  # a per cent is beyond their noise too


@both
def test_a_factor_that_is_one_percent_too_large_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the backend itself: every quantity that rests on its derivative, steady ones among them."""
    backend = type(load(name, "cpu", "float64"))
    vjp, error, step = backend.vjp, backend.error, Back.step

    def larger(d_state):
        return tuple(1.01 * d for d in d_state)

    def larger_error(self, *given):
        d_before, d_wx = error(self, *given)
        return larger(d_before), d_wx

    def larger_step(self, *given):
        bundle = step(self, *given)
        return bundle._replace(d_state=larger(bundle.d_state))

    monkeypatch.setattr(backend, "vjp", lambda self, *given: larger(vjp(self, *given)))
    monkeypatch.setattr(backend, "error", larger_error)
    monkeypatch.setattr(Back, "step", larger_step)  # torch's on all paths
    table = short(name, exact=name == "numpy")  # compiled loops do not ask the backend
    rests = ~table["quantity"].isin(["factor_product", "slopes"]) & ~table["quantity"].str.endswith("_x")
    alive = (table["tolerance"] == EXACT) & np.isfinite(table["predicted"])
    assert not table["passed"][rests & alive].any()


@both
@pytest.mark.parametrize("instrument", ["gradient_by_lag", "jacobians"])
def test_a_lag_that_is_one_off_is_caught(instrument: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    measure = getattr(calibration, instrument)

    def early(*given):
        lags = next(g for g in given if isinstance(g, set))
        at = dict(measure(*(lags | {lag - 1 for lag in lags} if g is lags else g for g in given)))
        return ((lag, at[lag - 1]) for lag in lags)

    monkeypatch.setattr(calibration, instrument, early)
    table = short(name)
    own = table["quantity"].map(calibration.instrument) == instrument
    rows = own & finite_exact(table) & ~table["system"].isin(STEADY)
    assert rows.sum() >= 9
    assert not table["passed"][rows].any()
    assert table["passed"][~own].all()


@both
@pytest.mark.parametrize("pair", [*combinations(("full", "candidate", "cell", "gates"), 2)], ids="-".join)
def test_two_swapped_labels_of_paths_are_caught(
    pair: tuple[str, str], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    swap, gradient_by_lag = {pair[0]: pair[1], pair[1]: pair[0]}, adjoint.gradient_by_lag

    def swapped(*given):
        for lag, at in gradient_by_lag(*given):
            yield lag, {q._replace(path=swap.get(q.path, q.path)): v for q, v in at.items()}

    monkeypatch.setattr(calibration, "gradient_by_lag", swapped)
    table = calibrate(load(name, "cpu", "float64"), ["lstm_rest", "lstm_output_gate"])
    assert all((~table["passed"][table["path"] == path]).any() for path in pair)


@both
@pytest.mark.parametrize("pair", [*combinations(("full", "candidate", "cell"), 2)], ids="-".join)
def test_two_swapped_routes_are_caught(
    pair: tuple[str, str], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the table of paths itself, where walk and backends look them up."""
    a, b = (PATHS[path] for path in pair)
    monkeypatch.setitem(PATHS, pair[0], b)
    monkeypatch.setitem(PATHS, pair[1], a)
    table = calibrate(load(name, "cpu", "float64"), ["lstm_rest", "lstm_output_gate"])
    assert not table["passed"].all()


def test_an_exact_check_passes_for_nothing_but_its_own_value() -> None:
    zero, one = (Check("loss_h", "full", 1, value) for value in (-np.inf, np.array([[1.0], [2.0]])))
    assert exact(zero, np.full((2, 3), -np.inf))["passed"]
    assert not exact(zero, np.array([[-np.inf, -300.0]]))["passed"]
    assert exact(one, np.array([[1.0, 1.0], [2.0, 2.0]]))["passed"]
    for wrong in (np.nan, -np.inf, np.inf, 2.0 + 2 * EXACT):
        row = exact(one, np.array([[1.0, 1.0], [2.0, wrong]]))
        assert not row["passed"]
        assert row["predicted"] == 2
        assert np.isnan(row["measured"]) if np.isnan(wrong) else row["measured"] == wrong


@pytest.mark.parametrize("allowance", [0.0, 0.3])
def test_a_statistical_check_is_judged_by_the_spread_of_its_models(allowance: float) -> None:
    values = np.random.default_rng(0).standard_normal((50, 4)) + 7.0
    error = np.hypot(values.mean(1).std(ddof=1) / np.sqrt(50), allowance)
    for off, passed in ((0.0, True), (2.9, True), (-2.9, True), (3.1, False), (-3.1, False), (np.nan, False)):
        row = statistical(Check("cec", "cell", 1, values.mean() - off * error, True, allowance), values)
        assert row["passed"] == passed
        assert row["in_standard_errors"] == pytest.approx(off, nan_ok=True)
        assert (row["n"], row["error"]) == (50, pytest.approx(error))
    assert not statistical(Check("cec", "cell", 1, 7.0, True), np.full((9, 1), -np.inf))["passed"]


def test_what_no_instrument_reports_has_not_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "gradient_by_lag", lambda *given: iter(()))
    table = calibrate(load("numpy", "cpu", "float64"), ["lstm_pulse"])
    walked = table["quantity"].map(calibration.instrument) == "gradient_by_lag"
    assert table["measured"][walked].isna().all()
    assert not table["passed"][walked].any()
    assert table["passed"][~walked].all()

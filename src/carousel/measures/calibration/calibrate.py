"""Known-answer systems, measured by the very code that the study runs, against their closed forms."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from carousel.cells import CELLS
from carousel.engine.backends.backend import Backend
from carousel.engine.log_space import Logs
from carousel.engine.system import System
from carousel.measures.adjoint import Quantity, gradient_by_lag
from carousel.measures.calibration import chains, gates, linear, matrix, recurrences
from carousel.measures.calibration.ground_truth import Check, Network
from carousel.measures.jacobian.backward import jacobians
from carousel.measures.lyapunov.spectrum import Spectrum, spectrum
from carousel.seeds import generator
from carousel.study.models import on_backend
from carousel.tables.quantities import quantity as entry
from carousel.tables.schemas import names

SYSTEMS = linear.SYSTEMS | chains.SYSTEMS | gates.SYSTEMS | recurrences.SYSTEMS | matrix.SYSTEMS
SEED = 1991  # of the systems that are drawn: same table, same rows
EXACT = 1e-9  # decades: what rounding may leave after ten thousand steps
ERRORS = 3.0  # standard errors that a mean may be off: one row in 370 where all is right

MISSING = np.full((1, 1), np.nan)  # what no instrument reports has not passed

Key = tuple[str, str, int]  # quantity, path, lag
Measured = dict[Key, Logs]


def calibrate(backend: Backend, systems: Sequence[str] = tuple(SYSTEMS)) -> pd.DataFrame:
    """One row per check of each of `systems`: predicted and measured, in decades or decades per step.

    Exact rows: `error` the largest of `n` absolute differences, `tolerance` EXACT decades; shown is the first entry, or
    the one that is furthest off where one fails.
    Statistical rows: the mean over `n` models, `error` its standard error, `tolerance` ERRORS of them.
    `passed` is False where a number is missing (NaN) or finite instead of -inf.
    """
    rows = [row for name in systems for row in rows_of(backend, name)]
    frame = pd.DataFrame(rows).assign(backend=backend.name, device=backend.device, dtype=backend.dtype)
    return frame[names("calibration")]


def rows_of(backend: Backend, name: str) -> Iterator[dict[str, Any]]:
    """The rows of one system, one per check."""
    truth = SYSTEMS[name]
    network, checks = truth.build(generator(SEED, "calibration", name))
    values = measured(backend, network, [check[:3] for check in checks])
    for check in checks:
        judge = statistical if check.statistical else exact
        yield {
            "system": name,
            "statement": truth.statement,
            "source": truth.source,
            "quantity": check.quantity,
            "path": check.path,
            "lag": check.lag,
            **judge(check, values.get(check[:3], MISSING)),
        }


def measured(backend: Backend, network: Network, keys: Sequence[Key]) -> Measured:
    """What the study's code measures of `network`, by those of its three instruments that `keys` need."""
    wanted: dict[str, set[int]] = {}
    for quantity, _, lag in keys:
        wanted.setdefault(instrument(quantity), set()).add(lag)
    params, xs = on_backend(backend, network.params), backend.array(network.xs)
    system = System(backend, CELLS[network.cell], params, xs, tuple(map(backend.array, network.state)))
    values: Measured = {}
    if "gradient_by_lag" in wanted:
        covector = backend.array(network.covector)
        values |= by_lag(gradient_by_lag(system, covector, wanted["gradient_by_lag"]))
    if "jacobians" in wanted:
        values |= by_lag(jacobians(system, wanted["jacobians"], generator(SEED, "probes")))
    if "spectrum" in wanted:
        values |= by_index(spectrum(system, network.warm_up, 1))
    return values


def instrument(quantity: str) -> str:
    """Which function of the study's code measures `quantity`."""
    return {"exponents": "spectrum", "jacobian": "jacobians", "gradient": "gradient_by_lag"}[
        entry(quantity).kind
    ]


def by_lag(logs: Iterable[tuple[int, dict[Quantity, Logs]]]) -> Measured:
    """The values by quantity, path and lag; their cosines and errors are left out."""
    return {
        (quantity.name, quantity.path, lag): values
        for lag, at in logs
        for quantity, values in at.items()
        if quantity.column == "log10_norm"
    }


def by_index(lyapunov: Spectrum) -> Measured:
    """The exponents, numbered from 1, their sum, and the log of the determinant that it is to equal."""
    exponents = {
        ("lyapunov", "full", k + 1): lyapunov.exponents[:, [k]] for k in range(lyapunov.exponents.shape[1])
    }
    sums = {"lyapunov_sum": lyapunov.total, "log_det": lyapunov.log_det}
    return exponents | {(name, "full", 0): value[:, None] for name, value in sums.items()}


def exact(check: Check, values: Logs) -> dict[str, Any]:
    """The row of an exact check: every entry against its own value.

    Shown is the first entry, or the one that is furthest off where one fails.
    """
    predicted = np.broadcast_to(check.predicted, values.shape).ravel()
    measured = values.ravel()
    with np.errstate(invalid="ignore"):
        off = np.where(measured == predicted, 0.0, abs(measured - predicted))
    worst = int(np.argmax(np.where(np.isnan(off), np.inf, off)))
    passed = bool(off[worst] <= EXACT)
    shown = 0 if passed else worst
    return {
        "predicted": float(predicted[shown]),
        "measured": float(measured[shown]),
        "error": float(off[worst]),
        "tolerance": EXACT,
        "in_standard_errors": np.nan,
        "passed": passed,
        "n": values.size,
    }


def statistical(check: Check, values: Logs) -> dict[str, Any]:
    """The row of a statistical check: the mean over models, in standard errors from the closed form."""
    each, predicted = values.mean(1), float(check.predicted)
    with np.errstate(invalid="ignore"):
        error = float(np.hypot(each.std(ddof=1) / len(each) ** 0.5, check.allowance))
    off = (float(each.mean()) - predicted) / error
    return {
        "predicted": predicted,
        "measured": float(each.mean()),
        "error": error,
        "tolerance": ERRORS,
        "in_standard_errors": off,
        "passed": abs(off) <= ERRORS,
        "n": len(each),
    }

"""The adjoint of one loss at each lag: log10 of its norms, and other quantities that go back with it."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from carousel.axes import Array, State
from carousel.cells import Cell
from carousel.engine.adjoint import CAROUSEL, Carried, path
from carousel.engine.backends.backend import Backend
from carousel.engine.decomposition import cosine
from carousel.engine.log_space import Logs, Scaled, difference, log10, log_norm, rescale
from carousel.engine.recurrence import PATHS
from carousel.engine.system import System


class Quantity(NamedTuple):
    """What is measured, the path that the adjoint takes, and the column of the decay table that it goes into.

    ``log10_norm`` is a value of its own. ``cosine`` and ``error`` stand beside the value of the same name and path.
    """

    name: str
    path: str
    column: str = "log10_norm"


def gradient_by_lag(
    system: System, covector: Array, lags: set[int]
) -> Iterator[tuple[int, dict[Quantity, Logs]]]:
    """Every quantity at each of `lags`, from the loss backwards.

    `covector` [M H B] is the loss's gradient by the last h. Lag k is the state that enters the k-th step before
    the end, and the input of that step: the last input has lag 1, and none has lag 0.
    """
    system = system.effective()
    for lag, carried in system.engine.adjoints(system, covector, lags):
        yield lag, quantities(system, carried)


def norms(system: System, covector: Array) -> Float[np.ndarray, "K M B"]:
    """log10 of the norm of the joint state's gradient at every lag, 0 to T, on the full path alone."""
    return system.engine.norms(system.effective(), covector)


def quantities(system: System, carried: Carried) -> dict[Quantity, Logs]:
    """The quantities at one lag: log10 of norms, and cosines."""
    backend, cell, *_ = system
    by_path = {name: carried.adjoints[path(cell, name)] for name in PATHS}
    by_path["gates"] = difference(backend, by_path["full"], by_path["candidate"])
    full = numbers(backend, by_path["full"][0])
    logs = {
        Quantity(name, path, column): values
        for path, scaled in by_path.items()
        for (name, column), values in adjoint_norms(backend, cell, scaled, full).items()
    }
    return logs | other_quantities(system, carried)


def adjoint_norms(
    backend: Backend, cell: Cell, scaled: Scaled, full: Float[np.ndarray, "M _ B"]
) -> dict[tuple[str, str], Logs]:
    """log10 of the adjoint's norm by state and of the states together, and its cosine with the full one."""
    d_state, power = numbers(backend, scaled[0]), backend.numpy(scaled[1])[:, 0]
    ends = np.cumsum([d.shape[1] for d in scaled[0]])
    squares = np.stack([np.square(d).sum(1) for d in np.split(d_state, ends[:-1], axis=1)], axis=1)
    norms = {name: np.sqrt(squares[:, s]) for s, name in enumerate(cell.states)}
    norms["state"] = np.sqrt(squares.sum(1))
    logs = {(f"loss_{name}", "log10_norm"): log10(norm, power) for name, norm in norms.items()}
    return logs | {("loss_state", "cosine"): cosine(d_state, full)}


def numbers(backend: Backend, d_state: State) -> Float[np.ndarray, "M _ B"]:
    """The joint state's adjoint, the states one behind the other, without its power."""
    return np.concatenate([backend.numpy(d) for d in d_state], axis=1).astype(float)


def other_quantities(system: System, carried: Carried) -> dict[Quantity, Logs]:
    """What is measured along with the adjoint of the state, for the cells that have it."""
    backend, cell, params, *_ = system
    logs = {}
    if cell.carries:
        d_state, power = carried.adjoints[CAROUSEL]
        logs[Quantity("cec", "cell")] = per_unit(
            log10(backend.numpy(abs(d_state[cell.carousel])), backend.numpy(power))
        )
    logs[Quantity("factor_product", "formula")] = per_unit(
        backend.numpy(carried.log_factors).astype(float) / math.log(10)
    )
    if found := carried.decomposition:
        logs |= {Quantity("slopes", "full"): found.slopes, Quantity("weights", "full"): found.weights}
    if carried.net:
        (d_net,), power = carried.net
        d_x = rescale(backend, (params.W.swapaxes(1, 2) @ d_net,), power)
        logs[Quantity("loss_x", "full")] = log_norm(backend, d_x)
    return logs


def per_unit(x: Float[np.ndarray, "M _ B"]) -> Logs:
    """The units of the carousel and sequences as one axis."""
    return x.reshape(x.shape[0], -1)

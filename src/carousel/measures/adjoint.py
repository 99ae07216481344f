"""The adjoint of one loss at each lag: log10 of its norms, and other quantities that go back with it."""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Shaped

from carousel.axes import Array
from carousel.cells import Cell
from carousel.engine.adjoint import CAROUSEL, Carried, path
from carousel.engine.backends.backend import Backend
from carousel.engine.decomposition import cosine
from carousel.engine.log_space import Logs, Scaled, difference, log10, log_norm, rescale
from carousel.engine.recurrence import PATHS, state_size
from carousel.engine.system import System

TOGETHER = 2**16  # numbers in the adjoints of some lags: enough to keep calls few, few enough for the caches

Joint = tuple[tuple[Float[np.ndarray, "KM _ B"]], Int[np.ndarray, "KM 1 B"]]
"""Scaled adjoints of the joint state, at K lags of M models, one lag behind the other."""


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
    for several in together(system, system.engine.adjoints(system, covector, lags)):
        found = quantities(system, [carried for _, carried in several])
        by_lag = {quantity: np.split(values, len(several)) for quantity, values in found.items()}
        yield from ((lag, {q: by_lag[q][k] for q in by_lag}) for k, (lag, _) in enumerate(several))


def together(
    system: System, carried: Iterable[tuple[int, Carried]]
) -> Iterator[Sequence[tuple[int, Carried]]]:
    """What has come back, for so many lags at once as are worth a call; the first, which may be lag 0, alone."""
    M, _, B = system.state[0].shape
    several, size = iter(carried), 1
    while found := list(islice(several, size)):
        yield found
        size = max(1, TOGETHER // (M * B * state_size(system.state)))


def norms(system: System, covector: Array) -> Float[np.ndarray, "K M B"]:
    """log10 of the norm of the joint state's gradient at every lag, 0 to T, on the full path alone."""
    return system.engine.norms(system.effective(), covector)


def quantities(system: System, carried: Sequence[Carried]) -> dict[Quantity, Logs]:
    """The quantities at several lags, one behind the other: log10 of norms, and cosines."""
    backend, cell, *_ = system
    own = {name: path(cell, name) for name in PATHS}
    joint = {each: joined(backend, [c.adjoints[each] for c in carried]) for each in own.values()}
    gates = difference(np.ldexp, joint[own["full"]], joint[own["candidate"]])
    full = numbers(joint[own["full"]])
    sizes = [d.shape[1] for d in system.state]
    found = {each: adjoint_norms(cell, sizes, scaled, full) for each, scaled in joint.items()}
    by_path = {name: found[each] for name, each in own.items()}
    by_path["gates"] = adjoint_norms(cell, sizes, gates, full)
    logs = {
        Quantity(name, path, column): values
        for path, logs in by_path.items()
        for (name, column), values in logs.items()
    }
    return logs | other_quantities(system, carried)


def joined(backend: Backend, scaled: Sequence[Scaled]) -> Joint:
    """The adjoints of several lags as one, NumPy's, with the states one behind the other in one vector.

    In memory the adjoints of a unit lie side by side: a sum over units then adds long rows.
    """
    d_state, _ = scaled[0]
    M, _, B = d_state[0].shape
    joint = np.empty((state_size(d_state), len(scaled), M, B), backend.numpy(d_state[0]).dtype)
    for k, (d_state, _) in enumerate(scaled):
        np.concatenate([backend.numpy(d).swapaxes(0, 1) for d in d_state], out=joint[:, k])
    power = of_lags(backend, [power for _, power in scaled])
    return (joint.reshape(len(joint), -1, B).swapaxes(0, 1),), power


def adjoint_norms(
    cell: Cell, sizes: Sequence[int], scaled: Joint, full: Float[np.ndarray, "KM _ B"]
) -> dict[tuple[str, str], Logs]:
    """log10 of the adjoint's norm by state and of the states together, and its cosine with the full one."""
    d_state, power = numbers(scaled), scaled[1][:, 0]
    by_state = np.split(np.square(d_state), np.cumsum(sizes)[:-1], axis=1)
    squares = np.stack([each.sum(1) for each in by_state], axis=1)
    norms = {name: np.sqrt(squares[:, s]) for s, name in enumerate(cell.states)}
    norms["state"] = np.sqrt(squares.sum(1))
    logs = {(f"loss_{name}", "log10_norm"): log10(norm, power) for name, norm in norms.items()}
    return logs | {("loss_state", "cosine"): cosine(d_state, full)}


def numbers(scaled: Joint) -> Float[np.ndarray, "KM _ B"]:
    """The joint state's adjoint without its power."""
    ((joint,), _) = scaled
    return joint.astype(float, copy=False)


def other_quantities(system: System, carried: Sequence[Carried]) -> dict[Quantity, Logs]:
    """What is measured along with the adjoint of the state, for the cells that have it."""
    backend, cell, *_ = system
    logs = {}
    if cell.carries:
        adjoints = [each.adjoints[CAROUSEL] for each in carried]
        d_c = of_lags(backend, [d_state[cell.carousel] for d_state, _ in adjoints])
        power = of_lags(backend, [power for _, power in adjoints])
        logs[Quantity("cec", "cell")] = per_unit(log10(abs(d_c), power))
    log_factors = of_lags(backend, [each.log_factors for each in carried])
    logs[Quantity("factor_product", "formula")] = per_unit(log_factors.astype(float) / math.log(10))
    if carried[0].decomposition:
        slopes, weights, _ = map(np.concatenate, zip(*(each.decomposition for each in carried), strict=True))
        logs |= {Quantity("slopes", "full"): slopes, Quantity("weights", "full"): weights}
    if nets := [each.net for each in carried if each.net]:
        logs[Quantity("loss_x", "full")] = input_norms(system, nets)
    return logs


def input_norms(system: System, nets: Sequence[Scaled]) -> Float[np.ndarray, "KM B"]:
    """log10 of the norm of the gradient by the input, from the errors of W x + b at several lags."""
    backend, _, params, *_ = system
    d_x = system.ops.join([params.W.swapaxes(1, 2) @ d_net for (d_net,), _ in nets], 0)
    power = system.ops.join([power for _, power in nets], 0)
    return log_norm(backend, rescale(backend, (d_x,), power))


def of_lags(backend: Backend, lags: Sequence[Shaped[Array, "M _ B"]]) -> Shaped[np.ndarray, "KM _ B"]:
    """An array of each of K lags as NumPy's, one behind the other."""
    return np.concatenate([backend.numpy(each) for each in lags])


def per_unit(x: Float[np.ndarray, "KM _ B"]) -> Logs:
    """The units of the carousel and sequences as one axis."""
    return x.reshape(x.shape[0], -1)

"""Lyapunov exponents of the driven network, in decades per step.

A basis of tangent vectors is multiplied by one step's Jacobian after another and made orthonormal again by QR; the
logs of R's diagonal add up to the exponents (Benettin et al. 1980, part 2; for recurrent networks Engelken, Wolf and
Abbott 2023; for gated ones Vogt et al. 2022). All in float64: a step of condition 10^6 leaves float32 no digit.

Up to `EXACT` numbers of joint state each step's Jacobian is formed, and a basis of the whole space goes forward in
time. Above, k covectors go back in time, since one-step adjoints are what the backends have: the leading exponents
are those of the transposed product, which has the same singular values, and exponents are the limits of their logs
(Eckmann and Ruelle 1985, section III.A). That takes an input that is stationary and ergodic.
"""

from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from carousel.axes import Array, State
from carousel.cells import Params
from carousel.engine.recurrence import Step, chunk_length, drive, forward, state_size, unroll
from carousel.engine.system import System
from carousel.measures.jacobian.backward import (
    EXACT,
    SEGMENT,
    adjoint,
    prepared,
    row_groups,
    rows_of,
    sizes_of,
)
from carousel.measures.jacobian.norms import Rows
from carousel.measures.lyapunov.qr import Basis, Tangent, dense, growth
from carousel.seeds import Normals

BLOCKS = 16  # of the steps that count; their spread is the standard error


class Spectrum(NamedTuple):
    """Lyapunov exponents of M models, the largest first, in decades per step.

    `exponents`: -inf for a direction that some step loses: exactly, as a dead ReLU does, or below rounding.
    `errors`: standard errors, from the spread of `n` means over blocks of time, of every sequence; NaN beside -inf.
    `correlation`: of neighbouring blocks. Where it is c, not about 0, the errors are too small by the root of
    (1 + c) / (1 - c) or so, and the sequence is too short.
    `total` is the sum of all exponents and `log_det` the mean of log10 |det J_t| over the same steps, by another
    factorisation; they agree to rounding where nothing is lost. Both are NaN where only some exponents are there.
    """

    exponents: Float[np.ndarray, "M k"]
    errors: Float[np.ndarray, "M k"]
    correlation: Float[np.ndarray, "M k"]
    total: Float[np.ndarray, " M"]
    log_det: Float[np.ndarray, " M"]
    n: int


def spectrum(
    system: System,
    warm_up: int,
    exponents: int,
    rng: Normals | None = None,
) -> Spectrum:
    """The exponents of a system's models, averaged over their sequences.

    The first `warm_up` steps bring the state to the attractor, and as many align the basis; neither count, nor do the
    few that are left over when the others are divided into BLOCKS. All exponents up to EXACT numbers of joint
    state; above, the first `exponents`, from a random basis drawn from `rng`.
    Raises ValueError where fewer than two steps would count, or an `rng` is needed.
    """
    length = len(system.xs)
    counted = length - 2 * warm_up
    if counted < 2:
        raise ValueError(f"warm_up: found {warm_up}; allowed: twice that leaves 2 or more of {length} steps")
    system = warmed_up(in_float64(system), warm_up)
    state = system.state
    whole_space = state_size(state) <= EXACT
    steps = (forward_steps if whole_space else backward_steps)(system)
    basis = unit_basis(state) if whole_space else random_basis(state, exponents, rng)
    length, left = divmod(counted, min(BLOCKS, counted))
    basis, *_ = growth(islice(steps, warm_up + left), basis)
    rates, log_dets = [], []
    for _ in range(min(BLOCKS, counted)):
        basis, grown, log_det = growth(islice(steps, length), basis)
        rates.append(grown / length)
        log_dets.append(log_det / length)
    return summarised(np.stack(rates), np.stack(log_dets), len(state[0]))


def in_float64(system: System) -> System:
    """`system` in float64, with R itself in the place of its parameter."""
    backend, cell, params, xs, state = system
    wide = backend.in_dtype("float64")

    def widened(a: Array) -> Array:
        return wide.array(backend.numpy(a))

    W, R, b = map(widened, params[:3])
    params = Params(W, R, b, {name: widened(value) for name, value in params.p.items()})
    return System(wide, cell, params, widened(xs), tuple(map(widened, state))).effective()


def warmed_up(system: System, steps: int) -> System:
    """`system` from its state after so many `steps` on; nothing is stored."""
    (_, cell, params, xs, state), ops = system, system.ops
    for x in xs[:steps]:
        state = forward(ops, cell, params, drive(ops, cell, params, x[None])[0], state)[0]
    return system._replace(xs=xs[steps:], state=state)


def unit_basis(state: State) -> Basis:
    """The unit vectors of the joint state."""
    (M, _, B), size = state[0].shape, state_size(state)
    return np.broadcast_to(np.eye(size), (M * B, size, size))


def random_basis(state: State, k: int, rng: Normals | None) -> Basis:
    """k random orthonormal vectors: unit vectors might stay in a subspace for ever."""
    (M, _, B), size = state[0].shape, state_size(state)
    if rng is None:
        raise ValueError(f"{size} numbers of state: above {EXACT} an rng is needed")
    return np.linalg.qr(rng.standard_normal((M * B, size, k)))[0].swapaxes(1, 2)


def forward_steps(system: System) -> Iterator[Tangent]:
    """The steps from the first to the last, each with its Jacobian formed."""
    backend, cell, params, xs, state = system
    M, _, B = state[0].shape
    rows = unit_basis(state)
    groups = list(row_groups(backend, rows.reshape(M, B, *rows.shape[1:]), sizes_of(state)))
    for t in range(0, len(xs), SEGMENT):
        steps, state = unroll(system.ops, cell, params, xs[t : t + SEGMENT], state)
        for step in system.prepared(steps):
            blocks = [rows_before(system, step, group) for group in groups]
            yield dense(np.concatenate(blocks, axis=2).reshape(rows.shape))


def backward_steps(system: System) -> Iterator[Tangent]:
    """The steps from the last to the first, transposed."""
    *_, xs, state = system
    M, _, B = state[0].shape

    def apply(step: Step, basis: Basis) -> Basis:
        rows = basis.reshape(M, B, *basis.shape[1:])
        return rows_before(system, step, adjoint(system.backend, rows, sizes_of(state))).reshape(basis.shape)

    for steps in system.chunks(chunk_length(xs, state)):
        for step in prepared(system, steps):
            yield Tangent(partial(apply, step), np.zeros_like, np.full(M * B, np.nan))


def rows_before(system: System, step: Step, d_state: State) -> Rows:
    """From adjoints of the state after `step`, several per sequence, the rows of those of the state before it."""
    B = step.x.shape[-1]
    wide = system.backend.widen(step, d_state[0].shape[-1] // B)
    return rows_of(system.backend, system.vjp(wide, d_state, system.full), B)


def summarised(
    rates: Float[np.ndarray, "N L k"], log_dets: Float[np.ndarray, "N L"], models: int
) -> Spectrum:
    """The spectrum of M models from N blocks of each sequence; lost directions come after the others in each."""
    N, L, k = rates.shape
    lost = np.isneginf(rates).any(0)
    rates = np.take_along_axis(rates, np.argsort(lost, axis=1, stable=True)[None], axis=2)
    rates = rates.reshape(N, models, L // models, k)
    mean, n = rates.mean((0, 2)), N * L // models
    with np.errstate(invalid="ignore"):
        off = rates - mean[:, None]
    spread = np.square(off).sum((0, 2))
    neighbours = (off[1:] * off[:-1]).sum((0, 2)) * N / (N - 1)
    errors, neighbours = np.sqrt(spread / (n * (n - 1))), neighbours / np.where(spread == 0, 1.0, spread)
    order = np.argsort(-mean, axis=1)
    log_det = log_dets.reshape(N, models, -1).mean((0, 2))
    total = np.where(np.isnan(log_det), np.nan, mean.sum(1))
    exponents, errors, correlation = (np.take_along_axis(a, order, 1) for a in (mean, errors, neighbours))
    return Spectrum(exponents, errors, correlation, total, log_det, n)

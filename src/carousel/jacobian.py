"""Norms of the Jacobian of the joint state, d s_T / d s_t, by lag and in log space.

Rows of the Jacobian are adjoints: covectors on the last state are carried back in time as one adjoint is (see
adjoint.py), P of them a sequence, each with its own power of two. The matrix product of a step is so R^T times
H x (B P), and no step's Jacobian is ever formed. Up to EXACT numbers of state the covectors are the identity's rows
and the norms are exact to rounding. Above, they are Gaussian vectors, and the norms are estimates with an error.

Re-orthonormalising the vectors on the way would change no estimate: only their inner products at the end are read,
and what rounding loses of a vector that turns towards the others is lost from neither norm.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from carousel.adjoint import Quantity
from carousel.axes import Array, Series, State
from carousel.backends import Backend
from carousel.cells import Cell, Params
from carousel.norms import Block, Powers, Rows, aligned, estimate, norms
from carousel.recurrence import PATHS, Step, chunk_length, chunks, effective, flat
from carousel.scaled import Logs, Scaled, rescale

EXACT = 256  # numbers of joint state up to which all rows are carried: h and c of 128 units
SAMPLES = 16  # Gaussian vectors a state above that: an error of 0.08 decades where one direction is left
PROBES = {"cpu": 2**15, "gpu": 2**23}
"""Numbers in one array of a widened step: what caches hold, what is worth a call. They change the last bits alone."""
Group = tuple[tuple[Array, ...], Array]  # a Scaled of scaled.py; the last group may hold fewer vectors


def jacobians(
    backend: Backend,
    cell: Cell,
    params: Params,
    xs: Series,
    state: State,
    lags: set[int],
    rng: np.random.Generator | None = None,
    samples: int = SAMPLES,
) -> Iterator[tuple[int, dict[Quantity, Logs]]]:
    """log10 of the Frobenius and the spectral norm of the Jacobian [M B] at each of `lags`, from the end backwards.

    ``jacobian_fro`` and ``jacobian_spec``: d s_T / d s_{T-k} of all states stacked, at lag k, T steps in all.
    ``..._hh``: d h_T / d h_{T-k}, the other states held fixed; ``..._cc``: the same of the last state. A cell with one
    state has neither: they are the joint block.
    ``..._x``: d h_T / d x_{T-k+1}, by the input of the k-th step before the end: the last input has lag 1, none has
    lag 0, where these are left out.

    Above EXACT numbers of state: from `samples` Gaussian vectors a state, drawn from `rng`; the spectral norm is then
    a lower bound, and each norm has a twin in the column ``error``, its standard error in decades (see `estimate`).
    Raises ValueError where those need an `rng` or more than two `samples`.
    """
    ops = backend.ops(cell, PATHS["full"](cell))
    params = effective(ops, cell, params)
    probes = covectors(state, rng, samples)
    B, N = probes.shape[1], probes.shape[3]
    adjoints = [backend.rescale(d, False) for d in groups(backend, probes, len(state))]
    read = exact if N <= EXACT else estimated
    if 0 in lags:
        yield 0, read(cell, *gathered(backend, adjoints, B), None)
    lag = 0
    for steps in chunks(ops, cell, params, xs, state, chunk_length(xs, state)):
        for step in reversed(steps):
            lag += 1
            entry = inputs(backend, cell, params, step, adjoints) if lag in lags else None
            adjoints = [back(backend, cell, params, step, scaled) for scaled in adjoints]
            if lag in lags:
                yield lag, read(cell, *gathered(backend, adjoints, B), entry)


def covectors(state: State, rng: np.random.Generator | None, samples: int) -> Rows:
    """All unit vectors of the joint state, or `samples` Gaussian vectors on each state by itself."""
    M, H, B = state[0].shape
    S = len(state)
    if S * H <= EXACT:
        return np.broadcast_to(np.eye(S * H), (M, B, S * H, S * H))
    if rng is None or samples < 3:
        raise ValueError(
            f"{S * H} numbers of state: above {EXACT} an rng and three samples or more are needed"
        )
    probes = np.zeros((M, B, S, samples, S, H))
    for s in range(S):
        probes[:, :, s, :, s] = rng.standard_normal((M, B, samples, H))
    return probes.reshape(M, B, S * samples, S * H)


def groups(backend: Backend, probes: Rows, states: int) -> Iterator[State]:
    """`probes` in groups that are carried together, as adjoints."""
    M, B, P, N = probes.shape
    size = max(1, PROBES["cpu" if backend.device == "cpu" else "gpu"] * states // (M * B * N))
    return (adjoint(backend, probes[:, :, p : p + size], states) for p in range(0, P, size))


def adjoint(backend: Backend, rows: Rows, states: int) -> State:
    """Rows as an adjoint: columns b P .. b P + P - 1 belong to sequence b."""
    M, B, P, N = rows.shape
    split = rows.reshape(M, B * P, states, N // states).transpose(2, 0, 3, 1)
    return tuple(backend.array(d.copy()) for d in split)


def rows_of(backend: Backend, parts: Sequence[Array], B: int) -> Rows:
    """An adjoint of B sequences as rows: its parts one behind the other."""
    joined = np.concatenate([backend.numpy(part) for part in parts], axis=1).astype(float)
    M, N, columns = joined.shape
    return joined.reshape(M, N, B, columns // B).transpose(0, 2, 3, 1)


def back(backend: Backend, cell: Cell, params: Params, step: Step, scaled: Scaled) -> Scaled:
    """One step back in time for one group."""
    d_state, power = scaled
    wide = backend.widen(step, power.shape[-1] // step.x.shape[-1])
    return rescale(backend, backend.vjp(cell, params, wide, d_state, PATHS["full"](cell)), power)


def inputs(backend: Backend, cell: Cell, params: Params, step: Step, adjoints: Sequence[Group]) -> Block:
    """The adjoints of the input of `step`, from those of the state after it: all rows."""
    entered = []
    for d_state, power in adjoints:
        wide = backend.widen(step, power.shape[-1] // step.x.shape[-1])
        _, d_wx = backend.error(cell, params, wide, d_state)
        entered.append(((params.W.swapaxes(1, 2) @ flat(d_wx),), power))
    rows, power = gathered(backend, entered, step.x.shape[-1])
    return Block(rows, power, min(d_state[0].shape[1], step.x.shape[1]))


def gathered(backend: Backend, adjoints: Sequence[Group], B: int) -> tuple[Rows, Powers]:
    """The rows of all groups of B sequences, and the power of each."""
    rows = [rows_of(backend, d_state, B) for d_state, _ in adjoints]
    powers = [rows_of(backend, (power,), B)[..., 0] for _, power in adjoints]
    return np.concatenate(rows, axis=2), np.concatenate(powers, axis=2).astype(int)


def exact(cell: Cell, rows: Rows, power: Powers, entry: Block | None) -> dict[Quantity, Logs]:
    """The norms of each block, all rows known."""
    N = rows.shape[-1]
    found = blocks(cell, rows, power, entry) | {"": Block(rows, power, N)}
    return named({suffix: norms(block) for suffix, block in found.items()}, "log10_norm")


def estimated(cell: Cell, rows: Rows, power: Powers, entry: Block | None) -> dict[Quantity, Logs]:
    """The norms of each block from random combinations of its rows, and their errors."""
    found = blocks(cell, rows, power, entry) | {"": combined(cell, rows, power)}
    values = {suffix: estimate(block) for suffix, block in found.items()}
    return named({s: v for s, (v, _) in values.items()}, "log10_norm") | named(
        {s: e for s, (_, e) in values.items()}, "error"
    )


def blocks(cell: Cell, rows: Rows, power: Powers, entry: Block | None) -> dict[str, Block]:
    """The blocks beside the joint one. The rows of the states stand one behind the other, equally many of each."""
    S, N = len(cell.states), rows.shape[-1]
    P, H = rows.shape[2] // S, N // S
    found = {}
    if S > 1:
        found["_hh"] = Block(rows[:, :, :P, :H], power[:, :, :P], H)
        found["_cc"] = Block(rows[:, :, -P:, -H:], power[:, :, -P:], H)
    if entry:
        found["_x"] = entry._replace(rows=entry.rows[:, :, :P], power=entry.power[:, :, :P])
    return found


def combined(cell: Cell, rows: Rows, power: Powers) -> Block:
    """A Gaussian vector on the joint state is the sum of one on each state."""
    M, B, P, N = rows.shape
    S = len(cell.states)
    level, top = aligned(rows, power)
    summed = level.reshape(M, B, S, P // S, N).sum(2)
    return Block(summed, np.broadcast_to(top[..., None], summed.shape[:3]), N)


def named(by_block: Mapping[str, tuple[Logs, Logs]], column: str) -> dict[Quantity, Logs]:
    """The Frobenius and the spectral norm of each block under their names."""
    return {
        Quantity(f"jacobian_{norm}{suffix}", "full", column): values
        for suffix, pair in by_block.items()
        for norm, values in zip(("fro", "spec"), pair, strict=True)
    }

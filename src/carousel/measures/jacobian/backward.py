"""Norms of the Jacobian of the joint state, d s_T / d s_t, by lag and in log space.

Rows of the Jacobian are adjoints: covectors on the last state are carried back in time as one adjoint is (see
adjoint.py), P of them a sequence, each with its own power of two. The matrix product of a step is so R^T times
H x (B P), and no step's Jacobian is ever formed. Up to EXACT numbers of state the covectors are the identity's rows
and the norms are exact to rounding. Above, they are Gaussian vectors, and the norms are estimates with an error.

Re-orthonormalising the vectors on the way would change no estimate: only their inner products at the end are read,
and what rounding loses of a vector that turns towards the others is lost from neither norm.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain

import numpy as np

from carousel.axes import Array, State
from carousel.engine.backends.backend import Backend
from carousel.engine.log_space import Logs, Scaled, rescale
from carousel.engine.recurrence import Step, chunk_length, flat
from carousel.engine.step_jacobian import Slopes, covectors_before, covectors_on_input
from carousel.engine.system import System
from carousel.measures.adjoint import Quantity
from carousel.measures.jacobian.blocks import estimated, known
from carousel.measures.jacobian.low_rank import REACH, Carried, Entered, fits, read, renewed, start
from carousel.measures.jacobian.norms import Block, Powers, Rows

EXACT = 256  # numbers of joint state up to which all rows are carried: h and c of 128 units
SAMPLES = 16  # Gaussian vectors a state above that: an error of 0.08 decades where one direction is left
PROBES = {"cpu": 2**15, "gpu": 2**23}
"""Numbers in one array of a widened step: what caches hold, what is worth a call. They change the last bits alone."""
FEW = 64  # numbers of joint state up to which all rows are carried even where that is not asked for
RUN = 16  # steps that compressed rows take between two divisions by a power of two
Found = tuple[int, dict[Quantity, Logs]]
Group = tuple[tuple[Array, ...], Array]  # a Scaled of scaled.py; the last group may hold fewer vectors


def jacobians(
    system: System,
    lags: set[int],
    rng: np.random.Generator | None = None,
    samples: int = SAMPLES,
    exact: bool = False,
    beside: bool = True,
) -> Iterator[tuple[int, dict[Quantity, Logs]]]:
    """log10 of the Frobenius and the spectral norm of the Jacobian [M B] at each of `lags`, from the end backwards.

    ``jacobian_fro`` and ``jacobian_spec``: d s_T / d s_{T-k} of all states stacked, at lag k, T steps in all.
    ``..._hh``: d h_T / d h_{T-k}, the other states held fixed; ``..._cc``: the same of the last state. A cell with one
    state has neither: they are the joint block.
    ``..._x``: d h_T / d x_{T-k+1}, by the input of the k-th step before the end: the last input has lag 1, none has
    lag 0, where these are left out. Without `beside` the joint norms alone, at half the cost.

    Up to FEW numbers of state, and with `exact` up to EXACT, from all rows, exact to rounding. In between from
    compressed rows (see compression.py), to 1e-3 bits; models whose product they do not fit are left to all rows.

    Above EXACT numbers of state: from `samples` Gaussian vectors a state, drawn from `rng`; the spectral norm is then
    a lower bound, and each norm has a twin in the column ``error``, its standard error in decades (see `estimate`).
    Raises ValueError where those need an `rng` or more than two `samples`.
    """
    system = system.effective()
    *_, xs, state = system
    length = chunk_length(xs, state)
    if exact or not system.backend.engine.compresses or not FEW < len(state) * state[0].shape[1] <= EXACT:
        yield from plain(system, lags, beside, length, covectors(state, rng, samples))
        return
    models = (guarded(part, lags, beside, length) for part in apart(system))
    for found in zip(*models, strict=True):
        lag, first = found[0]
        yield lag, {q: np.concatenate([logs[q] for _, logs in found]) for q in first} if found[1:] else first


def plain(
    system: System,
    lags: set[int],
    beside: bool,
    length: int,
    probes: Rows,
) -> Iterator[Found]:
    """The norms from `probes` carried back one by one."""
    backend, cell, *_ = system
    B, N = probes.shape[1], probes.shape[3]
    adjoints = [backend.rescale(d, False) for d in groups(backend, probes, len(cell.states))]
    norms = known if N <= EXACT else estimated
    if 0 in lags:
        yield 0, norms(cell, *gathered(backend, adjoints, B), None, beside)
    lag = 0
    for steps in system.chunks(length):
        for step in prepared(system, steps):
            lag += 1
            entry = inputs(system, step, adjoints) if beside and lag in lags else None
            adjoints = [back(system, step, scaled) for scaled in adjoints]
            if lag in lags:
                yield lag, norms(cell, *gathered(backend, adjoints, B), entry, beside)


def apart(system: System) -> Iterator[System]:
    """The models in parts that are carried together: one by one, unless a GPU has room for more."""
    M, H, B = system.state[0].shape
    N = len(system.state) * H
    size = max(1, PROBES["cpu" if system.backend.device == "cpu" else "gpu"] // (B * N * N))
    return (system.models(slice(m, m + size)) for m in range(0, M, size))


def guarded(system: System, lags: set[int], beside: bool, length: int) -> Iterator[Found]:
    """The norms from compressed rows, as far as their witnesses bear them out; from there on from all rows."""
    reached = -1
    for reached, found in compressed(system, lags, beside, length):
        yield reached, found
    left = {lag for lag in lags if reached < lag <= len(system.xs)}
    if left:
        yield from plain(system, left, beside, length, covectors(system.state, None, 0))


def compressed(
    system: System,
    lags: set[int],
    beside: bool,
    length: int,
) -> Iterator[Found]:
    """The norms from compressed rows, up to the lag at which they may not be trusted any more."""
    (M, H, B), S = system.state[0].shape, len(system.state)
    front, reach = start(M, B, S * H, S if beside else 1), REACH[system.backend.dtype]
    if 0 in lags:
        yield 0, read(front, [front.rows], [], reach)[0][0]
    for steps in system.chunks(length):
        for run in runs(steps):
            wanted = [k for k in range(1, len(run) + 1) if front.lag + k in lags]
            there = system.backend.slopes(system.cell, system.params, run)
            carry = partial(by_slopes, there) if there else by_vjp
            rows, entered, last = carry(system, run, front.rows, wanted, beside)
            found = read(front, rows, entered, reach)
            for k, (norms, trusted) in zip(wanted, found, strict=True):
                if not trusted:
                    return
                yield front.lag + k, norms
            if not fits(last, reach):
                return
            front = renewed(front, last, front.lag + len(run))


def prepared(system: System, steps: list[Step]) -> Iterator[Step]:
    """The steps, the last first, prepared RUN at a time."""
    return chain.from_iterable(map(system.prepared, runs(steps)))


def runs(steps: list[Step]) -> Iterator[list[Step]]:
    """The steps, the last first, RUN at a time."""
    backwards = steps[::-1]
    return (backwards[k : k + RUN] for k in range(0, len(backwards), RUN))


@np.errstate(over="ignore", invalid="ignore")
def by_slopes(
    there: Slopes,
    system: System,
    run: Sequence[Step],
    rows: Carried,
    wanted: Sequence[int],
    beside: bool,
) -> tuple[list[Carried], list[Entered], Carried]:
    """`rows` back through `run`: as they are after the `wanted` steps, those of h by these steps' inputs, the end."""
    _, cell, params, *_ = system
    (M, B, L, P, N), S = rows.shape, len(cell.states)
    d_state = rows.reshape(M, B, L * P, S, N // S)
    seen, entered = [], []
    for t in range(len(run)):
        d_state, parts = covectors_before(cell, params, there, t, d_state)
        if t + 1 in wanted:
            seen.append(d_state.reshape(rows.shape))
            if beside:
                entered.append(covectors_on_input(params, there, t, parts[:, :, :P]))
    return seen, entered, d_state.reshape(rows.shape)


def by_vjp(
    system: System,
    run: Sequence[Step],
    rows: Carried,
    wanted: Sequence[int],
    beside: bool,
) -> tuple[list[Carried], list[Entered], Carried]:
    """`rows` back through `run`, as `by_slopes` gives them, by the backend's own derivative of one step."""
    backend, cell, params, *_ = system
    M, B, L, P, N = rows.shape
    d_state = adjoint(backend, rows.reshape(M, B, L * P, N), len(cell.states))
    seen, entered = [], []
    for k, step in enumerate(system.prepared(run), start=1):
        wide = backend.widen(step, L * P)
        if beside and k in wanted:
            d_state, d_wx = system.error(wide, d_state)
            entered.append(rows_of(backend, (params.W.swapaxes(1, 2) @ flat(d_wx),), B)[:, :, :P])
        else:
            d_state = system.vjp(wide, d_state, system.full)
        if k in wanted:
            seen.append(rows_of(backend, d_state, B).reshape(rows.shape))
    return seen, entered, rows_of(backend, d_state, B).reshape(rows.shape)


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


def back(system: System, step: Step, scaled: Scaled) -> Scaled:
    """One step back in time for one group."""
    d_state, power = scaled
    wide = system.backend.widen(step, power.shape[-1] // step.x.shape[-1])
    return rescale(system.backend, system.vjp(wide, d_state, system.full), power)


def inputs(system: System, step: Step, adjoints: Sequence[Group]) -> Block:
    """The adjoints of the input of `step`, from those of the state after it: all rows."""
    backend, _, params, *_ = system
    entered = []
    for d_state, power in adjoints:
        wide = backend.widen(step, power.shape[-1] // step.x.shape[-1])
        _, d_wx = system.error(wide, d_state)
        entered.append(((params.W.swapaxes(1, 2) @ flat(d_wx),), power))
    rows, power = gathered(backend, entered, step.x.shape[-1])
    return Block(rows, power, min(d_state[0].shape[1], step.x.shape[1]))


def gathered(backend: Backend, adjoints: Sequence[Group], B: int) -> tuple[Rows, Powers]:
    """The rows of all groups of B sequences, and the power of each."""
    rows = [rows_of(backend, d_state, B) for d_state, _ in adjoints]
    powers = [rows_of(backend, (power,), B)[..., 0] for _, power in adjoints]
    return np.concatenate(rows, axis=2), np.concatenate(powers, axis=2).astype(int)

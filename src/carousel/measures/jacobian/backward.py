"""Norms of the Jacobian of the joint state, d s_T / d s_t, by lag and in log space.

Rows of the Jacobian are adjoints: covectors on the last state are carried back in time as one adjoint is, P of them
per sequence, each with its own power of two. The matrix product of a step is so R^T times H x (B P), and no step's
Jacobian is ever formed. Up to EXACT numbers of state the covectors are the identity's rows and the norms are exact to
rounding. Above, they are Gaussian vectors, and the norms are estimates with an error.

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
from carousel.engine.recurrence import Step, chunk_length, flat, state_size
from carousel.engine.step_jacobian import Slopes, covectors_before, covectors_on_input
from carousel.engine.system import System
from carousel.measures.adjoint import Quantity
from carousel.measures.jacobian.blocks import estimated_norms, exact_norms, places
from carousel.measures.jacobian.low_rank import (
    REACH,
    CompressedRows,
    InputRows,
    advanced,
    read,
    uncompressed,
    within_reach,
)
from carousel.measures.jacobian.norms import Block, Powers, Rows
from carousel.seeds import Normals

EXACT = 256  # numbers of joint state up to which all rows are carried: h and c of 128 units
SAMPLES = 16  # Gaussian vectors per state above that: an error of 0.08 decades where one direction is left
PROBES = {"cpu": 2**15, "gpu": 2**23}
"""Numbers in one array of a widened step: what caches hold, what is worth a call. They change the last bits alone."""
FEW = 64  # numbers of joint state up to which all rows are carried even where compressed ones would do
SEGMENT = 16  # steps that compressed rows take between two divisions by a power of two
AtLag = tuple[int, dict[Quantity, Logs]]
Group = tuple[tuple[Array, ...], Array]  # a Scaled; the last group may hold fewer vectors than the others


def jacobians(
    system: System,
    lags: set[int],
    rng: Normals | None = None,
    samples: int = SAMPLES,
    all_rows: bool = False,
    with_blocks: bool = True,
) -> Iterator[tuple[int, dict[Quantity, Logs]]]:
    """log10 of the Frobenius and the spectral norm of the Jacobian [M B] at each of `lags`, from the end backwards.

    ``jacobian_fro`` and ``jacobian_spec``: d s_T / d s_{T-k} of all states stacked, at lag k, T steps in all.
    ``..._hh``: d h_T / d h_{T-k}, the other states held fixed; ``..._cc``: the same of the last state. A cell with one
    state has neither: they are the joint block.
    ``..._x``: d h_T / d x_{T-k+1}, by the input of the k-th step before the end: the last input has lag 1, none has
    lag 0, where these are left out. Without `with_blocks` the joint norms alone, at half the cost.

    Up to FEW numbers of state, and with `all_rows` up to EXACT, from all rows, exact to rounding. In between from
    compressed rows (see low_rank.py), to 1e-3 bits, where the backend's engine compresses; where they cannot be
    trusted, or where the states are of different sizes, from all rows.

    Above EXACT numbers of state: from `samples` Gaussian vectors per state, drawn from `rng`; the spectral norm is
    then a lower bound, and each norm has a twin in the column ``error``, its standard error in decades (see
    `estimate`). Raises ValueError where those need an `rng` or more than two `samples`.
    """
    system = system.effective()
    *_, xs, state = system
    length, sizes = chunk_length(xs, state), sizes_of(state)
    compressible = FEW < sum(sizes) <= EXACT and len(set(sizes)) == 1
    if all_rows or not (system.engine.compresses and compressible):
        yield from from_all_rows(system, lags, with_blocks, length, covectors(state, rng, samples))
        return
    groups = (from_compressed_rows_first(group, lags, with_blocks, length) for group in model_groups(system))
    for by_group in zip(*groups, strict=True):
        lag, first = by_group[0]
        joined = {q: np.concatenate([logs[q] for _, logs in by_group]) for q in first}
        yield lag, joined if len(by_group) > 1 else first


def from_all_rows(
    system: System, lags: set[int], with_blocks: bool, length: int, probes: Rows
) -> Iterator[AtLag]:
    """The norms from `probes`, all carried back."""
    backend, *_, state = system
    B, sizes = probes.shape[1], sizes_of(state)
    adjoints = [backend.rescale(d, False) for d in row_groups(backend, probes, sizes)]
    norms = exact_norms if sum(sizes) <= EXACT else estimated_norms
    if 0 in lags:
        yield 0, norms(sizes, *joined_rows(backend, adjoints, B), None, with_blocks)
    lag = 0
    for steps in system.chunks(length):
        for step in prepared(system, steps):
            lag += 1
            input_block = input_rows(system, step, adjoints) if with_blocks and lag in lags else None
            adjoints = [step_back(system, step, scaled) for scaled in adjoints]
            if lag in lags:
                yield lag, norms(sizes, *joined_rows(backend, adjoints, B), input_block, with_blocks)


def model_groups(system: System) -> Iterator[System]:
    """The models in groups that are carried together: one by one, unless a GPU has room for more."""
    M, _, B = system.state[0].shape
    N = state_size(system.state)
    size = max(1, PROBES["cpu" if system.backend.device == "cpu" else "gpu"] // (B * N * N))
    return (system.models(slice(m, m + size)) for m in range(0, M, size))


def from_compressed_rows_first(
    system: System, lags: set[int], with_blocks: bool, length: int
) -> Iterator[AtLag]:
    """The norms from compressed rows up to the last lag at which they are trusted; from there on from all rows."""
    reached = -1
    for reached, norms in from_compressed_rows(system, lags, with_blocks, length):
        yield reached, norms
    left = {lag for lag in lags if reached < lag <= len(system.xs)}
    if left:
        yield from from_all_rows(system, left, with_blocks, length, covectors(system.state, None, 0))


def from_compressed_rows(system: System, lags: set[int], with_blocks: bool, length: int) -> Iterator[AtLag]:
    """The norms from compressed rows, up to the last lag at which they are trusted."""
    (M, H, B), S = system.state[0].shape, len(system.state)
    now, reach = uncompressed(M, B, S * H, S if with_blocks else 1), REACH[system.backend.dtype]
    if 0 in lags:
        yield 0, read(now, [now.rows], [], reach)[0][0]
    for steps in system.chunks(length):
        for segment in segments(steps):
            wanted = [k for k in range(1, len(segment) + 1) if now.lag + k in lags]
            slopes = system.backend.slopes(system.cell, system.params, segment)
            carry = partial(by_slopes, slopes) if slopes else by_vjp
            rows, on_input, last = carry(system, segment, now.rows, wanted, with_blocks)
            for k, (norms, trusted) in zip(wanted, read(now, rows, on_input, reach), strict=True):
                if not trusted:
                    return
                yield now.lag + k, norms
            if not within_reach(last, reach):
                return
            now = advanced(now, last, now.lag + len(segment))


def prepared(system: System, steps: list[Step]) -> Iterator[Step]:
    """The steps, the last first, prepared by segment."""
    return chain.from_iterable(map(system.prepared, segments(steps)))


def segments(steps: list[Step]) -> Iterator[list[Step]]:
    """The steps, the last first, SEGMENT at a time."""
    backwards = steps[::-1]
    return (backwards[k : k + SEGMENT] for k in range(0, len(backwards), SEGMENT))


@np.errstate(over="ignore", invalid="ignore")
def by_slopes(
    slopes: Slopes,
    system: System,
    segment: Sequence[Step],
    rows: CompressedRows,
    wanted: Sequence[int],
    with_blocks: bool,
) -> tuple[list[CompressedRows], list[InputRows], CompressedRows]:
    """`rows` carried back through `segment`, by hand-derived slopes.

    As they are after the `wanted` steps; with blocks, the rows of h by the inputs of these steps; and as they are at
    the end.
    """
    _, cell, params, *_ = system
    (M, B, L, P, N), S = rows.shape, len(cell.states)
    d_state = rows.reshape(M, B, L * P, S, N // S)
    at_lags, on_input = [], []
    for t in range(len(segment)):
        d_state, d_sources = covectors_before(cell, params, slopes, t, d_state)
        if t + 1 in wanted:
            at_lags.append(d_state.reshape(rows.shape))
            if with_blocks:
                on_input.append(covectors_on_input(params, slopes, t, d_sources[:, :, :P]))
    return at_lags, on_input, d_state.reshape(rows.shape)


def by_vjp(
    system: System,
    segment: Sequence[Step],
    rows: CompressedRows,
    wanted: Sequence[int],
    with_blocks: bool,
) -> tuple[list[CompressedRows], list[InputRows], CompressedRows]:
    """`rows` carried back through `segment`, by the backend's own derivative of one step; returns as `by_slopes`."""
    backend, _, params, *_ = system
    M, B, L, P, N = rows.shape
    d_state = adjoint(backend, rows.reshape(M, B, L * P, N), sizes_of(system.state))
    at_lags, on_input = [], []
    for k, step in enumerate(system.prepared(segment), start=1):
        wide = backend.widen(step, L * P)
        if with_blocks and k in wanted:
            d_state, d_wx = system.error(wide, d_state)
            on_input.append(rows_of(backend, (params.W.swapaxes(1, 2) @ flat(d_wx),), B)[:, :, :P])
        else:
            d_state = system.vjp(wide, d_state, system.full)
        if k in wanted:
            at_lags.append(rows_of(backend, d_state, B).reshape(rows.shape))
    return at_lags, on_input, rows_of(backend, d_state, B).reshape(rows.shape)


def covectors(state: State, rng: Normals | None, samples: int) -> Rows:
    """All unit vectors of the joint state, or `samples` Gaussian vectors on each state by itself."""
    (M, _, B), N = state[0].shape, state_size(state)
    if N <= EXACT:
        return np.broadcast_to(np.eye(N), (M, B, N, N))
    if rng is None or samples < 3:
        raise ValueError(f"{N} numbers of state: above {EXACT} an rng and three samples or more are needed")
    probes = np.zeros((M, B, len(state), samples, N))
    for s, own in enumerate(places(sizes_of(state))):
        probes[:, :, s, :, own] = rng.standard_normal((M, B, samples, state[s].shape[1]))
    return probes.reshape(M, B, len(state) * samples, N)


def sizes_of(state: State) -> tuple[int, ...]:
    """How many numbers each of the states has."""
    return tuple(s.shape[1] for s in state)


def row_groups(backend: Backend, probes: Rows, sizes: Sequence[int]) -> Iterator[State]:
    """`probes` as adjoints of states of these sizes, in groups that are carried together."""
    M, B, P, _ = probes.shape
    size = max(1, PROBES["cpu" if backend.device == "cpu" else "gpu"] // (M * B * max(sizes)))
    return (adjoint(backend, probes[:, :, p : p + size], sizes) for p in range(0, P, size))


def adjoint(backend: Backend, rows: Rows, sizes: Sequence[int]) -> State:
    """Rows as an adjoint of states of these sizes: columns b P .. b P + P - 1 belong to sequence b."""
    M, B, P, N = rows.shape
    columns = rows.reshape(M, B * P, N).swapaxes(1, 2)
    return tuple(backend.array(columns[:, own].copy()) for own in places(sizes))


def rows_of(backend: Backend, d_state: Sequence[Array], B: int) -> Rows:
    """An adjoint of B sequences as rows, the states one behind the other."""
    joined = np.concatenate([backend.numpy(d) for d in d_state], axis=1).astype(float)
    M, N, columns = joined.shape
    return joined.reshape(M, N, B, columns // B).transpose(0, 2, 3, 1)


def step_back(system: System, step: Step, scaled: Scaled) -> Scaled:
    """A group of rows one step further back."""
    d_state, power = scaled
    wide = system.backend.widen(step, power.shape[-1] // step.x.shape[-1])
    return rescale(system.backend, system.vjp(wide, d_state, system.full), power)


def input_rows(system: System, step: Step, adjoints: Sequence[Group]) -> Block:
    """The rows by the input of `step`, from those of all groups by the state after it."""
    backend, _, params, *_ = system
    by_group = []
    for d_state, power in adjoints:
        wide = backend.widen(step, power.shape[-1] // step.x.shape[-1])
        _, d_wx = system.error(wide, d_state)
        by_group.append(((params.W.swapaxes(1, 2) @ flat(d_wx),), power))
    rows, power = joined_rows(backend, by_group, step.x.shape[-1])
    return Block(rows, power, min(d_state[0].shape[1], step.x.shape[1]))


def joined_rows(backend: Backend, adjoints: Sequence[Group], B: int) -> tuple[Rows, Powers]:
    """The rows of all groups of B sequences, and the power of each."""
    rows = [rows_of(backend, d_state, B) for d_state, _ in adjoints]
    powers = [rows_of(backend, (power,), B)[..., 0] for _, power in adjoints]
    return np.concatenate(rows, axis=2), np.concatenate(powers, axis=2).astype(int)

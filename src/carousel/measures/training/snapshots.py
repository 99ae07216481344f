"""A network on its way through training, measured again on the task's own sequences."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from carousel.axes import Array, Series, State
from carousel.cells import CELLS, Cell
from carousel.engine.backends.backend import Backend, Model, Targets, leaves
from carousel.engine.recurrence import PATHS
from carousel.engine.system import System
from carousel.measures import dynamics as dynamical
from carousel.measures.adjoint import gradient_by_lag
from carousel.measures.gates import Summary, gate_statistics
from carousel.measures.jacobian.backward import jacobians
from carousel.measures.lyapunov.spectrum import spectrum
from carousel.measures.rows import rows
from carousel.seeds import Streams
from carousel.study.models import Setting, masked, model_streams, recorded
from carousel.study.slices import TrainingSlice
from carousel.tables.stacking import concat

EXPONENTS = 32  # of a state too large for all of them


class Snapshot(NamedTuple):
    """A batch of models at one step of training, and the test sequences that they are measured on."""

    backend: Backend
    cell: Cell
    model: Model
    xs: Series
    state: State
    targets: Targets
    lags: set[int]
    stream: Callable[[str], Streams]  # by role, for vectors drawn at random
    sequences: int  # those that Jacobians and exponents are measured on

    @property
    def system(self) -> System:
        """What a measurement of the driven network starts from."""
        return System(self.backend, self.cell, self.model.params, self.xs, self.state)

    @property
    def few(self) -> System:
        """What a measurement on the first `sequences` alone starts from."""
        return self.system.sequences(slice(self.sequences))


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # what overflows is counted in the rows
def measure(
    backend: Backend,
    seed: int,
    settings: Sequence[Setting],
    slice_: TrainingSlice,
    model: Model,
    x: Series,
    targets: Targets,
    active: Bool[np.ndarray, " M"] | None = None,
    **trained: Any,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of the decay and of the dynamics table; either has none where `slice_.measures` asks for none.

    Of the models that are `active`, or of all if nothing is said; but all are measured together.
    """
    active = np.ones(len(settings), bool) if active is None else active
    n, cell = slice_.batch, CELLS[settings[0].cell]
    snapshot = Snapshot(
        backend,
        cell,
        model,
        x[..., :n],
        zero_state(backend, settings, n),
        Targets(targets.target[..., :n], targets.weight[..., :n], targets.loss),
        recorded(settings[0].length, slice_.lags_per_octave),
        partial(model_streams, seed, settings=settings),
        slice_.sequences,
    )
    decays = [
        rows_of(
            rows(backend, slice_.slice, settings, BY_LAG[name](snapshot), **trained, input_size=x.shape[2]),
            active,
        )
        for name in slice_.measures
        if name in BY_LAG
    ]
    summaries = [
        summary for name in slice_.measures if name in SUMMARIES for summary in SUMMARIES[name](snapshot)
    ]
    dynamics = rows_of(dynamical.rows(backend, slice_.slice, settings, summaries, **trained), active)
    return concat(decays) if decays else pd.DataFrame(), dynamics


def rows_of(frame: pd.DataFrame, active: Bool[np.ndarray, " M"]) -> pd.DataFrame:
    """The rows of the models that are `active`, of a frame that has equally many of each, one model after the other."""
    return frame if active.all() else frame[np.repeat(active, len(frame) // len(active))]


def zero_state(backend: Backend, settings: Sequence[Setting], n: int) -> tuple[Array, ...]:
    """The state before a task's first step: zero, as is usual."""
    sizes = CELLS[settings[0].cell].state_sizes(settings[0].hidden)
    return tuple(backend.array(np.zeros((len(settings), size, n))) for size in sizes)


def gradient(snapshot: Snapshot) -> Iterator[Any]:
    """The decay of the task's own loss gradient, each sequence's scaled to norm 1.

    The loss is that of the last step's answer alone: losses at every step would inject error at every lag. A
    sequence whose loss gradient is exactly zero stays zero at every lag, lag 0 included.
    """
    backend, cell, model, xs, state, targets, lags, *_ = snapshot
    error = backend.output_error(cell, model, xs, state, targets).astype(float)
    norm = np.linalg.norm(error, axis=1, keepdims=True)
    v = backend.array(error / np.where(norm > 0, norm, 1))
    return gradient_by_lag(snapshot.system, v, lags)


def jacobian(snapshot: Snapshot) -> Iterator[Any]:
    """Norms of the joint Jacobian and its blocks."""
    return jacobians(snapshot.few, snapshot.lags, snapshot.stream("probes"))


def gates(snapshot: Snapshot) -> list[Summary]:
    """Gates, and the factors where error enters and leaves the cell."""
    return gate_statistics(snapshot.system)


def exponents(snapshot: Snapshot) -> list[Summary]:
    """Growth rates over the sequence; those of a quarter of it at either end do not count.

    A task's sequence is short and not stationary: these are exponents of finite time.
    """
    return dynamical.exponents(
        spectrum(snapshot.few, len(snapshot.xs) // 4, EXPONENTS, snapshot.stream("tangent"))
    )


def truncation(snapshot: Snapshot) -> list[Summary]:
    """What the truncation of 1997 leaves of the gradient by all parameters: its cosine with the full one, and log10 of
    the ratio of their norms."""
    full, truncated = (
        flat(snapshot.backend, parameter_gradient(snapshot, path)) for path in ("full", "truncated")
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        norms = [np.linalg.norm(g, axis=1) for g in (full, truncated)]
        cosine = (full * truncated).sum(1) / (norms[0] * norms[1])
        ratio = np.log10(norms[1] / norms[0])
    return [each(name, value) for name, value in (("truncated_cosine", cosine), ("truncated_norm", ratio))]


def parameter_gradient(snapshot: Snapshot, path: str) -> Model:
    """The gradient that would train on the test sequences."""
    by = snapshot.backend.gradient(*snapshot[1:6], PATHS[path](snapshot.cell)).model
    return by._replace(params=masked(snapshot.backend, snapshot.cell, by.params))


def flat(backend: Backend, model: Model) -> Float[np.ndarray, "M N"]:
    """All numbers of each model in a row, in float64."""
    arrays = [backend.numpy(a).astype(float) for a in leaves(model)]
    return np.concatenate([a.reshape(len(a), -1) for a in arrays], axis=1)


def each(name: str, value: Float[np.ndarray, " M"]) -> Summary:
    """One number per model, as a summary."""
    return dynamical.single(
        name, "all", np.zeros(1, int), value[:, None], np.full((len(value), 1), np.nan), 1
    )


BY_LAG: dict[str, Callable[[Snapshot], Iterator[Any]]] = {"gradient": gradient, "jacobian": jacobian}
SUMMARIES: dict[str, Callable[[Snapshot], list[Summary]]] = {
    "gates": gates,
    "exponents": exponents,
    "truncation": truncation,
}

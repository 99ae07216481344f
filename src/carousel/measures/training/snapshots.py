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
from carousel.study.models import Setting, block_stream, masked, recorded
from carousel.study.slices import TrainingSlice
from carousel.tables.stacking import concat

EXPONENTS = 32  # of a state too large for all of them


class Taken(NamedTuple):
    """A block of models at one step of training, and the test sequences that they are measured on."""

    backend: Backend
    cell: Cell
    model: Model
    xs: Series
    state: State
    asked: Targets
    lags: set[int]
    stream: Callable[[str], np.random.Generator]  # by role, for vectors drawn at random
    sequences: int  # those that Jacobians and exponents are measured on

    @property
    def system(self) -> System:
        """What a measurement of the driven network starts from."""
        return System(self.backend, self.cell, self.model.params, self.xs, self.state)

    @property
    def few(self) -> System:
        """What a measurement on the first `sequences` alone starts from."""
        return self.system.sequences(slice(self.sequences))


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # what overflows is told in the rows
def measure(
    backend: Backend,
    seed: int,
    block: Sequence[Setting],
    part: TrainingSlice,
    model: Model,
    x: Series,
    asked: Targets,
    going: Bool[np.ndarray, " M"] | None = None,
    **trained: Any,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of the decay and of the dynamics table; either has none where `part.measures` asks for none.

    Of the models that are `going`, or of all if nothing is said; but all are measured together.
    """
    going = np.ones(len(block), bool) if going is None else going
    n, cell = part.batch, CELLS[block[0].cell]
    taken = Taken(
        backend,
        cell,
        model,
        x[..., :n],
        zero_state(backend, block, n),
        Targets(asked.target[..., :n], asked.weight[..., :n], asked.loss),
        recorded(block[0].length, part.lags_per_octave),
        partial(block_stream, seed, block=block),
        part.sequences,
    )
    fed = {"input_size": x.shape[2], "input_scale": np.nan}
    decays = [
        kept(rows(backend, part.slice, block, BY_LAG[name](taken), **trained, **fed), going)
        for name in part.measures
        if name in BY_LAG
    ]
    found = [summary for name in part.measures if name in SUMMARIES for summary in SUMMARIES[name](taken)]
    dynamics = kept(dynamical.rows(backend, part.slice, block, found, **trained), going)
    return concat(decays) if decays else pd.DataFrame(), dynamics


def kept(frame: pd.DataFrame, going: Bool[np.ndarray, " M"]) -> pd.DataFrame:
    """The rows of the models that are `going`, of a frame that has equally many of each, one model after the other."""
    return frame if going.all() else frame[np.repeat(going, len(frame) // len(going))]


def zero_state(backend: Backend, block: Sequence[Setting], n: int) -> tuple[Array, ...]:
    """The state before a task's first step: zero, as is usual."""
    zero = np.zeros((len(block), block[0].hidden, n))
    return tuple(backend.array(zero) for _ in CELLS[block[0].cell].states)


def gradient(taken: Taken) -> Iterator[Any]:
    """The decay of the task's own loss gradient, each sequence's scaled to norm 1.

    The loss is that of the last step's answer alone: losses at every step would inject error at every lag. A
    sequence whose loss gradient is exactly zero stays zero at every lag, lag 0 included.
    """
    backend, cell, model, xs, state, asked, lags, *_ = taken
    error = backend.output_error(cell, model, xs, state, asked).astype(float)
    norm = np.linalg.norm(error, axis=1, keepdims=True)
    v = backend.array(error / np.where(norm > 0, norm, 1))
    return gradient_by_lag(taken.system, v, lags)


def jacobian(taken: Taken) -> Iterator[Any]:
    """Norms of the joint Jacobian and its blocks."""
    return jacobians(taken.few, taken.lags, taken.stream("probes"))


def gates(taken: Taken) -> list[Summary]:
    """Gates, and the factors where error enters and leaves the cell."""
    return gate_statistics(taken.system)


def exponents(taken: Taken) -> list[Summary]:
    """Growth rates over the sequence; those of a quarter of it at either end do not count.

    A task's sequence is short and not stationary: these are exponents of finite time.
    """
    return dynamical.exponents(spectrum(taken.few, len(taken.xs) // 4, EXPONENTS, taken.stream("tangent")))


def truncation(taken: Taken) -> list[Summary]:
    """What the scheme of 1997 leaves of the gradient by all parameters: its cosine with the full one, and log10 of
    the ratio of their norms."""
    full, cut = (flat(taken.backend, parameter_gradient(taken, path)) for path in ("full", "truncated"))
    with np.errstate(divide="ignore", invalid="ignore"):
        norms = [np.linalg.norm(g, axis=1) for g in (full, cut)]
        cosine = (full * cut).sum(1) / (norms[0] * norms[1])
        ratio = np.log10(norms[1] / norms[0])
    return [each(name, value) for name, value in (("truncated_cosine", cosine), ("truncated_norm", ratio))]


def parameter_gradient(taken: Taken, path: str) -> Model:
    """The gradient that would train on the test sequences."""
    by = taken.backend.gradient(*taken[1:6], PATHS[path](taken.cell)).model
    return by._replace(params=masked(taken.backend, taken.cell, by.params))


def flat(backend: Backend, model: Model) -> Float[np.ndarray, "M N"]:
    """All numbers of each model in a row, in float64."""
    arrays = [backend.numpy(a).astype(float) for a in leaves(model)]
    return np.concatenate([a.reshape(len(a), -1) for a in arrays], axis=1)


def each(name: str, value: Float[np.ndarray, " M"]) -> Summary:
    """One number a model."""
    return dynamical.single(
        name, "all", np.zeros(1, int), value[:, None], np.full((len(value), 1), np.nan), 1
    )


BY_LAG: dict[str, Callable[[Taken], Iterator[Any]]] = {"gradient": gradient, "jacobian": jacobian}
SUMMARIES: dict[str, Callable[[Taken], list[Summary]]] = {
    "gates": gates,
    "exponents": exponents,
    "truncation": truncation,
}

"""Gradient decay at initialisation: settings of one cell in, rows of the decay table out."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from carousel.adjoint import Logs, Quantity, walk
from carousel.backends import Backend
from carousel.cells import CELLS, Params
from carousel.inits import draw
from carousel.jacobian import jacobians
from carousel.seeds import generator
from carousel.store import concat
from carousel.study import AnySlice, DecaySlice, DynamicsSlice, TrainingSlice

STATES = 2**14  # numbers in one state array of a block of models, and
WEIGHTS = 2**16  # in one gate's R of all its models: enough to keep calls few, few enough for the caches
# NumPy's results do not depend on either, torch's in the last bits alone (its vector loops have tails).
COLUMNS = (
    "backend device dtype slice cell init gain forget_bias bias hidden length repetition trained step gradient "
    "input_size input_scale quantity path lag log10_norm n_zero n cosine error"
).split()
CATEGORIES = "backend device dtype slice cell init forget_bias trained gradient quantity path".split()


@dataclass(frozen=True)
class Setting:
    """One model: everything that its weights depend on."""

    cell: str
    init: str
    gain: float
    forget_bias: str
    bias: float
    hidden: int
    length: int
    repetition: int


def forget_bias_name(value: float | str, cell: str) -> str:
    """The column's text: "none" for a cell without forget gate, else "chrono" or the number, to its last digit."""
    if CELLS[cell].forget is None:
        return "none"
    return value if isinstance(value, str) else repr(float(value)).removesuffix(".0")


def settings(part: AnySlice, cell: str) -> list[Setting]:
    """The settings of one cell in a slice of a study, in the order in which they are measured."""
    biases = (0.0,) if isinstance(part, TrainingSlice) else part.biases
    forget_biases = dict.fromkeys(forget_bias_name(value, cell) for value in part.forget_biases)
    axes = product(
        part.hidden, part.lengths, part.inits, part.gains, forget_biases, biases, range(part.repetitions)
    )
    return [Setting(cell, init, g, f, b, hidden, T, r) for hidden, T, init, g, f, b, r in axes]


def blocks(all_settings: Sequence[Setting], batch: int) -> Iterator[list[Setting]]:
    """`all_settings` in groups that run as one: same shape, few enough for the caches."""
    shapes = dict.fromkeys((s.hidden, s.length) for s in all_settings)
    for hidden, length in shapes:
        same = [s for s in all_settings if (s.hidden, s.length) == (hidden, length)]
        size = max(1, min(STATES // (hidden * batch), WEIGHTS // hidden**2))
        yield from (same[start : start + size] for start in range(0, len(same), size))


def weights(seed: int, setting: Setting, inputs: int) -> Params:
    """The parameters of one model; seeded by init, size and repetition alone."""
    s = setting
    return draw(
        s.init,
        CELLS[s.cell],
        lambda role: generator(seed, "weights", s.init, s.hidden, inputs, s.repetition, role),
        H=s.hidden,
        D=inputs,
        gain=s.gain,
        forget_bias=s.forget_bias,
        bias=s.bias,
        length=s.length,
    )


def stack(params: Sequence[Params]) -> Params:
    """One model after the other along the model axis."""
    W, R, b, p = zip(*params, strict=True)
    joined = {name: np.concatenate([each[name] for each in p]) for name in p[0]}
    return Params(np.concatenate(W), np.concatenate(R), np.concatenate(b), joined)


def on_backend(backend: Backend, params: Params) -> Params:
    """`params` as the backend's arrays."""
    W, R, b = map(backend.array, params[:3])
    return Params(W, R, b, {name: backend.array(value) for name, value in params.p.items()})


def initial_state(seed: int, block: Sequence[Setting], batch: int, scale: float) -> list[np.ndarray]:
    """Gaussian initial states [M H B], their size where a state is never negative.

    Seeded by size and repetition, one stream a state.
    """
    cell = CELLS[block[0].cell]

    def drawn(name: str, s: Setting) -> np.ndarray:
        rng = generator(seed, "state", name, s.hidden, s.repetition)
        values = scale * rng.standard_normal((s.hidden, batch))
        return abs(values) if name in cell.positive else values

    return [np.stack([drawn(name, s) for s in block]) for name in cell.states]


def noise(seed: int, setting: Setting, part: DecaySlice | DynamicsSlice) -> np.ndarray:
    """White Gaussian input [T D B]; seeded by length and repetition."""
    rng = generator(seed, "noise", setting.length, setting.repetition)
    return part.input_scale * rng.standard_normal((setting.length, part.input_size, part.batch))


def covector(seed: int, setting: Setting, batch: int) -> np.ndarray:
    """A random direction [H B] of norm 1 per sequence: the loss is its product with the last h."""
    rng = generator(seed, "covector", setting.hidden, setting.length, setting.repetition)
    v = rng.standard_normal((setting.hidden, batch))
    return v / np.linalg.norm(v, axis=0)


def recorded(length: int, per_octave: int) -> set[int]:
    """The lags to record: all up to twice `per_octave`, then so many a doubling; 0: every lag."""
    if per_octave == 0:
        return set(range(length + 1))
    octaves = np.log2(max(length, 1) / (2 * per_octave))
    later = 2 * per_octave * 2 ** (np.arange(max(0, int(octaves * per_octave)) + 1) / per_octave)
    lags = {*range(min(2 * per_octave, length) + 1), *np.rint(later).astype(int).tolist(), length}
    return {lag for lag in lags if lag <= length}


def measure(backend: Backend, seed: int, block: Sequence[Setting], part: DecaySlice) -> pd.DataFrame:
    """The rows of a block of settings of one cell, size and length."""
    xs = np.stack([noise(seed, s, part) for s in block], axis=1)
    system = (
        backend,
        CELLS[block[0].cell],
        on_backend(backend, stack([weights(seed, s, part.input_size) for s in block])),
        backend.array(xs),
        tuple(map(backend.array, initial_state(seed, block, part.batch, part.state_scale))),
    )
    lags = recorded(block[0].length, part.lags_per_octave)
    found = {
        "gradient": lambda: walk(*system, backend.array(covectors(seed, block, part.batch)), lags),
        "jacobian": lambda: jacobians(*system, lags, probes(seed, block)),
    }
    about = {"input_size": part.input_size, "input_scale": part.input_scale}
    tables = [
        rows(backend, part.slice, block, found[name](), trained="no", step=0, gradient="none", **about)
        for name in part.measures
    ]
    return tables[0] if len(tables) == 1 else concat(tables)


def covectors(seed: int, block: Sequence[Setting], batch: int) -> Float[np.ndarray, "M H B"]:
    """One a model and sequence."""
    return np.stack([covector(seed, s, batch) for s in block])


def probes(seed: int, block: Sequence[Setting]) -> np.random.Generator:
    """The stream of the random vectors that measure a state too large for all its directions."""
    return generator(seed, "probes", *(part for s in block for part in (s.hidden, s.length, s.repetition)))


def rows(
    backend: Backend,
    name: str,
    block: Sequence[Setting],
    logs: Iterator[tuple[int, dict[Quantity, Logs]]],
    **trained: Any,
) -> pd.DataFrame:
    """The decay table of a block: per model, quantity, path and lag the mean over sequences of log10.

    ``error`` is the standard error of that mean where the logs are estimates, and 0 where they are exact.
    ``cosine`` is NaN but for the joint state's gradient: the mean cosine with the full one. ``input_scale`` is NaN
    for the input of a task.
    """
    by_lag = dict(logs)
    lags = sorted(by_lag)
    quantities = dict.fromkeys(q for k in lags for q in by_lag[k] if q.column == "log10_norm")
    found = [(q, k) for q in quantities for k in lags if q in by_lag[k]]
    summaries = np.array([summaries_of(by_lag[k], q) for q, k in found])  # [K 5 M]
    mean, zeros, n, cosine, error = summaries.transpose(1, 2, 0).reshape(5, -1)
    row = np.tile(np.arange(len(found)), len(block))
    frame = labels(backend, name, block, np.repeat(np.arange(len(block)), len(found))).assign(
        quantity=np.array([q.name for q, _ in found])[row],
        path=np.array([q.path for q, _ in found])[row],
        lag=np.array([k for _, k in found])[row],
        log10_norm=mean,
        n_zero=zeros.astype(int),
        n=n.astype(int),
        cosine=cosine,
        error=error,
        **trained,
    )
    return frame[COLUMNS].astype(dict.fromkeys(CATEGORIES, "category"))


def labels(backend: Backend, name: str, block: Sequence[Setting], model: np.ndarray) -> pd.DataFrame:
    """The columns that say what was measured, a row for each entry of `model`, which counts in `block`."""
    frame = pd.DataFrame([asdict(setting) for setting in block]).iloc[model].reset_index(drop=True)
    return frame.assign(backend=backend.name, device=backend.device, dtype=backend.dtype, slice=name)


def summaries_of(logs: dict[Quantity, Logs], quantity: Quantity) -> list[np.ndarray]:
    """The numbers of one row, per model: those of `summary`, the mean cosine, and the standard error."""
    values, models = logs[quantity], len(logs[quantity])
    cosine, error = (logs.get(quantity._replace(column=name)) for name in ("cosine", "error"))
    return [
        *summary(values),
        np.full(models, np.nan) if cosine is None else mean_of(cosine),
        np.zeros(models) if error is None else mean_error(error, ~np.isneginf(values)),
    ]


def mean_of(values: Logs) -> np.ndarray:
    """Per model: the mean of the values that are not NaN; NaN where all are."""
    there = ~np.isnan(values)
    total, count = np.where(there, values, 0.0).sum(1), there.sum(1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def mean_error(errors: Logs, counted: np.ndarray) -> np.ndarray:
    """Per model: the standard error of the mean of independent estimates, of those that are counted."""
    return np.sqrt(np.where(counted, np.square(errors), 0.0).sum(1)) / np.maximum(counted.sum(1), 1)


def summary(logs: Logs) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per model: the mean of the logs that are not of an exact zero, the number of zeros, and of all."""
    zero = np.isneginf(logs)
    count = (~zero).sum(1)
    total = np.where(zero, 0.0, logs).sum(1)
    mean = np.where(count > 0, total / np.maximum(count, 1), -np.inf)
    return mean, zero.sum(1), np.full(len(logs), logs.shape[1])


def slice_blocks(part: AnySlice, cell: str) -> list[list[Setting]]:
    """The blocks of one cell in a slice of a study."""
    return list(blocks(settings(part, cell), part.batch))

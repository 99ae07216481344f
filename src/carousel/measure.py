"""Gradient decay at initialisation: settings of one cell in, rows of the decay table out."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from carousel.adjoint import Logs, Quantity, walk
from carousel.backends import Backend
from carousel.cells import CELLS, Params
from carousel.inits import draw
from carousel.seeds import generator
from carousel.study import DecaySlice, TrainingSlice

STATES = 2**14  # numbers in one state array of a block of models, and
WEIGHTS = 2**16  # in one gate's R of all its models: enough to keep calls few, few enough for the caches
# NumPy's results do not depend on either, torch's in the last bits alone (its vector loops have tails).
COLUMNS = (
    "backend device dtype slice cell init gain forget_bias bias hidden length repetition trained step gradient "
    "quantity path lag log10_norm n_zero n"
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


def settings(part: DecaySlice | TrainingSlice, cell: str) -> list[Setting]:
    """The settings of one cell in a slice of a study, in the order in which they are measured."""
    biases = part.biases if isinstance(part, DecaySlice) else (0.0,)
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
    """Gaussian initial states [M H B]; seeded by size and repetition, one stream a state."""
    states = CELLS[block[0].cell].states
    return [
        np.stack(
            [
                scale
                * generator(seed, "state", name, s.hidden, s.repetition).standard_normal((s.hidden, batch))
                for s in block
            ]
        )
        for name in states
    ]


def noise(seed: int, setting: Setting, part: DecaySlice) -> np.ndarray:
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
    cell, lags = CELLS[block[0].cell], recorded(block[0].length, part.lags_per_octave)
    xs = np.stack([noise(seed, s, part) for s in block], axis=1)
    v = np.stack([covector(seed, s, part.batch) for s in block])
    logs = walk(
        backend,
        cell,
        on_backend(backend, stack([weights(seed, s, part.input_size) for s in block])),
        backend.array(xs),
        tuple(map(backend.array, initial_state(seed, block, part.batch, part.state_scale))),
        backend.array(v),
        lags,
    )
    return rows(backend, part.slice, block, logs, trained="no", step=0, gradient="none")


def rows(
    backend: Backend,
    name: str,
    block: Sequence[Setting],
    logs: Iterator[tuple[int, dict[Quantity, Logs]]],
    **trained: Any,
) -> pd.DataFrame:
    """The decay table of a block: per model, quantity, path and lag the mean over sequences of log10."""
    by_lag = dict(logs)
    lags, quantities = sorted(by_lag), list(next(iter(by_lag.values())))
    shape = len(block), len(quantities), len(lags)
    model, quantity, lag = (axis.ravel() for axis in np.indices(shape))
    summaries = np.array([[summary(by_lag[k][q]) for q in quantities] for k in lags])  # [L Q 3 M]
    mean, zeros, n = summaries.transpose(2, 3, 1, 0).reshape(3, -1)
    frame = pd.DataFrame([asdict(setting) for setting in block]).iloc[model].reset_index(drop=True)
    frame = frame.assign(
        backend=backend.name,
        device=backend.device,
        dtype=backend.dtype,
        slice=name,
        quantity=np.array([q.name for q in quantities])[quantity],
        path=np.array([q.path for q in quantities])[quantity],
        lag=np.array(lags)[lag],
        log10_norm=mean,
        n_zero=zeros.astype(int),
        n=n.astype(int),
        **trained,
    )
    return frame[COLUMNS].astype(dict.fromkeys(CATEGORIES, "category"))


def summary(logs: Logs) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per model: the mean of the logs that are not of an exact zero, the number of zeros, and of all."""
    zero = np.isneginf(logs)
    count = (~zero).sum(1)
    total = np.where(zero, 0.0, logs).sum(1)
    mean = np.where(count > 0, total / np.maximum(count, 1), -np.inf)
    return mean, zero.sum(1), np.full(len(logs), logs.shape[1])


def slice_blocks(part: DecaySlice | TrainingSlice, cell: str) -> list[list[Setting]]:
    """The blocks of one cell in a slice of a study."""
    return list(blocks(settings(part, cell), part.batch))

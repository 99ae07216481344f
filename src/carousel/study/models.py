"""A slice of a study as single models: their settings, weights, states, inputs and covectors, and the lags."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from jaxtyping import Float

from carousel.axes import LAGS, TASK_DRIVE, UNIT_DRIVE
from carousel.cells import CELLS, Cell, Params
from carousel.engine.backends.backend import Backend
from carousel.engine.system import System
from carousel.inits import DEFAULT, Rows, Stream, draw, library_forget_bias, rows_by_gate
from carousel.seeds import Streams, generator
from carousel.study.errors import StudyError
from carousel.study.slices import AnySlice, NoisySlice, TrainingSlice

STATES = 2**14  # numbers in one state array of a batch of models, and
WEIGHTS = 2**16  # in one gate's R of all its models: enough to keep calls few, few enough for the caches
# NumPy's results do not depend on either, torch's in the last bits alone (its vector loops have tails).
KEPT, NARROW = (
    256,
    64,
)  # so many models' draws are kept, of so many units at most: models differ in gain and biases more
# often than in what is drawn


@dataclass(frozen=True)
class Setting:
    """One model: everything that its weights and its input depend on.

    `drive` is the variance that the input gives to a unit's net input, as text; "unit" for inputs of standard deviation
    one, whatever the weights; "task" for those of a task.
    """

    cell: str
    init: str
    gain: float
    forget_bias: str
    bias: float
    drive: str
    hidden: int
    length: int
    repetition: int


def forget_bias_of(cell: str, init: str, forget_bias: str) -> str:
    """`forget_bias`, or the number that default stands for, or "none" for a cell without forget gate."""
    if CELLS[cell].forget is None:
        return "none"
    return library_forget_bias(init, cell) if forget_bias == DEFAULT else forget_bias


def repetitions_on(backend: str, slice_: AnySlice, exact: bool = False) -> int:
    """How many repetitions a backend measures: the first that a slice lists all of them, the others the `checked` ones.

    If all is to be `exact`, each of them all.
    """
    return slice_.repetitions if exact or backend == slice_.backends[0] else slice_.checked


def settings_of(slice_: AnySlice, cell: str, backend: str, exact: bool = False) -> list[Setting]:
    """The settings of one cell in a slice of a study on one backend, in the order in which they are measured."""
    biases = (0.0,) if isinstance(slice_, TrainingSlice) else slice_.biases
    drives = (TASK_DRIVE,) if isinstance(slice_, TrainingSlice) else slice_.drives
    axes = product(
        slice_.hidden,
        slice_.lengths,
        slice_.inits,
        slice_.gains,
        slice_.forget_biases,
        biases,
        drives,
        range(repetitions_on(backend, slice_, exact)),
    )
    settings = (
        Setting(cell, init, g, forget_bias_of(cell, init, f), b, drive, hidden, T, r)
        for hidden, T, init, g, f, b, drive, r in axes
    )
    return list(dict.fromkeys(settings))


def batches(settings: Sequence[Setting], sequences: int) -> Iterator[list[Setting]]:
    """`settings` in batches of models that run as one: same shape, few enough for the caches.

    `sequences` is how many of them drive each model.
    """
    shapes = dict.fromkeys((s.cell, s.hidden, s.length) for s in settings)
    for cell, hidden, length in shapes:
        same = [s for s in settings if (s.cell, s.hidden, s.length) == (cell, hidden, length)]
        largest = max(CELLS[cell].state_sizes(hidden))
        size = max(1, min(STATES // (largest * sequences), WEIGHTS // hidden**2))
        yield from (same[start : start + size] for start in range(0, len(same), size))


def weights(seed: int, setting: Setting, inputs: int, layer: int = 0) -> Params:
    """The parameters of one model, or of a further layer on top of it; seeded by init, size and repetition alone."""
    s = setting
    drawn = seed, s.init, s.hidden, inputs, s.repetition, layer
    rows = gates_kept if s.hidden <= NARROW else gates
    return draw(
        s.init,
        CELLS[s.cell],
        stream(*drawn),
        H=s.hidden,
        D=inputs,
        gain=s.gain,
        forget_bias=s.forget_bias,
        bias=s.bias,
        length=s.length,
        rows=rows(s.cell, *drawn),
    )


def stream(seed: int, init: str, hidden: int, inputs: int, repetition: int, layer: int) -> Stream:
    """The generators of a model's weights, by role."""
    return lambda role: generator(seed, "weights", init, hidden, inputs, repetition, role, *further(layer))


def gates(cell: str, seed: int, init: str, hidden: int, inputs: int, *rest: int) -> dict[str, Rows]:
    """What is drawn for each gate of a cell, whatever its gain and biases are."""
    return rows_by_gate(init, CELLS[cell], stream(seed, init, hidden, inputs, *rest), hidden, inputs)


gates_kept = lru_cache(KEPT)(gates)


def stack(params: Sequence[Params]) -> Params:
    """One model after the other along the model axis."""
    W, R, b, p = zip(*params, strict=True)
    joined = {name: np.concatenate([each[name] for each in p]) for name in p[0]}
    return Params(np.concatenate(W), np.concatenate(R), np.concatenate(b), joined)


def on_backend(backend: Backend, params: Params) -> Params:
    """`params` as the backend's arrays."""
    W, R, b = map(backend.array, params[:3])
    return Params(W, R, b, {name: backend.array(value) for name, value in params.p.items()})


def masked(backend: Backend, cell: Cell, gradient: Params) -> Params:
    """`gradient` without the blocks of W and R that are masked: they are zero and stay so."""
    if not cell.masked_blocks:
        return gradient
    H = gradient.W.shape[1] // len(cell.gates)
    W, R = (np.ones(matrix.shape[1:]) for matrix in gradient[:2])
    for gate, source in cell.masked_blocks:
        rows = cell.gates.index(gate) * H + np.arange(H)
        if source == "x":
            W[rows] = 0
        else:
            R[np.ix_(rows, cell.columns.index(source) * H + np.arange(H))] = 0
    return gradient._replace(W=gradient.W * backend.array(W), R=gradient.R * backend.array(R))


def further(layer: int) -> tuple[str | int, ...]:
    """What the seed of a layer on top of a model has more than the model's own."""
    return ("layer", layer) if layer else ()


def initial_state(
    seed: int, settings: Sequence[Setting], sequences: int, scale: float, layer: int = 0
) -> list[np.ndarray]:
    """Gaussian initial states [M _ B], their size where a state is never negative.

    Seeded by size and repetition, one stream per state.
    """
    cell = CELLS[settings[0].cell]
    sizes = cell.state_sizes(settings[0].hidden)

    def drawn(name: str, size: int, s: Setting) -> np.ndarray:
        rng = generator(seed, "state", name, s.hidden, s.repetition, *further(layer))
        values = scale * rng.standard_normal((size, sequences))
        return abs(values) if name in cell.positive else values

    return [
        np.stack([drawn(name, size, s) for s in settings])
        for name, size in zip(cell.states, sizes, strict=True)
    ]


def noise(seed: int, setting: Setting, slice_: NoisySlice) -> np.ndarray:
    """White Gaussian noise [T D B] of standard deviation one; seeded by length and repetition."""
    rng = generator(seed, "noise", setting.length, setting.repetition)
    return rng.standard_normal((setting.length, slice_.input_size, slice_.batch))


def input_scale(setting: Setting, W: Float[np.ndarray, "1 GH D"]) -> float:
    """The standard deviation of the input that gives a unit's candidate the setting's drive, on the mean over units.

    Cells share the candidate's weights, so that those of one init, size and repetition have one input. Raises
    StudyError where no input would do: W is zero.
    """
    if setting.drive == UNIT_DRIVE:
        return 1.0
    cell, drive = CELLS[setting.cell], float(setting.drive)
    candidate = W.reshape(len(cell.gates), setting.hidden, -1)[cell.gates.index(cell.candidate)]
    per_unit = np.square(candidate).sum(axis=1).mean()
    if drive and not per_unit:
        raise StudyError(
            f"drive: found {setting.drive}; allowed for {setting.cell}, {setting.init}: 0, for W is zero"
        )
    return float(np.sqrt(drive / per_unit)) if drive else 0.0


def driving(seed: int, setting: Setting, params: Params, slice_: NoisySlice) -> np.ndarray:
    """White Gaussian input [T D B] of the setting's drive for the model of these parameters; seeded as its `noise`."""
    return input_scale(setting, params.W) * noise(seed, setting, slice_)


def covector(seed: int, setting: Setting, sequences: int) -> np.ndarray:
    """A random direction [H B] of norm 1 per sequence: the loss is its product with the last h."""
    rng = generator(seed, "covector", setting.hidden, setting.length, setting.repetition)
    v = rng.standard_normal((setting.hidden, sequences))
    return v / np.linalg.norm(v, axis=0)


def driven(backend: Backend, seed: int, settings: Sequence[Setting], slice_: NoisySlice) -> System:
    """A batch of models on the backend, driven by noise."""
    drawn = [weights(seed, s, slice_.input_size) for s in settings]
    xs = [driving(seed, s, params, slice_) for s, params in zip(settings, drawn, strict=True)]
    state = tuple(map(backend.array, initial_state(seed, settings, slice_.batch, slice_.state_scale)))
    params = on_backend(backend, stack(drawn))
    return System(backend, CELLS[settings[0].cell], params, backend.array(np.stack(xs, axis=1)), state)


def model_streams(seed: int, role: str, settings: Sequence[Setting]) -> Streams:
    """The streams of the random vectors that measure states too large for all their directions.

    Seeded by size, length and repetition.
    """
    return Streams(tuple(generator(seed, role, s.hidden, s.length, s.repetition) for s in settings))


def recorded(length: int, per_octave: int) -> set[int]:
    """The lags to record: all up to twice `per_octave`, then so many per doubling, and LAGS; 0: every lag."""
    if per_octave == 0:
        return set(range(length + 1))
    octaves = np.log2(max(length, 1) / (2 * per_octave))
    later = 2 * per_octave * 2 ** (np.arange(max(0, int(octaves * per_octave)) + 1) / per_octave)
    lags = {*range(min(2 * per_octave, length) + 1), *np.rint(later).astype(int).tolist(), *LAGS, length}
    return {lag for lag in lags if lag <= length}


def batches_of(slice_: AnySlice, cell: str, backend: str, exact: bool = False) -> list[list[Setting]]:
    """The batches of models of one cell in a slice of a study on one backend; of the shortest length if it climbs."""
    if isinstance(slice_, TrainingSlice) and slice_.climb:
        slice_ = slice_.model_copy(update={"lengths": (min(slice_.lengths),)})
    return list(batches(settings_of(slice_, cell, backend, exact), slice_.batch))

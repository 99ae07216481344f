"""The study's measurements from Python, one setting at a time.

What a caller leaves unsaid is as in the first slice of config/standard.yaml, but for LIMITED. A measurement
takes one thread, whatever the caller has set: matrices are small.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from carousel.axes import REFERENCE
from carousel.engine.backends.table import load
from carousel.engine.threads import one_thread
from carousel.measures import decay as measure, depth as in_depth, dynamics as dynamical
from carousel.measures.training import train
from carousel.study.errors import StudyError, allowed, short
from carousel.study.files import decay_defaults, depth_defaults, dynamics_defaults, training_defaults
from carousel.study.models import batches_of
from carousel.study.schema import LISTS, SEEDS, names_of, single
from carousel.study.slices import DecaySlice, DepthSlice, DynamicsSlice, Slice
from carousel.study.stacks import shapes

LIMITED = {"warm_up": ("length", 4), "evaluate_every": ("steps", 1), "sequences": ("batch", 1)}
"""Keys whose default is at most a part of what the caller gives for another one."""


def decay(
    cell: str,
    init: str,
    forget_bias: float | str,
    length: int,
    hidden: int,
    repetitions: int,
    backend: str = REFERENCE,
    device: str = "cpu",
    dtype: str = "float64",
    seed: int = 1,
    **conditions: Any,
) -> pd.DataFrame:
    """The decay table of one setting at initialisation, `repetitions` models of it.

    `conditions`: gain, bias, drive, measures (a list), and the keys of a decay slice that are no lists (batch,
    input_size, state_scale, lags_per_octave). Raises StudyError for a name or value that a study would not take,
    in the same words, and DeviceError for a device that is not there.
    """
    seed = checked_seed(seed)
    setting = {"cell": cell, "init": init, "forget_bias": forget_bias, "length": length, "hidden": hidden}
    where = {"backend": backend, "device": device, "dtype": dtype}
    slice_ = one(decay_defaults(), conditions, repetitions=repetitions, **setting, **where)
    return at_the_start(measure.measure, slice_, seed)


def dynamics(
    cell: str,
    init: str,
    forget_bias: float | str,
    length: int,
    hidden: int,
    repetitions: int,
    backend: str = REFERENCE,
    device: str = "cpu",
    dtype: str = "float64",
    seed: int = 1,
    **conditions: Any,
) -> pd.DataFrame:
    """The dynamics table of one setting at initialisation: Lyapunov exponents, gates, entry and exit factors.

    `conditions`: gain, bias, drive, and the keys of a dynamics slice that are no lists (batch, input_size, state_scale,
    warm_up, exponents). Raises as `decay` does.
    """
    seed = checked_seed(seed)
    setting = {"cell": cell, "init": init, "forget_bias": forget_bias, "length": length, "hidden": hidden}
    where = {"backend": backend, "device": device, "dtype": dtype}
    slice_ = one(dynamics_defaults(), conditions, repetitions=repetitions, **setting, **where)
    return at_the_start(dynamical.measure, slice_, seed)


def depth(
    cell: str,
    init: str,
    forget_bias: float | str,
    length: int,
    hidden: int,
    layers: int,
    residual: bool,
    repetitions: int,
    backend: str = REFERENCE,
    device: str = "cpu",
    dtype: str = "float64",
    seed: int = 1,
    **conditions: Any,
) -> pd.DataFrame:
    """The depth table of stacks of one setting at initialisation: the gradient by each layer's state, by lag.

    `layers` of the cell stand on top of each other, with `residual` connections or without; one layer has none.
    `conditions`: gain, bias, drive, and the keys of a depth slice that are no lists (batch, input_size, state_scale,
    lags_per_octave). Raises as `decay` does.
    """
    seed = checked_seed(seed)
    setting = {"cell": cell, "init": init, "forget_bias": forget_bias, "length": length, "hidden": hidden}
    where = {"backend": backend, "device": device, "dtype": dtype, "layers": layers, "residual": residual}
    slice_ = one(depth_defaults(), conditions, repetitions=repetitions, **setting, **where)
    ((layers, residual),) = shapes(slice_)
    return at_the_start(partial(in_depth.measure, layers=layers, residual=residual), slice_, seed)


def accuracy(
    cell: str,
    init: str,
    forget_bias: float | str,
    task: str,
    length: int,
    hidden: int,
    repetitions: int,
    backend: str = REFERENCE,
    device: str = "cpu",
    dtype: str = "float32",
    gradient: str = "full",
    seed: int = 1,
    **conditions: Any,
) -> pd.DataFrame:
    """The accuracy table of one setting on one task, `repetitions` models of it.

    `conditions`: gain, learning_rate, and the keys of a training slice that are no lists (batch, steps, clip,
    test_size, evaluate_every, stop_when_solved). Raises as `decay` does.
    """
    seed = checked_seed(seed)
    setting = {"cell": cell, "init": init, "forget_bias": forget_bias, "length": length, "hidden": hidden}
    where = {"backend": backend, "device": device, "dtype": dtype, "task": task, "gradient": gradient}
    slice_ = one(training_defaults(), conditions, repetitions=repetitions, snapshots=[0], **setting, **where)
    slice_ = slice_.model_copy(update={"snapshots": ()})  # the decay during training is not measured here
    there = load(backend, device, dtype)
    batches = batches_of(slice_, cell, backend)
    with one_thread():
        tables = [train.train(there, seed, settings, slice_, task, gradient).accuracy for settings in batches]
    return pd.concat(tables, ignore_index=True)


def at_the_start(
    measure: Callable[..., pd.DataFrame], slice_: DecaySlice | DynamicsSlice | DepthSlice, seed: int
) -> pd.DataFrame:
    """The rows of `measure` of a slice of one cell on one backend."""
    there = load(slice_.backends[0], slice_.device, slice_.dtype)
    batches = batches_of(slice_, slice_.cells[0], there.name)
    with one_thread():
        tables = [measure(there, seed, settings, slice_) for settings in batches]
    return pd.concat(tables, ignore_index=True)


def one(slice_: Slice, conditions: dict[str, Any], **given: Any) -> Slice:
    """`slice_` with one value in each of its lists, the first where nothing is given; NumPy's numbers are numbers."""
    several = sorted(set(conditions) & set(LISTS.values()))
    if several:
        raise StudyError(f"argument: found {several[0]!r}; {allowed(several[0], LISTS)}")
    if unnamed := sorted(set(conditions) - set(names_of(slice_)) & set(type(slice_).model_fields)):
        raise StudyError(f"argument: found {unnamed[0]!r}; {allowed(unnamed[0], names_of(slice_))}")
    values = {key: plain(key, value) for key, value in (conditions | given).items()}
    return single(slice_, **fitting(slice_, values) | values, checked=values["repetitions"])


def plain(key: str, value: Any) -> Any:
    """A number or text of NumPy as Python's own; anything else as it is. Raises StudyError for an array or a tensor."""
    if isinstance(value, np.generic):
        return value.item()
    if hasattr(value, "__array__"):  # some pass for a number where they have one element
        raise StudyError(f"{key}: found {short(value)}; allowed: a number or a text, no array or tensor")
    return value


def fitting(slice_: Slice, values: dict[str, Any]) -> dict[str, int]:
    """The defaults that depend on what the caller gave: at most a share of it."""
    limits = {
        key: (values.get(limit), parts) for key, (limit, parts) in LIMITED.items() if hasattr(slice_, key)
    }
    return {
        key: min(getattr(slice_, key), limit // parts)
        for key, (limit, parts) in limits.items()
        if type(limit) is int and limit > 0
    }


def checked_seed(seed: Any) -> int:
    """The master seed. Raises StudyError for what is none."""
    seed = plain("seed", seed)
    if type(seed) is not int or not 0 <= seed < SEEDS:
        raise StudyError(f"seed: found {short(seed)}; allowed: a whole number, 0 to {SEEDS - 1}")
    return seed

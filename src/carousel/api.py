"""The study's measurements from Python, one setting at a time.

What a caller leaves unsaid is as in the first slice of config/standard.yaml.
"""

from collections.abc import Callable
from typing import Any

import pandas as pd

from carousel.axes import REFERENCE
from carousel.engine.backends.table import load
from carousel.measures import decay as measure, dynamics as dynamical
from carousel.measures.training import train
from carousel.study.errors import StudyError, allowed
from carousel.study.files import decay_defaults, dynamics_defaults, training_defaults
from carousel.study.models import batches_of
from carousel.study.schema import LISTS, vary
from carousel.study.slices import DecaySlice, DynamicsSlice, Slice


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
    setting = {"cell": cell, "init": init, "forget_bias": forget_bias, "length": length, "hidden": hidden}
    where = {"backend": backend, "device": device, "dtype": dtype}
    slice_ = one(dynamics_defaults(), conditions, repetitions=repetitions, **setting, **where)
    return at_the_start(dynamical.measure, slice_, seed)


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

    `conditions`: gain, and the keys of a training slice that are no lists (batch, steps, learning_rate, clip,
    test_size, evaluate_every). Raises as `decay` does.
    """
    setting = {"cell": cell, "init": init, "forget_bias": forget_bias, "length": length, "hidden": hidden}
    where = {"backend": backend, "device": device, "dtype": dtype, "task": task, "gradient": gradient}
    slice_ = one(training_defaults(), conditions, repetitions=repetitions, snapshots=[0], **setting, **where)
    slice_ = slice_.model_copy(update={"snapshots": ()})  # the decay during training is not measured here
    there = load(backend, device, dtype)
    batches = batches_of(slice_, cell, backend)
    tables = [train.train(there, seed, settings, slice_, task, gradient).accuracy for settings in batches]
    return pd.concat(tables, ignore_index=True)


def at_the_start(
    measure: Callable[..., pd.DataFrame], slice_: DecaySlice | DynamicsSlice, seed: int
) -> pd.DataFrame:
    """The rows of `measure` of a slice of one cell on one backend."""
    there = load(slice_.backends[0], slice_.device, slice_.dtype)
    tables = [
        measure(there, seed, settings, slice_) for settings in batches_of(slice_, slice_.cells[0], there.name)
    ]
    return pd.concat(tables, ignore_index=True)


def one(slice_: Slice, conditions: dict[str, Any], **given: Any) -> Slice:
    """`slice_` with one value in each of its lists, the first where nothing is given."""
    several = sorted(set(conditions) & set(LISTS.values()))
    if several:
        raise StudyError(f"argument: found {several[0]!r}; {allowed(several[0], LISTS)}")
    values = conditions | given | {"checked": given["repetitions"]}
    lists = {key: both[:1] for key, both in slice_.model_dump().items() if key in LISTS.values()}
    return vary(slice_, **lists | {LISTS.get(k, k): [v] if k in LISTS else v for k, v in values.items()})

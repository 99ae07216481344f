"""The compiled engine: loops that Numba compiles for a pointwise map, behind the operations of every engine."""

from collections.abc import Iterator, Set

import numpy as np
from jaxtyping import Float

from carousel.axes import Units
from carousel.engine.adjoint import Carried, paths
from carousel.engine.backends.numpy import HandDerived
from carousel.engine.compiled import decay, paths as compiled_paths, training
from carousel.engine.engine import Engine, unprepared
from carousel.engine.recurrence import chunk_length
from carousel.engine.system import System


def adjoints(system: System, covector: Units, lags: Set[int]) -> Iterator[tuple[int, Carried]]:
    """What has come back at each of `lags`, on all paths."""
    length = chunk_length(system.xs, system.state)
    return compiled_paths.adjoints(*system[1:], covector, lags, paths(system.cell), length)


def norms(system: System, covector: Units) -> Float[np.ndarray, "K M B"]:
    """log10 of the norm of the joint state's gradient at every lag, 0 to T, on the full path alone."""
    return decay.norms(*system[1:], covector)[:, -1]


COMPILED = Engine(
    "compiled",
    adjoints,
    norms,
    unprepared,
    HandDerived(training.last_outputs, training.gradient),
    compresses=True,
)

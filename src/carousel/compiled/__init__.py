"""The compiled path: the same steps as the plain one, many times faster; an extra, ``pip install .[fast]``."""

from carousel.compiled.decay import norms
from carousel.compiled.routes import Taken, march
from carousel.compiled.training import Unrolled, parameter_gradients, unroll

__all__ = ["Taken", "Unrolled", "march", "norms", "parameter_gradients", "unroll"]

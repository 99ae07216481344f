"""The alphabet of axes, the shapes that are spelt with it, and what every study shares: backends, lags, the drive.

========  =====================================================================
``M``     models: every array of the suite carries them first
``G``     gates, the candidate among them; ``GH`` is G x H rows
``H``     hidden units
``D``     inputs per step
``B``     sequences, last, so that a column is a sequence and ``R @ h`` reads as in the papers
``T``     time steps
========  =====================================================================

An array is of a backend's library; all answer to the same shape strings, which are checked under pytest.
"""

from typing import Any, NamedTuple

from jaxtyping import Float

Array = Any
Units = Float[Array, "M H B"]  # one value per hidden unit and sequence
Net = Float[Array, "M G H B"]  # net inputs, or their adjoints, gate by gate
Nets = Net | tuple[Units, ...]  # net inputs, or their adjoints, also as one array per gate
PerUnit = Float[Array, "M H 1"]  # a pointwise parameter
Inputs = Float[Array, "M D B"]  # the input of one step
Series = Float[Array, "T M D B"]  # the inputs of all steps
State = tuple[Float[Array, "M _ B"], ...]  # each of a size of its own; see Cell.state_sizes


class BackendEntry(NamedTuple):
    """A backend by name: what people call it, where its class stands, and what it takes."""

    label: str
    factory: str  # module:class
    package: str  # whose version its results depend on
    devices: tuple[str, ...]  # kinds of them
    dtypes: tuple[str, ...]


BACKENDS: dict[str, BackendEntry] = {
    "numpy": BackendEntry(
        "NumPy", "carousel.engine.backends.numpy:NumpyBackend", "numpy", ("cpu",), ("float32", "float64")
    ),
    "torch": BackendEntry(
        "PyTorch",
        "carousel.engine.backends.torch:TorchBackend",
        "torch",
        ("cpu", "cuda"),
        ("float32", "float64", "bfloat16"),
    ),
}
"""The backends that there are. The first is the reference: figures and tables that show one show it."""
REFERENCE = next(iter(BACKENDS))
LIBRARIES = {"torch": "PyTorch", "keras": "Keras", "flax": "Flax"}
"""The inits that are a library's default, and what people call the library."""

LAGS = (10, 30, 100, 300, 1000)
"""The lags at which it is asked what is left of a gradient, about a factor of three apart. Each is recorded."""
STANDARD_DRIVE, UNIT_DRIVE, TASK_DRIVE = "0.25", "unit", "task"
"""Drives, the variance that the input gives to a unit's net input: that at which recurrent weights, inits and widths
are compared; that of white noise of standard deviation one, whatever the weights; and that of a task's input."""
NOISE = STANDARD_DRIVE, UNIT_DRIVE
"""The drives of white noise that figures and advice may show; that which compares weights first."""

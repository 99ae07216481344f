"""What a backend is: arrays of one library, device and dtype, and the derivative of one step."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from carousel.axes import Array, Net, Series, State
from carousel.cells import Cell, Params
from carousel.engine.recurrence import ArrayOps, Gates, Step
from carousel.engine.step_jacobian import Slopes

if TYPE_CHECKING:
    from carousel.engine.engine import Engine


class Readout(NamedTuple):
    """The linear map from the last h to the outputs, for M models."""

    V: Float[Array, "M O H"]
    a: Float[Array, "M O 1"]


class Model(NamedTuple):
    """M trainable models of one cell: recurrent parameters and readout."""

    params: Params
    readout: Readout


def leaves(model: Model) -> list[Array]:
    """The arrays of `model` in a fixed order."""
    W, R, b, p = model.params
    return [W, R, b, *(p[name] for name in sorted(p)), *model.readout]


def rebuild(model: Model, arrays: list[Array]) -> Model:
    """A model built like `model` from `arrays`, in the order of `leaves`."""
    W, R, b, *rest = arrays
    p = dict(zip(sorted(model.params.p), rest, strict=False))
    return Model(Params(W, R, b, p), Readout(*rest[len(p) :]))


class Gradient(NamedTuple):
    """A batch's mean loss per model, and its gradient by every parameter."""

    loss: Float[Array, " M"]
    model: Model


class Targets(NamedTuple):
    """The targets of the outputs after the last S steps, and the weight of each in the loss."""

    target: Float[Array, "M S O B"]
    weight: Float[Array, "M S B"]  # of a sequence they sum to 1
    loss: str  # its name in LOSSES


def outputs(ops: ArrayOps, steps: list[Step], last: State, count: int) -> Float[Array, "M S H B"]:
    """h after each of the last `count` steps."""
    hs = [*(step.before[0] for step in steps[1:]), last[0]]
    return ops.stack(tuple(hs[len(hs) - count :]))


def read_out(model: Model, hs: Float[Array, "M S H B"]) -> Float[Array, "M S O B"]:
    """The outputs made of each h."""
    return model.readout.V[:, None] @ hs + model.readout.a[:, None]


def each(step: Step, f: Callable[[Array], Array]) -> Step:
    """`step` with `f` applied to each of its arrays."""
    return Step(f(step.x), f(step.wx), *(tuple(map(f, part)) for part in step[2:5]))


@runtime_checkable
class Backend(Protocol):
    """The derivative code of one library. The two implementations share none of it."""

    @property
    def name(self) -> str: ...
    @property
    def device(self) -> str: ...
    @property
    def dtype(self) -> str: ...
    @property
    def engine(self) -> "Engine":
        """How it goes through time."""
        ...

    @property
    def exact(self) -> bool:
        """Whether every measurement takes the plain path, however slow."""
        ...

    def in_dtype(self, dtype: str) -> "Backend":
        """The backend in another dtype."""
        ...

    def array(self, values: np.ndarray) -> Array:
        """`values` on this backend's device, in its dtype."""
        ...

    def numpy(self, array: Array) -> np.ndarray:
        """`array` as NumPy's."""
        ...

    def ops(self, cell: Cell, gates: Gates) -> ArrayOps:
        """The functions of a forward pass whose derivative passes through `gates` only."""
        ...

    def slopes(self, cell: Cell, params: Params, steps: Sequence[Step]) -> Slopes | None:
        """The hand-derived slopes of `steps`; None for a backend that differentiates by itself."""
        ...

    def vjp(self, cell: Cell, params: Params, step: Step, d_state: State, gates: Gates) -> State:
        """The adjoint of the state before `step`, from that of the state after it."""
        ...

    def error(self, cell: Cell, params: Params, step: Step, d_state: State) -> tuple[State, Net]:
        """The adjoints of the state before `step`, on the full path, and of its W x + b."""
        ...

    def widen(self, step: Step, n: int) -> Step:
        """`step` with every sequence n times, next to each other: one copy for each of n adjoints.

        For `vjp` and `error` alone: a step that shares slopes with its segment takes any number of adjoints as it is.
        """
        ...

    def rescale(self, d_state: State, per_unit: bool) -> tuple[State, Int[Array, "M _ B"]]:
        """`d_state` divided by an exact power of two that brings its largest entry into [1/2, 1), and the power.

        One power per sequence, or one per unit and sequence. Zeros stay zeros, with power 0.
        """
        ...

    def scale(self, x: Array, power: Int[Array, "M _ B"]) -> Array:
        """x times two to `power`, exactly."""
        ...

    def norm(self, x: Array) -> Float[np.ndarray, "M B"]:
        """Euclidean norm over the units, in float64."""
        ...

    def run(self, cell: Cell, model: Model, xs: Series, state: State, last: int) -> Float[Array, "M S O B"]:
        """The readout after each of the `last` S steps."""
        ...

    def gradient(
        self, cell: Cell, model: Model, xs: Series, state: State, targets: Targets, gates: Gates
    ) -> Gradient:
        """The mean loss of a batch and its gradient; the adjoint passes back through `gates` only."""
        ...

    def output_error(
        self, cell: Cell, model: Model, xs: Series, state: State, targets: Targets
    ) -> Float[np.ndarray, "M H B"]:
        """The gradient by the last h of each sequence's own loss at the last step alone."""
        ...

"""What a cell is: a pointwise map between the net inputs and the new state, and that map's adjoint."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol, runtime_checkable

from jaxtyping import Float

from carousel.axes import Array, Net, PerUnit, State, Units


@runtime_checkable
class Ops(Protocol):
    """The few functions that a cell asks of an array library.

    An activation gives its value and its slope, both exact to rounding however saturated the unit is; a library
    that differentiates by itself gives None for the slope.

    ``cut`` stands wherever a state enters a gate by another way than R (a peephole). A path that may not pass
    there makes it ``detach`` in a forward pass that will be differentiated, and zero in a hand-written adjoint.
    """

    def tanh(self, x: Array) -> tuple[Array, Array]: ...
    def sigmoid(self, x: Array) -> tuple[Array, Array]: ...
    def relu(self, x: Array) -> tuple[Array, Array]: ...
    def log_sigmoid(self, x: Array) -> Array: ...
    def log(self, x: Array) -> Array: ...
    def zeros(self, x: Array) -> Array: ...
    def gates(self, net: Net) -> tuple[Units, ...]: ...
    def stack(self, gates: tuple[Units, ...]) -> Net: ...
    def cut(self, x: Array) -> Array: ...


Pointwise = dict[str, PerUnit]
Saved = tuple[Array, ...]
Forward = Callable[[Ops, Pointwise, Net, Net, State], tuple[State, Saved]]
Backward = Callable[[Ops, Pointwise, Saved, State], tuple[dict[str, Units], Net, Net, tuple[Array, ...]]]
LogFactor = Callable[[Ops, Pointwise, Net, Net, State], Units]


@dataclass(frozen=True)
class Cell:
    """A recurrent cell as data: names, and three pointwise functions.

    ``forward(ops, p, wx, rh, state) -> (state, saved)`` takes the net inputs ``wx = W x + b`` and ``rh = R h``.
    ``backward(ops, p, saved, d_state) -> (d_p, d_wx, d_rh, d_state)`` is its adjoint by hand; what it returns for
    the state is what does *not* pass through R.
    ``log_factor(ops, p, wx, rh, state)`` is the log of the factor by which the Q&A says one step multiplies the
    gradient: the activation's slope (RNN, without the weight), the forget gate (LSTM), the update gate (GRU).
    """

    states: tuple[str, ...]  # the first recurs through R
    gates: tuple[str, ...]  # in the order of the rows of W, R and b
    candidate: str  # the gate that is the cell's input
    forward: Forward
    backward: Backward
    log_factor: LogFactor
    forget: str | None = None  # the gate that a forget bias opens
    input: str | None = None  # the gate that chrono closes as it opens the other
    pointwise: Mapping[str, Literal["weight", "bias"]] = field(default_factory=dict)  # the parameters in p
    carries: bool = True  # is there a way through time that avoids R?

    @property
    def carousel(self) -> int:
        """Which of the states the constant error carousel runs through: the last one."""
        return len(self.states) - 1


class Params(NamedTuple):
    """The parameters of M models of one cell."""

    W: Float[Array, "M GH D"]
    R: Float[Array, "M GH H"]
    b: Float[Array, "M GH 1"]
    p: Pointwise

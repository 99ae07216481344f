"""What a cell is: a pointwise map between the net inputs and the new state, and that map's adjoint.

The matrix products are the recurrence's. R multiplies the cell's *recurrent states*: as a rule the state h alone,
for some cells further states, and for some a vector that is made inside the step (`IntermediateInput`). W and R hold a
block for every gate and input; those in `masked_blocks` are zero and stay so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from carousel.axes import Array, Net, Nets, PerUnit, State, Units


@runtime_checkable
class Ops(Protocol):
    """The few functions that a cell asks of an array library.

    An activation gives its value and its slope, both exact to rounding however saturated the unit is; a library
    that differentiates by itself gives None for the slope. What is not a number has no slope: NaN, in relu as well.

    ``cut`` stands wherever a state enters a gate by another way than R (a peephole). A path that may not pass
    there makes it ``detach`` in a forward pass that will be differentiated, and zero in a hand-written adjoint.
    """

    def tanh(self, x: Array) -> tuple[Array, Array]: ...
    def sigmoid(self, x: Array) -> tuple[Array, Array]: ...
    def relu(self, x: Array) -> tuple[Array, Array]: ...
    def log_sigmoid(self, x: Array) -> Array: ...
    def log(self, x: Array) -> Array: ...
    def exp(self, x: Array) -> Array: ...
    def cos(self, x: Array) -> Array: ...
    def sin(self, x: Array) -> Array: ...
    def solve(self, A: Array, B: Array) -> Array: ...
    def eye(self, A: Array) -> Array: ...
    def zeros(self, x: Array) -> Array: ...
    def gates(self, net: Nets) -> tuple[Units, ...]: ...
    def stack(self, gates: tuple[Units, ...]) -> Net: ...
    def stop_gradient(self, x: Array) -> Array: ...


def is_positive(ops: Ops, x: Array) -> Array:
    """1 where x > 0, 0 where not, and NaN where x is no number."""
    return (x > 0) + 0.0 * ops.exp(-ops.relu(x)[0])


Kind = Literal["weight", "bias", "recurrent"]
Pointwise = dict[str, PerUnit]
Saved = tuple[Array, ...]
Adjoints = tuple[dict[str, Units], Net, Net, tuple[Array, ...]]  # of p, wx, rh and the state
Forward = Callable[[Ops, Pointwise, Nets, Nets, State], tuple[State, Saved]]
Backward = Callable[[Ops, Pointwise, Saved, State], Adjoints]
LogFactor = Callable[[Ops, Pointwise, Nets, Nets, State], Units]
Draw = Callable[[np.random.Generator, int], Float[np.ndarray, " H"]]


class IntermediateInput(NamedTuple):
    """A vector that is made inside a step and goes through R, after the states have: r * h in the first GRU.

    ``forward(ops, p, wx, rh, state) -> (v, saved)``, where ``rh`` is what R makes of the states;
    ``backward(ops, p, saved, d_v) -> (d_p, d_wx, d_rh, d_state)`` is its adjoint by hand.
    """

    name: str
    forward: Callable[[Ops, Pointwise, Nets, Nets, State], tuple[Units, Saved]]
    backward: Callable[[Ops, Pointwise, Saved, Units], Adjoints]


class Weight(NamedTuple):
    """R as a function of the parameter that is trained in its place, so that R keeps a property (orthogonal).

    ``forward(ops, parameter) -> (R, saved)``; ``backward(ops, saved, d_R) -> d_parameter``.
    """

    forward: Callable[[Ops, Array], tuple[Array, Saved]]
    backward: Callable[[Ops, Saved, Array], Array]


@dataclass(frozen=True)
class Cell:
    """A recurrent cell as data: names, and three pointwise functions.

    ``forward(ops, p, wx, rh, state) -> (state, saved)`` takes the net inputs ``wx = W x + b`` and ``rh = R h``.
    ``backward(ops, p, saved, d_state) -> (d_p, d_wx, d_rh, d_state)`` is its adjoint by hand; what it returns for
    the state is what does *not* pass through R. Its ``rh`` holds what all recurrent states say.
    A parameter in ``pointwise`` is a "weight" (a peephole: uniform), a "bias" (a gate's second one, beside R), a
    "recurrent" weight (scaled by the gain as R is), or drawn by a function of its own, (rng, H) -> [H]. Only one of
    the kinds "weight" and "recurrent" may let a state into a gate: ``ops.cut`` is looked for where there is one.

    Where ``saves`` names what forward saves, a gate's activation has the gate's name, its slope that with a d before,
    and "i" is what the candidate is multiplied with, be it a gate or not; without an "i" that is 1 - the forget gate.

    ``log_factor(ops, p, wx, rh, state)`` is the log of the factor by which the Q&A says one step multiplies the
    gradient: the activation's slope (RNN, without the weight), the forget gate (LSTM), the update gate (GRU).
    """

    states: tuple[str, ...]  # h first: the readout sees it; the carousel last
    gates: tuple[str, ...]  # in the order of the rows of W, R and b
    candidate: str  # the gate that is the cell's input
    forward: Forward
    backward: Backward
    log_factor: LogFactor
    forget: str | None = None  # the gate that a forget bias opens
    input: str | None = None  # the gate that chrono closes as it opens the other
    output: str | None = None  # the gate between the carousel and h
    pointwise: Mapping[str, Kind | Draw] = field(default_factory=dict)  # what is in p, and how it starts
    carries: bool = True  # is there a way through time that avoids R?
    recurrent_states: tuple[str, ...] = ("h",)  # the states that R multiplies, in the order of its columns
    intermediate: IntermediateInput | None = None  # the last columns of R
    masked_blocks: frozenset[tuple[str, str]] = (
        frozenset()
    )  # (gate, state) blocks of R, (gate, "x") blocks of W
    weight: Weight | None = None  # of R, where it is not itself the parameter
    mixes: bool = (
        False  # do units hear each other beside R? A module of a user's own does, no cell of the table
    )
    kinked: bool = False  # is the map not differentiable somewhere, as ReLU at 0?
    positive: tuple[str, ...] = ()  # states that are never negative
    saves: str = ""  # names of all that forward and the intermediate input save, gates by their own

    @property
    def columns(self) -> tuple[str, ...]:
        """The recurrent states in the order of R's columns, the intermediate input included; a cell may have none."""
        return (
            (*self.recurrent_states, self.intermediate.name) if self.intermediate else self.recurrent_states
        )

    @property
    def carousel(self) -> int:
        """Which of the states the constant error carousel runs through: the last one."""
        return len(self.states) - 1


class Params(NamedTuple):
    """The parameters of M models of one cell; in the place of R stands what `Cell.weight` makes it from."""

    W: Float[Array, "M GH D"]
    R: Float[Array, "M GH VH"]  # V recurrent states; see Cell.columns
    b: Float[Array, "M GH 1"]
    p: Pointwise

"""What a cell is: a map between the net inputs and the new state, and that map's adjoint. It is pointwise, unit by
unit, unless the cell says that it `mixes` them.

The matrix products are the recurrence's. R multiplies the cell's *recurrent states*: as a rule the state h alone,
for some cells further states, and for some a vector that is computed inside the step (`IntermediateInput`). W and R
have one block per gate and input; those in `masked_blocks` are zero and stay so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from carousel.axes import Array, Net, Nets, PerUnit, State, Units


@runtime_checkable
class Ops(Protocol):
    """The functions of an array library that a cell uses.

    An activation returns its value and its slope, both exact to rounding however saturated the unit is; a library
    that differentiates by itself returns None for the slope. The slope at NaN is NaN, in relu as well.

    A cell calls ``stop_gradient`` on every state that enters a gate by another way than R (a peephole). On a path that
    may not pass there it is ``detach`` in a forward pass that will be differentiated, and zero in an adjoint by hand.
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
    """1 where x > 0, 0 where not, and NaN where x is NaN."""
    return (x > 0) + 0.0 * ops.exp(-ops.relu(x)[0])


Kind = Literal["weight", "bias", "recurrent"]
Pointwise = dict[str, PerUnit]
Saved = tuple[Array, ...]
Adjoints = tuple[dict[str, Units], Net, Net, tuple[Array, ...]]  # of p, wx, rh and the state
Forward = Callable[[Ops, Pointwise, Nets, Nets, State], tuple[State, Saved]]
Backward = Callable[[Ops, Pointwise, Saved, State], Adjoints]
LogFactor = Callable[[Ops, Pointwise, Nets, Nets, State], Array]
Draw = Callable[[np.random.Generator, int], Float[np.ndarray, " H"]]


class IntermediateInput(NamedTuple):
    """A vector v that is computed inside a step from R times the states, and is then multiplied by R itself.

    An example is r * h in the GRU of Cho et al.
    ``forward(ops, p, wx, rh, state) -> (v, saved)``, where ``rh`` is R times the states;
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
    """A recurrent cell as data: names, and three functions.

    ``forward(ops, p, wx, rh, state) -> (state, saved)`` takes the net inputs ``wx = W x + b`` and ``rh = R h``.
    ``backward(ops, p, saved, d_state) -> (d_p, d_wx, d_rh, d_state)`` is its adjoint by hand; what it returns for
    the state is what does *not* pass through R. Its ``rh`` is R times all recurrent states and the intermediate input.
    A parameter in ``pointwise`` is a "weight" (a peephole: uniform), a "bias" (a gate's second one, added to R h), a
    "recurrent" weight (scaled by the gain as R is), or drawn by a function of its own, (rng, H) -> [H]. Only by a
    "weight" or a "recurrent" one may a state enter a gate, and it does through ``ops.stop_gradient``.

    Where ``saves`` names what forward saves, a gate's activation has the gate's name, its slope that with a d before,
    and "i" is what the candidate is multiplied with, be it a gate or not; without an "i" that is 1 - the forget gate.

    ``log_factor(ops, p, wx, rh, state)`` is the log of the factor by which the Q&A says one step multiplies the
    gradient: the activation's slope (RNN, without the weight), the forget gate (LSTM), the update gate (GRU). It has
    the shape of the carousel.
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
        False  # do units act on each other by another way than R, as in a matrix state or a module of a user?
    )
    sizes: Mapping[str, Callable[[int], int]] = field(default_factory=dict)
    """How many numbers a state has in a cell of H units, where these are not H; h and recurrent states have H."""
    kinked: bool = False  # is the map not differentiable somewhere, as ReLU at 0?
    positive: tuple[str, ...] = ()  # states that are never negative
    saves: str = ""  # names of all that forward and then the intermediate input save

    @property
    def columns(self) -> tuple[str, ...]:
        """The recurrent states in the order of R's columns, the intermediate input included; a cell may have none."""
        return (
            (*self.recurrent_states, self.intermediate.name) if self.intermediate else self.recurrent_states
        )

    def state_sizes(self, H: int) -> tuple[int, ...]:
        """How many numbers each of the states has in a cell of H units."""
        return tuple(self.sizes[name](H) if name in self.sizes else H for name in self.states)

    @property
    def carousel(self) -> int:
        """Which of the states the constant error carousel runs through: the last one."""
        return len(self.states) - 1


class Params(NamedTuple):
    """The parameters of M models of one cell; where the cell has a `weight`, R is the parameter it is computed from."""

    W: Float[Array, "M GH D"]
    R: Float[Array, "M GH VH"]  # V recurrent states; see Cell.columns
    b: Float[Array, "M GH 1"]
    p: Pointwise

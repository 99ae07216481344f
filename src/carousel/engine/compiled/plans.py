"""The plans of the compiled loops: addresses, sizes and strides, all of them integers, as records."""

from functools import cache
from typing import Any, NamedTuple, get_type_hints

import numpy as np

BITS = 4  # so many states at most, 2^4, that a plan can say which are recurrent


class Slots(NamedTuple):
    """The address of slot t of a model and panel in an array [M P T ..], or in one with some of these axes.

    With mask 1 two slots are used in turn, with mask 0 one slot is used at every step. With models 2^n - 1 the slots
    of 2^n models are used in turn.
    """

    first: int
    model: int = 0  # bytes from one model's to the next
    panel: int = 0
    step: int = 0
    mask: int = -1
    models: int = -1


class Sizes(NamedTuple):
    """The sizes of all axes, and what the loops derive from them."""

    models: int
    panels: int
    steps: int
    units: int
    gates: int
    states: int
    lanes: int
    vector: int  # bytes of all lanes
    inputs: int  # rows of x, the row of ones included
    net_tiles: int  # of a matrix with one row per gate and unit
    unit_tiles: int  # of a matrix with one row per unit
    recurrent: int  # how many states are recurrent
    places: int  # their places among the states, BITS each, the first one's lowest


class ForwardPlan(NamedTuple):
    """The addresses of a forward pass: its code and its numbers."""

    n: Sizes
    product: int  # code of C = A B
    add_product: int  # of C += A B
    forward: int
    intermediate: int  # 0: the cell has no intermediate input
    W: Slots
    R: Slots
    matrix: int  # bytes from one state's R to the next
    p: Slots
    x: Slots
    state: Slots  # one slot more than steps
    saved: Slots
    v: Slots
    intermediate_saved: Slots
    wx: int
    rh: int  # wx again where one net input per gate is enough
    copy: int
    recurrent_input: (
        Slots  # where the vectors that R multiplies are stored, steps side by side; at 0: nowhere
    )
    stride: int  # numbers in a row of that array
    block: int  # bytes from one state's rows there to the next


class BackwardPlan(NamedTuple):
    """The addresses of a backward pass: its code and its numbers.

    Slot 0 of an adjoint is where the pass starts, slot j is j steps further back.
    """

    n: Sizes
    product: int
    add_product: int
    backward: int
    intermediate: int
    R: Slots  # transposed; at 0: no error passes R
    matrix: int  # bytes from one state's R to the next
    open_gates: int  # how many gates rh has errors of
    p: Slots
    saved: Slots  # by t, the last first
    intermediate_saved: Slots
    d: Slots
    rh: int
    wx: Slots
    d_p: Slots
    d_v: int
    copy: int
    own: int  # where rh is copied before the intermediate input's errors are added to it; 0: it is not copied


class Rescaling(NamedTuple):
    """How the adjoint is divided by powers of two, and where the powers and the sums of squares go, slot by slot."""

    state: int  # code of the division
    power: Slots
    squares: Slots
    net: int  # code for the errors of W x + b; 0: their norms are left out
    net_copy: int
    zero: int  # address of a power of zero
    net_power: Slots
    net_squares: Slots


class Starts(NamedTuple):
    """The first state and the adjoint at the loss, which are copied into slot 0 of each pass."""

    state: Slots
    d: Slots


class ErrorRows(NamedTuple):
    """Where the errors of a training step go: into the rows of matrices with all steps and lanes side by side."""

    add: int  # code of a copy that adds
    stride: int  # numbers in a row of those matrices
    outputs: Slots  # errors of h after each of the last steps, the very last first
    last: int  # how many of them
    wx: Slots  # at 0: they are those of rh
    rh: Slots
    own: Slots


def record(values: Any) -> np.ndarray:
    """A NamedTuple of integers and of such tuples as an array of one record, which a loop reads at no cost."""
    fields: Any = type(values)
    return np.array([values], dtype=record_type(fields))


@cache
def record_type(fields: Any) -> Any:
    """The dtype of a record with the fields of a NamedTuple of integers and of such tuples."""
    if fields is int:
        return np.int64
    return np.dtype([(name, record_type(field)) for name, field in get_type_hints(fields).items()])

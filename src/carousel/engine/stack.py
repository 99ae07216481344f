"""Layers of one cell on top of each other, and how the gradient by the top layer's last output reaches each of them.

A layer reads at every step the output of the layer below: its h or, with residual connections and from the second
layer on, h plus the layer's own input (Wu et al. 2016, section 3.1; Prakash et al. 2016). The adjoint of a layer's h
comes from the layer's own next step and, at the same step, from the layer above: through W transposed and, with
residual connections, as it is. Each layer's adjoint has a power of two of its own: a layer may forget so much sooner
than another that one power could not hold both.
"""

from collections.abc import Iterator, Set
from functools import partial
from typing import NamedTuple

from jaxtyping import Float

from carousel.axes import Array, Series, State, Units
from carousel.cells import Cell, Params
from carousel.engine.backends.backend import Backend, outputs
from carousel.engine.log_space import Scaled, difference, lost_precision, rescale
from carousel.engine.plain import EVERY, through_segment
from carousel.engine.recurrence import PATHS, ArrayOps, Step, chunk_length, effective, flat, unroll

Layered = tuple[Step, ...]  # one step of every layer, the lowest first


class Stack(NamedTuple):
    """M stacks of layers of one cell, driven by inputs [T M D B] from a state of each layer, the lowest layer first.

    The lowest layer's W has D columns, that of the others H.
    """

    backend: Backend
    cell: Cell
    params: tuple[Params, ...]
    xs: Series
    states: tuple[State, ...]
    residual: bool

    @property
    def ops(self) -> ArrayOps:
        """The functions of a forward pass whose derivative passes through all gates."""
        return self.backend.ops(self.cell, PATHS["full"](self.cell))

    def effective(self) -> "Stack":
        """The stack with R itself in the place of what it is made from."""
        return self._replace(params=tuple(effective(self.ops, self.cell, each) for each in self.params))


class Unrolled(NamedTuple):
    """A forward pass: the steps of each layer, the states after the last, and the top layer's outputs."""

    steps: list[list[Step]]
    states: tuple[State, ...]
    outputs: Float[Array, "T M H B"]


class Arrived(NamedTuple):
    """What has come back to a step, and what is still to be passed on."""

    layers: tuple[
        Scaled, ...
    ]  # of the states after the step, by all that they enter, the layers above among it
    x: Scaled | None  # of the step's input
    before: tuple[Scaled, ...]  # of the states before the step, by their own layer's next step alone
    output: Scaled | None  # of the highest layer's output before the step: of the last one alone


def run(stack: Stack, xs: Series, states: tuple[State, ...]) -> Unrolled:
    """All steps of every layer over `xs`, from `states`."""
    steps, after = [], []
    for layer, (params, state) in enumerate(zip(stack.params, states, strict=True)):
        own, last = unroll(stack.ops, stack.cell, params, xs, state)
        hs = outputs(stack.ops, own, last, len(own)).swapaxes(0, 1)
        xs = hs + xs if layer and stack.residual else hs
        steps.append(own)
        after.append(last)
    return Unrolled(steps, tuple(after), xs)


def adjoints(
    stack: Stack, covector: Units, lags: Set[int]
) -> Iterator[tuple[int, tuple[Scaled, ...], Scaled | None]]:
    """The adjoints of each layer's state and of the input at each of `lags`, with R itself among the parameters.

    `covector` [M H B] is the loss's gradient by the top layer's last output. Lag k is the state that enters the k-th
    step before the end, and the input of that step. A state's adjoint has all that it enters: its own layer's next step
    and the layers above at its own. The initial states, at lag T, are entered into no layer above.
    """
    nothing = tuple(
        stack.backend.rescale(tuple(map(stack.ops.zeros, state)), False) for state in stack.states
    )
    arrived, lag, x = Arrived((), None, nothing, stack.backend.rescale((covector,), False)), 0, None
    for steps in segments(stack):
        found = through_segment(partial(step_back, stack), partial(rescaled, stack), lost, steps, arrived)
        for arrived in found:
            if lag in lags:
                yield lag, arrived.layers, x
            lag, x = lag + 1, arrived.x
    if lag in lags:
        yield lag, arrived.before, x


def segments(stack: Stack) -> Iterator[list[Layered]]:
    """The steps of a forward pass, each of all layers, the last first, EVERY at a time."""
    backend, cell, params, *_ = stack
    prepared = partial(backend.engine.of(cell).prepared, backend, cell)
    for steps in chunks(stack):
        for end in range(len(steps[0]), 0, -EVERY):
            part = [own[max(0, end - EVERY) : end][::-1] for own in steps]
            yield list(zip(*map(prepared, params, part), strict=True))


def chunks(stack: Stack) -> Iterator[list[list[Step]]]:
    """The steps of each layer, as many at a time as may be stored, the last first; see `recurrence.chunks`."""
    length = chunk_length(stack.xs, tuple(s for state in stack.states for s in state))
    starts, before = range(0, len(stack.xs), length), [stack.states]
    for t in starts[:-1]:
        before.append(run(stack, stack.xs[t : t + length], before[-1]).states)
    for t, states in zip(reversed(starts), reversed(before), strict=True):
        yield run(stack, stack.xs[t : t + length], states).steps


def step_back(stack: Stack, arrived: Arrived, steps: Layered) -> Arrived:
    """What has come back to the step before, through a step of every layer, the highest first."""
    output, layers, before = arrived.output, [], []
    for layer in reversed(range(len(steps))):
        d_state, power = plus(stack, arrived.before[layer], output)
        d_before, d_wx = stack.backend.error(stack.cell, stack.params[layer], steps[layer], d_state)
        layers.append((d_state, power))
        before.append((d_before, power))
        d_x = (stack.params[layer].W.swapaxes(1, 2) @ flat(d_wx),), power
        output = plus(stack, d_x, output if layer and stack.residual else None)
    return Arrived(tuple(layers[::-1]), output, tuple(before[::-1]), None)


def plus(stack: Stack, scaled: Scaled, output: Scaled | None) -> Scaled:
    """An adjoint with another one of its first part, if there is one, at the larger of the two scales."""
    if output is None:
        return scaled
    (d_output,), power = output
    rest = (stack.ops.zeros(d) for d in scaled[0][1:])
    return difference(stack.backend.scale, scaled, ((-d_output, *rest), power))


def rescaled(stack: Stack, arrived: Arrived) -> Arrived:
    """`arrived` with the largest entry of each layer's adjoint that is passed on in [1/2, 1)."""
    return arrived._replace(before=tuple(rescale(stack.backend, *each) for each in arrived.before))


def lost(before: Arrived, after: Arrived) -> bool:
    """Whether digits of any layer may have been lost between two divisions."""
    return any(map(lost_precision, before.before, after.before))

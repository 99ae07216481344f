"""The NumPy backend: hand-derived adjoints, one thread, no import of torch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from carousel.axes import Array, Net, Series, State, Units
from carousel.cells import Cell, Params
from carousel.engine import plain
from carousel.engine.backends.backend import Gradient, Model, Readout, Targets, each, outputs, read_out
from carousel.engine.engine import Engine, unprepared
from carousel.engine.losses import LOSSES, log_softmax
from carousel.engine.recurrence import PATHS, Gates, Step, effective, parameter_gradients, pull_back, unroll
from carousel.engine.step_jacobian import Slopes, slopes

NUMBA = find_spec("numba") is not None  # looked up once: training asks at every step
SATURATED = (
    0.19  # slope of tanh below which 1 - tanh^2 loses digits: one digit here, all where tanh rounds to 1
)


@dataclass(frozen=True)
class NumpyOps:
    """NumPy's functions under the names that cells use."""

    blocked: bool = False  # whether no gradient passes `stop_gradient`

    def tanh(self, x: Array) -> tuple[Array, Array]:
        y = np.tanh(x)
        slope = y * y
        np.subtract(1, slope, out=slope)
        if (saturated := slope < SATURATED).any():
            e = np.exp(-2 * abs(x[saturated]))
            slope[saturated] = 4 * e / (1 + e) ** 2
        return y, slope

    def sigmoid(self, x: Array) -> tuple[Array, Array]:
        """From exp(-x), so that neither 1 - sigma nor sigma is ever a small difference of large numbers."""
        try:
            with np.errstate(over="raise"):
                e = np.negative(x)
                np.exp(e, out=e)
        except FloatingPointError:
            return far_sigmoid(x)
        return from_exp(e)

    def relu(self, x: Array) -> tuple[Array, Array]:
        """Its slope is 1, 0, or NaN: of a NaN nothing is known."""
        y = np.maximum(x, 0)
        return y, np.sign(y)

    def log_sigmoid(self, x: Array) -> Array:
        from scipy.special import log_expit

        return log_expit(x)

    def log(self, x: Array) -> Array:
        with np.errstate(divide="ignore"):
            return np.log(x)

    def exp(self, x: Array) -> Array:
        return np.exp(x)

    def cos(self, x: Array) -> Array:
        return np.cos(x)

    def sin(self, x: Array) -> Array:
        return np.sin(x)

    def solve(self, A: Array, B: Array) -> Array:
        """A^-1 B; NaN for the models whose A is singular, which it is where it overflows."""
        try:
            return np.linalg.solve(A, B)
        except np.linalg.LinAlgError:
            return np.stack([solved(a, b) for a, b in zip(A, B, strict=True)])

    def eye(self, A: Array) -> Array:
        return np.broadcast_to(np.eye(A.shape[-1], dtype=A.dtype), A.shape)

    def zeros(self, x: Array) -> Array:
        return np.zeros_like(x)

    def gates(self, net: Net) -> tuple[Units, ...]:
        return tuple(net[:, g] for g in range(net.shape[1]))

    def stack(self, gates: tuple[Units, ...]) -> Net:
        return np.stack(gates, axis=1)

    def stop_gradient(self, x: Array) -> Array:
        return np.zeros_like(x) if self.blocked else x

    def recur(
        self, R: Float[Array, "M GH VH"], recurrent_input: Float[Array, "M VH B"]
    ) -> Float[Array, "M GH B"]:
        # a state may explode; its adjoint is still measured
        with np.errstate(over="ignore", invalid="ignore"):
            return R @ recurrent_input

    def product(self, A: Float[Array, "M N K"], x: Float[Array, "M K B"]) -> Float[Array, "M N B"]:
        return A @ x

    def affine(
        self, A: Float[Array, "M N K"], x: Float[Array, "M K B"], b: Float[Array, "M N 1"]
    ) -> Float[Array, "M N B"]:
        return A @ x + b

    def join(self, parts: Sequence[Array], axis: int = 1) -> Array:
        return np.concatenate(parts, axis=axis)


def from_exp(e: Array) -> tuple[Array, Array]:
    """sigma and its slope from e = exp(-x), which is overwritten."""
    y = e + 1
    np.reciprocal(y, out=y)
    e *= y
    e *= y
    return y, e


def far_sigmoid(x: Array) -> tuple[Array, Array]:
    """sigma and its slope where some exp(-x) overflows: both are exp(x) there. The other entries keep their bits."""
    with np.errstate(over="ignore", invalid="ignore"):
        e = np.exp(-x)
        far = np.isinf(e)
        y, slope = from_exp(e)
    y[far] = slope[far] = np.exp(x[far])
    return y, slope


FORWARD = NumpyOps()  # all gates open
Errors = Callable[[Float[Array, "m S H B"], slice], Float[Array, "m S H B"]]
"""The errors of h after the last S steps, given these h; of the models that the slice says."""


class HandDerived(NamedTuple):
    """Two forward passes, to h after the last S steps [M S H B]: with nothing for an adjoint, and with all of it."""

    outputs: Callable[[Cell, Params, Series, State, int], Array]
    gradient: Callable[[Cell, Params, Series, State, int, Errors, Gates], Params]
    """The gradient by the parameters, R itself among them, whose adjoint passes the gates only."""


def outputs_plainly(
    cell: Cell, params: Params, xs: Series, state: State, last: int
) -> Float[Array, "M S H B"]:
    """h after each of the `last` S steps."""
    return outputs(FORWARD, *unroll(FORWARD, cell, params, xs, state), last)


def gradient_plainly(
    cell: Cell, params: Params, xs: Series, state: State, last: int, errors: Errors, gates: Gates
) -> Params:
    """The gradient by the parameters, given the errors of h after the `last` S steps, of all models at once."""
    steps, end = unroll(FORWARD, cell, params, xs, state)
    d_hs = errors(outputs(FORWARD, steps, end, last), slice(None))
    ops = NumpyOps(blocked=gates != frozenset(cell.gates))
    return parameter_gradients(ops, cell, params, steps, d_hs, gates)


PLAIN = Engine(
    "plain", plain.adjoints, plain.norms, unprepared, HandDerived(outputs_plainly, gradient_plainly)
)


@dataclass(frozen=True)
class NumpyBackend:
    """NumPy in `dtype`, float64 or float32."""

    dtype: str
    engine: Engine[HandDerived] = PLAIN
    name: str = "numpy"
    device: str = "cpu"

    @staticmethod
    def present(device: str) -> bool:
        """Whether it can compute on `device` here."""
        return device == "cpu"

    @staticmethod
    def engine_for(exact: bool) -> Engine[HandDerived]:
        """The compiled engine where Numba is there; the plain one if all is to be `exact`."""
        if exact or not NUMBA:
            return replace(PLAIN, compresses=not exact)
        from carousel.engine.compiled.engine import COMPILED

        return replace(COMPILED, for_mixing=PLAIN)

    @property
    def exact(self) -> bool:
        return not self.engine.compresses

    def in_dtype(self, dtype: str) -> "NumpyBackend":
        return replace(self, dtype=dtype)

    def array(self, values: np.ndarray) -> np.ndarray:
        return np.asarray(values, dtype=self.dtype)

    def numpy(self, array: np.ndarray) -> np.ndarray:
        return array

    def ops(self, cell: Cell, gates: Gates) -> NumpyOps:
        return NumpyOps(blocked=gates != frozenset(cell.gates))

    def slopes(self, cell: Cell, params: Params, steps: Sequence[Step]) -> Slopes:
        return slopes(FORWARD, cell, params, steps)

    def vjp(self, cell: Cell, params: Params, step: Step, d_state: State, gates: Gates) -> State:
        return pull_back(self.ops(cell, gates), cell, params, step, d_state, gates).before

    def error(self, cell: Cell, params: Params, step: Step, d_state: State) -> tuple[State, Net]:
        errors = pull_back(FORWARD, cell, params, step, d_state, PATHS["full"](cell))
        return errors.before, errors.wx

    def widen(self, step: Step, n: int) -> Step:
        B = step.x.shape[-1]
        return each(step, lambda a: np.repeat(a, n, axis=-1) if np.shape(a)[-1:] == (B,) else a)

    def rescale(self, d_state: State, per_unit: bool) -> tuple[State, Int[Array, "M _ B"]]:
        peak = np.maximum.reduce([abs(d) if per_unit else abs(d).max(1, keepdims=True) for d in d_state])
        _, power = np.frexp(peak)
        return tuple(np.ldexp(d, -power) for d in d_state), power

    def scale(self, x: Array, power: Int[Array, "M _ B"]) -> Array:
        return np.ldexp(x, power)

    def norm(self, x: Array) -> Float[np.ndarray, "M B"]:
        return np.sqrt(np.square(x, dtype=np.float64).sum(1))

    def run(self, cell: Cell, model: Model, xs: Series, state: State, last: int) -> Float[Array, "M S O B"]:
        params = effective(FORWARD, cell, model.params)
        return read_out(model, self.engine.of(cell).unroll.outputs(cell, params, xs, state, last))

    def gradient(
        self, cell: Cell, model: Model, xs: Series, state: State, targets: Targets, gates: Gates
    ) -> Gradient:
        params, S = effective(FORWARD, cell, model.params), targets.target.shape[1]
        found = list[ReadOut]()

        def errors(hs: Float[Array, "m S H B"], models: slice) -> Float[Array, "m S H B"]:
            """The errors of h; the losses and the gradient by the readout go to `found`."""
            V, a = (each[models] for each in model.readout)
            target, weight = (each[models] for each in targets[:2])
            own = model._replace(readout=Readout(V, a)), hs, Targets(target, weight, targets.loss)
            found.append(through_readout(*own))
            return found[-1].errors

        d_params = self.engine.of(cell).unroll.gradient(cell, params, xs, state, S, errors, gates)
        if cell.weight:
            _, saved = cell.weight.forward(FORWARD, model.params.R)
            d_params = d_params._replace(R=cell.weight.backward(FORWARD, saved, d_params.R))
        loss, _, V, a = map(np.concatenate, zip(*found, strict=True))
        return Gradient(loss, Model(d_params, Readout(V, a)))

    def output_error(
        self, cell: Cell, model: Model, xs: Series, state: State, targets: Targets
    ) -> Float[np.ndarray, "M H B"]:
        y = self.run(cell, model, xs, state, 1)[:, 0]
        d_y = LOSSES[targets.loss].derivative(y, targets.target[:, -1])
        return model.readout.V.swapaxes(1, 2) @ d_y


class ReadOut(NamedTuple):
    """The loss of each model, the errors of h, and the gradient by the readout."""

    loss: Float[Array, " m"]
    errors: Float[Array, "m S H B"]
    V: Float[Array, "m O H"]
    a: Float[Array, "m O 1"]


def through_readout(model: Model, hs: Float[Array, "m S H B"], targets: Targets) -> ReadOut:
    """The mean loss of the outputs made of each h, and its gradients."""
    y, loss = read_out(model, hs), LOSSES[targets.loss]
    share = targets.weight / hs.shape[-1]
    losses = loss.value(y, targets.target, log_softmax)
    d_y = loss.derivative(y, targets.target) * share[:, :, None]
    return ReadOut(
        (losses * share).sum((1, 2)),
        model.readout.V.swapaxes(1, 2)[:, None] @ d_y,
        (d_y @ hs.swapaxes(2, 3)).sum(1),
        d_y.sum((1, 3))[..., None],
    )


def solved(A: Float[np.ndarray, "N N"], B: Float[np.ndarray, "N K"]) -> Float[np.ndarray, "N K"]:
    """A^-1 B of one model; NaN where A is singular."""
    try:
        return np.linalg.solve(A, B)
    except np.linalg.LinAlgError:
        return np.full_like(B, np.nan)

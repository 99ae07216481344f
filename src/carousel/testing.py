"""Checks of a cell's adjoint by hand: for the cells of the table, and for one of your own.

    from carousel.testing import check_cell
    from my_cells import LEAKY  # a carousel.cells.Cell

    def test_leaky():
        check_cell(LEAKY)

The adjoint is compared with autograd and with difference quotients of the forward pass, from random states, inputs and
parameters, never zeros, with several models, sequences and units. Nothing in the package imports this module.
"""

from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from carousel.axes import State
from carousel.cells import CELLS, Cell
from carousel.engine.backends.backend import Backend, Model, Readout, Targets, leaves, rebuild
from carousel.engine.backends.table import load
from carousel.engine.recurrence import PATHS, Step, unroll
from carousel.engine.system import System
from carousel.engine.trace import intermediate_program, program
from carousel.inits import draw
from carousel.study.models import on_backend, stack

M, H, D, B, T, OUTPUTS = 3, 5, 2, 4, 9, 2  # models, units, inputs, sequences, steps, outputs
ROUNDING = {"float64": 1.0, "float32": 2e9}
"""The factor of float64's tolerances by autograd's dtype. bfloat16 has too few digits for these checks."""
STENCIL = {False: (3e-3, 1e-11), True: (3e-4, 1e-10)}
"""The step of a difference quotient and its rounding, by `Cell.kinked`: the step of a cell with a kink is short of it.
The rounding is that of a few values below 20, 2e-15 each, divided by the step."""


class Case(NamedTuple):
    """A cell to check, and its derivatives: by hand in float64, and by autograd on some device and in some dtype."""

    cell: Cell
    name: str
    by_hand: Backend
    by_autograd: Backend
    seed: int

    def random(self, backend: Backend, number: int) -> tuple[System, State]:
        """The system with this number for the cell, and a covector."""
        return random_system(backend, self.cell, self.seed + number)

    def agree(self, what: str, ways: str, a: Any, b: Any, rtol: float, atol: float) -> None:
        """Raise AssertionError unless the arrays a and b are equal but for rounding."""
        a, b = np.asarray(a, float), np.asarray(b, float)
        if a.shape != b.shape:
            raise AssertionError(f"{self.name}: {what} {ways} have the shapes {a.shape} and {b.shape}")
        off, allowed = abs(a - b), rtol * abs(b) + atol
        if a.size and not (off <= allowed).all():
            at = np.unravel_index(np.argmax(off - allowed), a.shape)  # a NaN is the largest
            raise AssertionError(
                f"{self.name}: {what} {ways} differ by {off[at]:.1e}; allowed: {allowed[at]:.1e}"
            )


def random_system(
    backend: Backend, cell: Cell, seed: int = 0, length: int = T, hidden: int = H, init: str = "torch"
) -> tuple[System, State]:
    """M models of `cell` with an input and a state, all random, and a random covector on the last state."""
    rng = np.random.default_rng(seed)
    bias = {"forget_bias": "none" if cell.forget is None else "0.7", "bias": 0.1}
    options: dict[str, Any] = {"H": hidden, "D": D, "gain": 1.3, "length": length} | bias
    params = stack([draw(init, cell, lambda role: rng, **options) for _ in range(M)])
    draws = [0.6 * rng.standard_normal((M, size, B)) for size in 2 * cell.state_sizes(hidden)]
    xs = backend.array(rng.standard_normal((length, M, D, B)))
    named = zip(cell.states, draws, strict=False)
    state = tuple(backend.array(abs(s) if name in cell.positive else s) for name, s in named)
    covector = tuple(map(backend.array, draws[len(cell.states) :]))
    return System(backend, cell, on_backend(backend, params), xs, state), covector


def random_readout(backend: Backend, hidden: int = H, outputs: int = OUTPUTS) -> Readout:
    """A random readout of M models."""
    rng = np.random.default_rng(99)
    shapes = (M, outputs, hidden), (M, outputs, 1)
    return Readout(*(backend.array(rng.standard_normal(shape)) for shape in shapes))


def random_targets(backend: Backend, loss: str = "squared_error", steps: int = 3) -> Targets:
    """Random targets of the last steps, which are probabilities, with random weights."""
    rng = np.random.default_rng(4)
    target, weight = np.abs(rng.standard_normal((M, steps, OUTPUTS, B))), rng.uniform(size=(M, steps, B))
    target, weight = target / target.sum(2, keepdims=True), weight / weight.sum(1, keepdims=True)
    return Targets(backend.array(target), backend.array(weight), loss)


def last_step(system: System, covector: State) -> tuple[System, Step, State]:
    """The system with R itself, its last step, and the covector on the state after that."""
    system = system.effective()
    return system, unroll(system.ops, *system[1:])[0][-1], covector


def adjoint(system: System, covector: State, path: str = "full") -> list[np.ndarray]:
    """The adjoint of the first state on a path, from the covector on the last."""
    system, gates = system.effective(), PATHS[path](system.cell)
    for step in reversed(unroll(system.ops, *system[1:])[0]):
        covector = system.vjp(step, covector, gates)
    return [system.backend.numpy(d) for d in covector]


def gradient(system: System, readout: Readout, targets: Targets, path: str = "full") -> list[np.ndarray]:
    """The loss per model and its gradient by every parameter, in the order of `leaves`."""
    backend, cell, params, xs, state = system
    found = backend.gradient(cell, Model(params, readout), xs, state, targets, PATHS[path](cell))
    return [backend.numpy(a) for a in (found.loss, *leaves(found.model))]


def difference_quotient(f: Callable[[float], Any], step: float) -> Any:
    """df/ds at 0 by the seven-point stencil, whose error is of order step^6."""
    terms = (k * (f(n * step) - f(-n * step)) for n, k in ((1, 45), (2, -9), (3, 1)))
    return sum(terms) / (60 * step)


def random_direction(rng: np.random.Generator, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """A random vector of norm 1, in arrays shaped as `arrays`."""
    draws = [rng.standard_normal(a.shape) for a in arrays]
    norm = np.sqrt(sum(np.square(a).sum() for a in draws))
    return [a / norm for a in draws]


def along(a: Sequence[np.ndarray], direction: Sequence[np.ndarray]) -> np.ndarray:
    """The inner product of each model's part of two vectors, [M]."""
    parts = [(x * y).reshape(M, -1).sum(1) for x, y in zip(a, direction, strict=True)]
    return np.sum(parts, axis=0)


Derivative = tuple[str, np.ndarray, float, float]  # what it is, and the tolerances, relative and absolute


def derivatives(case: Case, backend: Backend) -> Iterator[Derivative]:
    """The derivatives of a cell that are computed by hand and by autograd, on one of the two backends."""
    cell = case.cell
    for name, d in zip(cell.states, adjoint(*case.random(backend, 0)), strict=True):
        yield f"the adjoint of state {name}", d, 1e-12, 1e-14
    for path in PATHS:
        for name, d in zip(cell.states, adjoint(*case.random(backend, 1), path), strict=True):
            yield f"the adjoint of state {name} on the path {path}", d, 1e-11, 1e-15
    system, step, covector = last_step(*case.random(backend, 18))
    yield "the adjoint of W x + b", backend.numpy(system.error(step, covector)[1]), 1e-12, 1e-14
    names = "loss", "W", "R", "b", *sorted(cell.pointwise), "V of the readout", "a of the readout"
    for loss, path in product(("squared_error", "cross_entropy"), ("full", "truncated")):
        system, targets = case.random(backend, 3)[0], random_targets(backend, loss)
        found = gradient(system, random_readout(backend), targets, path)
        for name, d in zip(names, found, strict=True):
            yield f"the gradient of the {loss} by {name} on the path {path}", d, 1e-11, 1e-14


def check_names(case: Case) -> None:
    """The names that a cell mentions are those of its gates and states."""
    cell = case.cell
    blocks = {(gate, source) for gate in cell.gates for source in ("x", *cell.columns)}
    fields: tuple[tuple[str, set[Any], set[Any]], ...] = (
        ("gates", {cell.candidate, cell.forget, cell.input, cell.output}, {*cell.gates, None}),
        ("recurrent_states", {*cell.recurrent_states}, {*cell.states}),
        ("positive", {*cell.positive}, {*cell.states}),
        ("sizes", {*cell.sizes}, {*cell.states[1:]} - {*cell.recurrent_states}),
        ("masked_blocks", {*cell.masked_blocks}, blocks),
    )
    for field, names, allowed in fields:
        if unknown := names - allowed:
            raise AssertionError(f"{case.name}: {field}: found {unknown}; allowed: {allowed}")


def check_sizes(case: Case) -> None:
    """A step gives every state the size that it had, and its adjoint as well."""
    for backend in (case.by_hand, case.by_autograd):
        system, step, covector = last_step(*case.random(backend, 18))
        after = unroll(system.ops, *system[1:])[1]
        for what, found in (("state", after), ("adjoint", system.vjp(step, covector, system.full))):
            for name, s, own in zip(case.cell.states, found, system.state, strict=True):
                if s.shape != own.shape:
                    shapes = f"found {tuple(s.shape)}; allowed: {tuple(own.shape)}"
                    raise AssertionError(f"{case.name}: the {what} of {name} on {backend.name}: {shapes}")


def check_pointwise(case: Case) -> None:
    """The cell uses arithmetic and the functions of `Ops` alone, as the compiled loops need it; one may mix units."""
    if case.cell.mixes:
        return
    try:
        program(case.cell), intermediate_program(case.cell)
    except (AttributeError, NotImplementedError, TypeError, ValueError) as error:
        raise AssertionError(f"{case.name}: not a pointwise map of `Ops`: {error}") from error


def check_by_autograd(case: Case) -> None:
    """Every derivative by hand is that of autograd."""
    both, factor = (case.by_hand, case.by_autograd), ROUNDING[case.by_autograd.dtype]
    pairs = zip(*(derivatives(case, backend) for backend in both), strict=True)
    for (what, a, rtol, atol), (_, b, *_) in pairs:
        case.agree(what, "by hand and by autograd", a, b, factor * rtol, factor * atol)


def check_by_stencil(case: Case) -> None:
    """The adjoint of the state and the gradient by all parameters are difference quotients, masked blocks included."""
    (raw, covector), rng = case.random(case.by_hand, 0), np.random.default_rng(5)
    system, (step, rounding) = raw.effective(), STENCIL[case.cell.kinked]
    direction = random_direction(rng, raw.state)

    def product_with_last(s: float) -> np.ndarray:
        state = tuple(x + s * d for x, d in zip(raw.state, direction, strict=True))
        return along(covector, unroll(system.ops, *system._replace(state=state)[1:])[1])

    slope, expected = along(adjoint(raw, covector), direction), difference_quotient(product_with_last, step)
    case.agree("the adjoint of the state", "by hand and by stencil", slope, expected, 1e-10, rounding)
    model, targets = Model(raw.params, random_readout(case.by_hand)), random_targets(case.by_hand)
    moves = random_direction(rng, leaves(model))

    def training_loss(s: float) -> np.ndarray:
        moved = rebuild(model, [a + s * d for a, d in zip(leaves(model), moves, strict=True)])
        return gradient(raw._replace(params=moved.params), moved.readout, targets)[0]

    slope = along(gradient(raw, model.readout, targets)[1:], moves)
    expected = difference_quotient(training_loss, step)
    case.agree("the gradient by the parameters", "by hand and by stencil", slope, expected, 1e-10, rounding)


def check_steps(case: Case) -> None:
    """The path `cell` is zero unless the cell carries; the state's adjoint is the same with that of W x + b."""
    for backend in (case.by_hand, case.by_autograd):
        passes = any(d.any() for d in adjoint(*case.random(backend, 1), "cell"))
        if passes != case.cell.carries:
            raise AssertionError(
                f"{case.name}: carries: found {case.cell.carries}; allowed, by the path cell: {passes}"
            )
        system, step, covector = last_step(*case.random(backend, 18))
        rounding = (
            ROUNDING[backend.dtype] * 1e-14 * case.cell.mixes
        )  # unit by unit autograd has the slopes once
        pairs = zip(system.error(step, covector)[0], system.vjp(step, covector, system.full), strict=True)
        for pair in pairs:
            a, b = map(backend.numpy, pair)
            case.agree(
                "the adjoint of the state", "with and without that of W x + b", a, b, rounding, rounding
            )


def check_models(case: Case) -> None:
    """The models of a batch do not act on each other."""
    for backend in (case.by_hand, case.by_autograd):
        system, covector = case.random(backend, 12)
        second, factor = slice(1, 2), ROUNDING[backend.dtype]
        alone = adjoint(system.models(second), tuple(d[second] for d in covector))
        for a, b in zip(alone, adjoint(system, covector), strict=True):
            ways = "alone and in a batch"
            case.agree("the adjoint of a model", ways, a[0], b[1], factor * 1e-13, factor * 1e-15)


def check_float32(case: Case) -> None:
    """Numbers that start in float32 stay in float32."""
    for backend in (load("numpy", "cpu", "float32"), load("torch", case.by_autograd.device, "float32")):
        raw, covector = case.random(backend, 11)
        arrays = gradient(raw, random_readout(backend), random_targets(backend))[1:]
        system, step, _ = last_step(raw, covector)
        last, d_state = unroll(system.ops, *system[1:])[1], system.vjp(step, covector, system.full)
        arrays += map(backend.numpy, (system.params.R, *last, *d_state))
        if others := {str(a.dtype) for a in arrays} - {"float32"}:
            raise AssertionError(f"{case.name}: float32 becomes {', '.join(others)} on {backend.name}")


CHECKS: tuple[Callable[[Case], None], ...] = (
    check_names,
    check_sizes,
    check_models,
    check_steps,
    check_pointwise,
    check_by_autograd,
    check_by_stencil,
    check_float32,
)


def check_cell(
    cell: Cell, name: str = "", device: str = "cpu", dtype: str = "float64", seed: int = 0
) -> None:
    """Check what must hold for every cell; `name` stands in messages, autograd runs on `device` and in `dtype`.

    Each `seed` draws other parameters, inputs and states: a cell with a kink may by chance lie on it.

    Raises AssertionError, one line with the cell, what disagrees and by how much; ModuleNotFoundError without torch;
    ValueError for a device that is not there, or a dtype that is neither float64 nor float32.
    """
    if find_spec("torch") is None:
        raise ModuleNotFoundError("check_cell compares with autograd and needs torch: pip install torch")
    if dtype not in ROUNDING:
        raise ValueError(f"dtype: found {dtype}; allowed: {', '.join(ROUNDING)}")
    known = next((key for key, each in CELLS.items() if each is cell), f"cell of {cell.forward.__module__}")
    case = Case(cell, name or known, load("numpy", "cpu", "float64"), load("torch", device, dtype), seed)
    for check in CHECKS:
        check(case)

"""A cell's straight-line programs, run with NumPy, are its pointwise functions and their hand-derived adjoints."""

from collections.abc import Callable, Mapping

import numpy as np
import pytest
from support.cell_checks import every_pointwise_cell
from support.problems import random_problem

from carousel.cells import CELLS, Cell
from carousel.engine.backends.numpy import NumpyOps
from carousel.engine.trace import Map, Program, intermediate_program, is_literal, program

Values = Mapping[str, np.ndarray]
OPS = NumpyOps()
RUN: dict[str, Callable] = {
    "add": np.add,
    "mul": np.multiply,
    "sub": np.subtract,
    "div": np.divide,
    "neg": np.negative,
    "sqrt": np.sqrt,
    "greater": lambda x, y: (x > y).astype(float),
    "tanh": lambda x: OPS.tanh(x)[0],
    "tanh_slope": lambda x, y: OPS.tanh(x)[1],
    "sigmoid": lambda x: OPS.sigmoid(x)[0],
    "sigmoid_slope": lambda x, y: OPS.sigmoid(x)[1],
    "relu": lambda x: OPS.relu(x)[0],
    "log_sigmoid": OPS.log_sigmoid,
    "log": OPS.log,
    "exp": OPS.exp,
    "cos": OPS.cos,
    "sin": OPS.sin,
}


def run(each: Program, arguments: Values) -> dict[str, np.ndarray]:
    """The results of a program."""
    values = dict(arguments)
    for name, op, operands in each.lines:
        values[name] = RUN[op](*(number(values, o) for o in operands))
    return {name: number(values, operand) for name, operand in each.results.items()}


def number(values: Values, operand: str) -> np.ndarray | float:
    return float(operand) if is_literal(operand) else values[operand]


class Step:
    """Random arguments of one step, away from zero, and errors after it."""

    def __init__(self, name: str) -> None:
        p, rng = random_problem(name), np.random.default_rng(3)
        self.cell: Cell = p.cell
        M, H, B = p.state[0].shape
        self.wx, self.rh = rng.standard_normal((2, M, len(p.cell.gates), H, B))
        self.p, self.state = p.params.p, p.state
        self.errors = rng.standard_normal((len(p.state), M, H, B))
        self.d_v = rng.standard_normal((M, H, B))

    @property
    def arguments(self) -> dict[str, np.ndarray]:
        found = {f"wx_{gate}": self.wx[:, g] for g, gate in enumerate(self.cell.gates)}
        found |= {f"rh_{gate}": self.rh[:, g] for g, gate in enumerate(self.cell.gates)}
        found |= {f"p_{name}": value for name, value in self.p.items()}
        return found | {f"s_{name}": s for name, s in zip(self.cell.states, self.state, strict=True)}

    def multipliers(self, each: Map) -> dict[str, np.ndarray]:
        """What a forward program saves for its adjoint, and the parameters."""
        forward = run(each.forward, self.arguments)
        return {name: value for name, value in forward.items() if name[0] == "m"} | {
            f"p_{name}": value for name, value in self.p.items()
        }


def assert_close(found: np.ndarray | float, expected: np.ndarray | float) -> None:
    scale = max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(*np.broadcast_arrays(found, expected), rtol=0, atol=1e-13 * scale)


def assert_adjoint(step: Step, found: dict, expected: tuple) -> None:
    """The results of a backward program are those of a hand-derived adjoint."""
    d_p, d_wx, d_rh, d_state = expected
    for g, gate in enumerate(step.cell.gates):
        assert_close(found[f"wx_{gate}"], d_wx[:, g])
        assert_close(found[f"rh_{gate}"], d_rh[:, g])
    for name, d in zip(step.cell.states, d_state, strict=True):
        assert_close(found[f"d_{name}"], d)
    assert {name for name in found if name.startswith("p_")} == {f"p_{name}" for name in d_p}
    for name, d in d_p.items():
        assert_close(found[f"p_{name}"], d)


@every_pointwise_cell
def test_the_forward_program_is_the_step(name: str) -> None:
    step = Step(name)
    cell, found = step.cell, run(program(step.cell).forward, step.arguments)
    after, _ = cell.forward(OPS, step.p, step.wx, step.rh, step.state)
    for state, expected in zip(cell.states, after, strict=True):
        assert_close(found[f"s_{state}"], expected)
    factor = cell.log_factor(OPS, step.p, step.wx, step.rh, step.state)
    assert_close(np.exp(found["log_factor"]), np.exp(factor))


@pytest.mark.parametrize("blocked", [False, True])
@every_pointwise_cell
def test_the_backward_program_is_the_adjoint_with_open_and_blocked_gates(name: str, blocked: bool) -> None:
    step = Step(name)
    each, ops = program(step.cell), NumpyOps(blocked)
    errors = {f"d_{state}": d for state, d in zip(step.cell.states, step.errors, strict=True)}
    found = run(each.blocked if blocked else each.backward, step.multipliers(each) | errors)
    _, saved = step.cell.forward(OPS, step.p, step.wx, step.rh, step.state)
    assert_adjoint(step, found, step.cell.backward(ops, step.p, saved, tuple(step.errors)))


@pytest.mark.parametrize("name", [name for name, cell in CELLS.items() if cell.intermediate])
def test_the_programs_of_an_intermediate_input_are_its_functions(name: str) -> None:
    step = Step(name)
    intermediate, each = step.cell.intermediate, intermediate_program(step.cell)
    v, saved = intermediate.forward(OPS, step.p, step.wx, step.rh, step.state)
    assert_close(run(each.forward, step.arguments)["v"], v)
    found = run(each.backward, step.multipliers(each) | {"d_v": step.d_v})
    assert_adjoint(step, found, intermediate.backward(OPS, step.p, saved, step.d_v))


@every_pointwise_cell
def test_a_backward_program_only_multiplies_and_adds(name: str) -> None:
    maps = [program(CELLS[name]), intermediate_program(CELLS[name])]
    assert {line.op for each in maps if each for line in each.backward.lines} <= {"mul", "add"}

"""A cell's pointwise functions as straight-line programs of scalars, for compilers.

A cell is written once, against the functions of `Ops`. Called with symbols in the place of arrays, it leaves a list of
its operations on one unit of one sequence, which a compiler translates. An adjoint is linear in the error it starts
from, so everything that does not depend on the error is computed in the forward pass: a step back only multiplies
errors by saved numbers, and adds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from carousel.cells import Cell


class Line(NamedTuple):
    """``name = op(*operands)``; an operand is the name of an argument or of an earlier line, or a number."""

    name: str
    op: str
    operands: tuple[str, ...]


class Program(NamedTuple):
    """Lines without branches, and the results by name: each is the name of a line or argument, or a number."""

    lines: tuple[Line, ...]
    results: Mapping[str, str]


class Map(NamedTuple):
    """A pointwise map and its adjoint.

    `forward` takes ``wx_<gate>``, ``rh_<gate>``, ``p_<parameter>`` and ``s_<state>``. Its results are the new
    ``s_<state>`` and the ``log_factor`` (of an intermediate input: ``v``), and the multipliers of the errors in the
    adjoint: ``m0``, ``m1`` ...

    `backward` takes these multipliers, the parameters, and the errors ``d_<state>`` after the step (of an intermediate
    input: ``d_v``). Its results are the errors ``wx_<gate>``, ``rh_<gate>``, ``p_<parameter>``, and ``d_<state>``
    without what passes through R. `blocked` is that adjoint with blocked gates, where no error passes a peephole.
    """

    forward: Program
    backward: Program
    blocked: Program


@dataclass
class Tape:
    """The lines written so far; the same operation on the same operands is written once."""

    prefix: str
    lines: dict[tuple[str, tuple[str, ...]], str] = field(default_factory=dict)

    def write(self, op: str, *operands: Any) -> "Symbol":
        """The symbol of the line ``op(*operands)``, which is written if it is not there yet."""
        key = op, tuple(map(operand_name, operands))
        return Symbol(self, self.lines.setdefault(key, f"{self.prefix}{len(self.lines)}"))

    def program(self, results: Mapping[str, str]) -> Program:
        """The lines that `results` need."""
        lines = [Line(name, op, operands) for (op, operands), name in self.lines.items()]
        return Program(needed(lines, results.values()), results)


@dataclass(frozen=True)
class Symbol:
    """An argument or a line of a program, in the place of an array."""

    tape: Tape = field(compare=False)
    name: str
    shape, dtype = (1, 1, 1), "float64"  # of one unit and sequence, where the cells' arguments are checked

    def __add__(self, other: Any) -> Any:
        return self if is_number(other, 0) else self.write("add", other)

    def __mul__(self, other: Any) -> Any:
        if is_number(other, 0) or is_number(other, 1):
            return self if other else 0.0
        return self.write("mul", other)

    def __sub__(self, other: Any) -> Any:
        return self if is_number(other, 0) else self.write("sub", other)

    def __rsub__(self, other: float | int) -> Any:
        return self.tape.write("sub", other, self)

    def __truediv__(self, other: Any) -> Any:
        return self.write("div", other)

    def __rtruediv__(self, other: float | int) -> Any:
        return self.tape.write("div", other, self)

    def __neg__(self) -> Any:
        return self.tape.write("neg", self)

    def __gt__(self, other: float | int) -> Any:
        return self.write("greater", other)

    def __pow__(self, power: float) -> Any:
        if power != 0.5:
            raise NotImplementedError(f"power {power}: only roots are known")
        return self.tape.write("sqrt", self)

    def write(self, op: str, other: Any) -> Any:
        """The symbol of a line of this symbol and another operand; an `Error` handles the operation itself."""
        return NotImplemented if isinstance(other, Error) else self.tape.write(op, self, other)

    __radd__, __rmul__ = __add__, __mul__


@dataclass(frozen=True)
class Error:
    """A sum of terms of an adjoint: errors, each times a factor that does not depend on any error."""

    tape: Tape = field(compare=False)
    terms: tuple[tuple[str, Any], ...]  # the name of an error, and its factor
    shape, dtype = (1, 1, 1), "float64"

    def __mul__(self, other: Any) -> Any:
        if is_number(other, 0):
            return 0.0
        (name, factor), *more = self.terms
        if more:
            name, factor = written_error(self), 1.0
        return Error(self.tape, ((name, factor * other),))

    def __add__(self, other: Any) -> Any:
        if is_number(other, 0):
            return self
        return Error(self.tape, (*self.terms, *other.terms))

    def __neg__(self) -> "Error":
        return Error(self.tape, tuple((name, -1.0 * factor) for name, factor in self.terms))

    def __sub__(self, other: Any) -> Any:
        return self + -other

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __truediv__(self, other: Any) -> Any:
        return self * (1.0 / other)

    __radd__, __rmul__ = __add__, __mul__


class Number(float):
    """A number in the place of an array; a sum with another number is one, too."""

    shape, dtype = (1, 1, 1), "float64"

    def __add__(self, other: Any) -> Any:
        total = super().__add__(other)
        return total if total is NotImplemented else Number(total)

    def __sub__(self, other: Any) -> Any:
        return self + -other

    __radd__ = __add__


class Recorder:
    """The functions of `Ops` on symbols; with `blocked`, no gradient passes `stop_gradient`."""

    def __init__(self, blocked: bool = False) -> None:
        self.blocked = blocked

    def tanh(self, x: Symbol) -> tuple[Symbol, Symbol]:
        return with_slope("tanh", x)

    def sigmoid(self, x: Symbol) -> tuple[Symbol, Symbol]:
        return with_slope("sigmoid", x)

    def relu(self, x: Symbol) -> tuple[Symbol, Symbol]:
        return x.tape.write("relu", x), x > 0

    def log_sigmoid(self, x: Symbol) -> Symbol:
        return x.tape.write("log_sigmoid", x)

    def log(self, x: Symbol) -> Symbol:
        return x.tape.write("log", x)

    def exp(self, x: Symbol) -> Symbol:
        return x.tape.write("exp", x)

    def cos(self, x: Symbol) -> Symbol:
        return x.tape.write("cos", x)

    def sin(self, x: Symbol) -> Symbol:
        return x.tape.write("sin", x)

    def zeros(self, x: Any) -> float:
        return Number(0.0)

    def solve(self, A: Any, B: Any) -> Any:
        raise NotImplementedError("a matrix is not a pointwise value")

    def eye(self, A: Any) -> Any:
        raise NotImplementedError("a matrix is not a pointwise value")

    def gates(self, net: "Gates") -> "Gates":
        return net

    def stack(self, gates: Iterable[Any]) -> "Gates":
        return Gates(gates)

    def stop_gradient(self, x: Any) -> Any:
        return Number(0.0) if self.blocked else x


class Gates(tuple):
    """One symbol or error per gate, in the place of an array of all gates."""

    dtype = "float64"

    @property
    def shape(self) -> tuple[int, ...]:
        return 1, len(self), 1, 1

    def __add__(self, other: Any) -> "Gates":
        return Gates(a + b for a, b in zip(self, other, strict=True))


def with_slope(op: str, x: Symbol) -> tuple[Symbol, Symbol]:
    """The symbols of an activation and of its slope, whose operands are x and the activation."""
    y = x.tape.write(op, x)
    return y, x.tape.write(f"{op}_slope", x, y)


def is_number(x: Any, value: int) -> bool:
    """Whether x is a number, not a symbol, and equal to `value`."""
    return isinstance(x, float | int) and bool(x == value)


def operand_name(operand: Any) -> str:
    """The name of a symbol, or a number as text."""
    return operand.name if isinstance(operand, Symbol) else repr(float(operand))


def written_error(error: Any) -> str:
    """The name of a sum of errors, whose lines are written; a number as text."""
    if not isinstance(error, Error):
        return operand_name(error)
    parts = [
        name if is_number(factor, 1) else error.tape.write("mul", Symbol(error.tape, name), factor).name
        for name, factor in error.terms
    ]
    whole = Symbol(error.tape, parts[0])
    for part in parts[1:]:
        whole = whole + Symbol(error.tape, part)
    return whole.name


def needed(lines: Iterable[Line], results: Iterable[str]) -> tuple[Line, ...]:
    """The lines that `results` depend on, in their order."""
    wanted, used = set(results), []
    for line in reversed(list(lines)):
        if line.name in wanted:
            wanted |= set(line.operands)
            used.append(line)
    return tuple(reversed(used))


def program(cell: Cell) -> Map:
    """The map of a step of `cell`; ``rh_<gate>`` is R times all recurrent states, the intermediate input included."""
    tape, p, wx, rh, state = arguments(cell)
    ops: Any = Recorder()
    after, saved = cell.forward(ops, p, wx, rh, state)
    log_factor = cell.log_factor(ops, p, wx, rh, state)
    forward = {f"s_{name}": operand_name(s) for name, s in zip(cell.states, after, strict=True)}
    names = tuple(f"d_{name}" for name in cell.states)
    return with_adjoints(
        cell, tape, forward | {"log_factor": operand_name(log_factor)}, cell.backward, p, saved, names
    )


def intermediate_program(cell: Cell) -> Map | None:
    """The map that gives the intermediate input, None without one; ``rh_<gate>`` is R times the states alone."""
    if cell.intermediate is None:
        return None
    tape, p, wx, rh, state = arguments(cell)
    ops: Any = Recorder()
    v, saved = cell.intermediate.forward(ops, p, wx, rh, state)
    return with_adjoints(cell, tape, {"v": operand_name(v)}, cell.intermediate.backward, p, saved, ("d_v",))


def arguments(cell: Cell) -> tuple[Tape, dict[str, Symbol], Gates, Gates, tuple[Symbol, ...]]:
    """The tape of a forward program and its arguments: p, wx, rh and the state."""
    tape = Tape("v")
    wx, rh = (Gates(Symbol(tape, f"{name}_{gate}") for gate in cell.gates) for name in ("wx", "rh"))
    state = tuple(Symbol(tape, f"s_{name}") for name in cell.states)
    return tape, {name: Symbol(tape, f"p_{name}") for name in cell.pointwise}, wx, rh, state


def with_adjoints(
    cell: Cell, tape: Tape, forward: dict[str, str], backward: Any, p: Any, saved: Any, names: tuple[str, ...]
) -> Map:
    """The map of a forward program and of the adjoints of it, whose multipliers become results of the forward one."""
    adjoints = [adjoint(cell, backward, p, saved, names, blocked) for blocked in (False, True)]
    parameters = {f"p_{name}" for name in cell.pointwise}
    own = {line.name for each in adjoints for line in each.lines} | parameters | set(names)
    used = [o for each in adjoints for line in each.lines for o in line.operands]
    factors = [name for name in dict.fromkeys(used) if name not in own and not is_literal(name)]
    renamed = {name: f"m{k}" for k, name in enumerate(factors)}
    return Map(
        tape.program(forward | {new: name for name, new in renamed.items()}),
        *(rename(each, renamed) for each in adjoints),
    )


def adjoint(cell: Cell, backward: Any, p: Any, saved: Any, names: tuple[str, ...], blocked: bool) -> Program:
    """The program of `backward`, from errors called `names`."""
    tape = Tape("e")
    errors = tuple(Error(tape, ((name, 1.0),)) for name in names)
    d_p, d_wx, d_rh, d_state = backward(
        Recorder(blocked), p, saved, errors if len(names) > 1 or names[0] != "d_v" else errors[0]
    )
    results = {f"wx_{gate}": d for gate, d in zip(cell.gates, d_wx, strict=True)}
    results |= {f"rh_{gate}": d for gate, d in zip(cell.gates, d_rh, strict=True)}
    results |= {f"d_{name}": d for name, d in zip(cell.states, d_state, strict=True)}
    results |= {f"p_{name}": d for name, d in d_p.items()}
    return tape.program({name: written_error(d) for name, d in results.items()})


def rename(program: Program, names: Mapping[str, str]) -> Program:
    """`program` with the arguments renamed by `names`."""
    lines = (line._replace(operands=tuple(names.get(o, o) for o in line.operands)) for line in program.lines)
    return Program(tuple(lines), program.results)


def is_literal(operand: str) -> bool:
    """Whether an operand is a number, not a name."""
    return operand[0].isdigit() or operand[0] == "-"

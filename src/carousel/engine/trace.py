"""A cell's pointwise functions as straight-line programs of scalars, for compilers.

A cell is written once, against the functions of `Ops`. Called with symbols in the place of arrays, it leaves a list of
what it does with one unit of one sequence, and a compiler spells that list in its own language. An adjoint is linear in
the error it starts from, so all that does not depend on the error is worked out in the forward pass: a step back then
only multiplies errors by saved numbers, and adds.
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
    """Lines without branches, and what they give by name: the name of a line or argument, or a number."""

    lines: tuple[Line, ...]
    results: Mapping[str, str]


class Map(NamedTuple):
    """A pointwise map and its adjoint.

    `forward` takes ``wx_<gate>``, ``rh_<gate>``, ``p_<parameter>`` and ``s_<state>``. It gives the new ``s_<state>``
    and the ``log_factor`` (the map of an intermediate input: ``v``), and all that the adjoint multiplies errors with:
    ``m0``, ``m1`` ...

    `backward` takes those, parameters, and the errors ``d_<state>`` after the step (of an intermediate input: ``d_v``).
    It gives ``wx_<gate>``, ``rh_<gate>``, ``p_<parameter>``, and ``d_<state>`` for what passes beside R. `shut` is the
    same where not all gates are open, so that nothing passes a peephole.
    """

    forward: Program
    backward: Program
    shut: Program


@dataclass
class Tape:
    """Lines as they are written; the same operation on the same operands is written once."""

    prefix: str
    lines: dict[tuple[str, tuple[str, ...]], str] = field(default_factory=dict)

    def write(self, op: str, *operands: Any) -> "Symbol":
        """The symbol of a line, with two numbers multiplied or added at once."""
        key = op, tuple(map(spelt, operands))
        return Symbol(self, self.lines.setdefault(key, f"{self.prefix}{len(self.lines)}"))

    def program(self, results: Mapping[str, str]) -> Program:
        """The lines that `results` need."""
        lines = [Line(name, op, operands) for (op, operands), name in self.lines.items()]
        return Program(needed(lines, results.values()), results)


@dataclass(frozen=True)
class Symbol:
    """A number that is not known yet."""

    tape: Tape = field(compare=False)
    name: str
    shape, dtype = (1, 1, 1), "float64"  # of one unit and sequence, for those who check the cells' arguments

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
        """A line of this symbol and another operand; an error decides by itself."""
        return NotImplemented if isinstance(other, Error) else self.tape.write(op, self, other)

    __radd__, __rmul__ = __add__, __mul__


@dataclass(frozen=True)
class Error:
    """A sum of errors, each times a factor that no error is in."""

    tape: Tape = field(compare=False)
    terms: tuple[tuple[str, Any], ...]  # the name of an error, and its factor
    shape, dtype = (1, 1, 1), "float64"

    def __mul__(self, other: Any) -> Any:
        if is_number(other, 0):
            return 0.0
        (name, factor), *more = self.terms
        if more:
            name, factor = written(self), 1.0
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
    """A number in the place of an array."""

    shape, dtype = (1, 1, 1), "float64"


class Recorder:
    """The functions of `Ops`, of symbols; what leads from one step to the next is uncut unless said."""

    def __init__(self, uncut: bool = True) -> None:
        self.uncut = uncut

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
        raise NotImplementedError("a matrix is no number of one unit")

    def eye(self, A: Any) -> Any:
        raise NotImplementedError("a matrix is no number of one unit")

    def gates(self, net: "Gates") -> "Gates":
        return net

    def stack(self, gates: Iterable[Any]) -> "Gates":
        return Gates(gates)

    def stop_gradient(self, x: Any) -> Any:
        return x if self.uncut else Number(0.0)


class Gates(tuple):
    """One symbol or error a gate."""

    dtype = "float64"

    @property
    def shape(self) -> tuple[int, ...]:
        return 1, len(self), 1, 1

    def __add__(self, other: Any) -> "Gates":
        return Gates(a + b for a, b in zip(self, other, strict=True))


def with_slope(op: str, x: Symbol) -> tuple[Symbol, Symbol]:
    """An activation and its slope, which may be made from both x and the value."""
    y = x.tape.write(op, x)
    return y, x.tape.write(f"{op}_slope", x, y)


def is_number(x: Any, value: int) -> bool:
    return isinstance(x, float | int) and x == value


def spelt(operand: Any) -> str:
    """The name of a symbol, or the number."""
    return operand.name if isinstance(operand, Symbol) else repr(float(operand))


def written(error: Any) -> str:
    """An error as a line of its program: its name, or the number."""
    if not isinstance(error, Error):
        return spelt(error)
    parts = [
        name if is_number(factor, 1) else error.tape.write("mul", Symbol(error.tape, name), factor).name
        for name, factor in error.terms
    ]
    whole = Symbol(error.tape, parts[0])
    for part in parts[1:]:
        whole = whole + Symbol(error.tape, part)
    return whole.name


def needed(lines: Iterable[Line], results: Iterable[str]) -> tuple[Line, ...]:
    """The lines that `results` rest on, in their order."""
    wanted, kept = set(results), []
    for line in reversed(list(lines)):
        if line.name in wanted:
            wanted |= set(line.operands)
            kept.append(line)
    return tuple(reversed(kept))


def program(cell: Cell) -> Map:
    """The cell's own map; `rh` holds what all recurrent states say."""
    tape, p, wx, rh, state = arguments(cell)
    ops: Any = Recorder()
    after, saved = cell.forward(ops, p, wx, rh, state)
    log_factor = cell.log_factor(ops, p, wx, rh, state)
    forward = {f"s_{name}": spelt(s) for name, s in zip(cell.states, after, strict=True)}
    names = tuple(f"d_{name}" for name in cell.states)
    return adjoined(cell, tape, forward | {"log_factor": spelt(log_factor)}, cell.backward, p, saved, names)


def intermediate_program(cell: Cell) -> Map | None:
    """The map that makes the intermediate input; `rh` holds what the states say."""
    if cell.intermediate is None:
        return None
    tape, p, wx, rh, state = arguments(cell)
    ops: Any = Recorder()
    v, saved = cell.intermediate.forward(ops, p, wx, rh, state)
    return adjoined(cell, tape, {"v": spelt(v)}, cell.intermediate.backward, p, saved, ("d_v",))


def arguments(cell: Cell) -> tuple[Tape, dict[str, Symbol], Gates, Gates, tuple[Symbol, ...]]:
    """The tape of a forward program and its arguments."""
    tape = Tape("v")
    wx, rh = (Gates(Symbol(tape, f"{name}_{gate}") for gate in cell.gates) for name in ("wx", "rh"))
    state = tuple(Symbol(tape, f"s_{name}") for name in cell.states)
    return tape, {name: Symbol(tape, f"p_{name}") for name in cell.pointwise}, wx, rh, state


def adjoined(
    cell: Cell, tape: Tape, forward: dict[str, str], backward: Any, p: Any, saved: Any, names: tuple[str, ...]
) -> Map:
    """A forward program with its adjoints, and what those multiply with among its results."""
    open_, shut = (pulled(cell, backward, p, saved, names, uncut) for uncut in (True, False))
    parameters = {f"p_{name}" for name in cell.pointwise}
    own = {line.name for each in (open_, shut) for line in each.lines} | parameters | set(names)
    used = [o for each in (open_, shut) for line in each.lines for o in line.operands]
    factors = [name for name in dict.fromkeys(used) if name not in own and not is_literal(name)]
    renamed = {name: f"m{k}" for k, name in enumerate(factors)}
    return Map(
        tape.program(forward | {new: name for name, new in renamed.items()}),
        *(rename(each, renamed) for each in (open_, shut)),
    )


def pulled(cell: Cell, backward: Any, p: Any, saved: Any, names: tuple[str, ...], uncut: bool) -> Program:
    """The adjoint as a program of errors and factors."""
    tape = Tape("e")
    errors = tuple(Error(tape, ((name, 1.0),)) for name in names)
    d_p, d_wx, d_rh, d_state = backward(
        Recorder(uncut), p, saved, errors if len(names) > 1 or names[0] != "d_v" else errors[0]
    )
    found = {f"wx_{gate}": d for gate, d in zip(cell.gates, d_wx, strict=True)}
    found |= {f"rh_{gate}": d for gate, d in zip(cell.gates, d_rh, strict=True)}
    found |= {f"d_{name}": d for name, d in zip(cell.states, d_state, strict=True)}
    found |= {f"p_{name}": d for name, d in d_p.items()}
    return tape.program({name: written(d) for name, d in found.items()})


def rename(program: Program, names: Mapping[str, str]) -> Program:
    """`program` with other names for its arguments."""
    lines = (line._replace(operands=tuple(names.get(o, o) for o in line.operands)) for line in program.lines)
    return Program(tuple(lines), program.results)


def is_literal(operand: str) -> bool:
    """Is it a number?"""
    return operand[0].isdigit() or operand[0] == "-"

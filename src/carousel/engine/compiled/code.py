"""A cell's pointwise functions, forward and backward, as the addresses of compiled code."""

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

from carousel.cells import Cell
from carousel.engine.compiled.emit import Column, pointwise
from carousel.engine.compiled.vectors import VectorType
from carousel.engine.trace import Line, Map, Program, intermediate_program, program

ADDRESSES = 7  # how many every pointwise function takes
PARAMETERS = 2  # the parameters' place among them in an adjoint; in a forward function it is 3
NO_PARAMETERS = ("_",)


class Merged(NamedTuple):
    """A forward program that reads the sums W x + b + R h: its lines without these sums, and their names."""

    lines: tuple[Line, ...]
    nets: tuple[str, ...]


def merged(program: Program, gates: Sequence[str]) -> Merged | None:
    """The program with one net input per gate; None where it uses W x + b or R h by itself."""
    sums = {line.operands: line for line in program.lines if line.op == "add"}
    by_gate = [sums.get((f"wx_{gate}", f"rh_{gate}")) for gate in gates]
    lines = tuple(line for line in program.lines if line not in by_gate)
    parts = {f"{part}_{gate}" for part in ("wx", "rh") for gate in gates}
    if parts & {o for line in lines for o in line.operands}:
        return None
    return Merged(lines, tuple(line.name if line else "_" for line in by_gate))


class BackwardOptions(NamedTuple):
    """What an adjoint writes beside the errors of the states, and whether it passes peepholes."""

    rows: tuple[str, ...]  # the gates whose errors of R h are written
    peepholes: bool
    net: bool = False  # are the errors of W x + b written?
    parameters: bool = False  # are those of the pointwise parameters added to what is there?


class Code:
    """The addresses of a cell's functions, each compiled when it is first needed.

    With `log` every step saves its log-factor, after what the adjoint multiplies with.
    """

    def __init__(self, cell: Cell, kind: VectorType, log: bool) -> None:
        self.cell, self.kind, self.log = cell, kind, log
        self.map, self.intermediate = program(cell), intermediate_program(cell)
        self.addresses: dict[object, int] = {}

    @cached_property
    def maps(self) -> list[Map]:
        """The cell's own map, and that of its intermediate input if it has one."""
        return [self.map, *([self.intermediate] if self.intermediate else [])]

    @cached_property
    def one_net_input(self) -> bool:
        """Whether one net input per gate, W x + b + R h, is enough."""
        return bool(self.cell.columns) and all(merged(each.forward, self.cell.gates) for each in self.maps)

    @cached_property
    def saved(self) -> tuple[str, ...]:
        """The names of what a step saves for its adjoint, without what the intermediate input saves."""
        names = multipliers(self.map) + ((self.map.forward.results["log_factor"],) if self.log else ())
        return names or ("0.0",)

    @cached_property
    def intermediate_saved(self) -> tuple[str, ...]:
        """The names of what the intermediate input saves for its adjoint; none where a cell has no such input."""
        return multipliers(self.intermediate) if self.intermediate else ()

    def forward(self) -> int:
        """The step: a function (rows, wx, rh, state, p, after, saved)."""
        after = tuple(self.map.forward.results[f"s_{name}"] for name in self.cell.states)
        return self.forward_function("forward", self.map, after, self.saved)

    def intermediate_forward(self) -> int:
        """The intermediate input: a function (rows, wx, rh, state, p, v, saved); 0 where there is none."""
        if self.intermediate is None:
            return 0
        v = (self.intermediate.forward.results["v"],)
        return self.forward_function("intermediate", self.intermediate, v, self.intermediate_saved)

    def forward_function(
        self, key: object, each: Map, results: tuple[str, ...], saved: tuple[str, ...]
    ) -> int:
        """The forward program of `each` as a function that writes `results` and `saved`."""
        if key not in self.addresses:
            lines = each.forward.lines
            if self.one_net_input and (short := merged(each.forward, self.cell.gates)):
                lines, read = short.lines, [Column(0, short.nets)]
            else:
                read = [Column(0, self.names("wx")), Column(1, self.names("rh"))]
            states = tuple(f"s_{name}" for name in self.cell.states)
            read += [Column(2, states), Column(3, self.parameters, splat=True)]
            written = [Column(4, results), Column(5, saved)]
            self.addresses[key] = pointwise(self.kind, lines, read, written, ADDRESSES)
        return self.addresses[key]

    def backward(self, options: BackwardOptions) -> int:
        """The adjoint of a step without R: a function (rows, saved, d, p, before, rh, wx, dp)."""
        errors = tuple(f"d_{name}" for name in self.cell.states)
        return self.backward_function(("backward", options), self.map, errors, len(self.saved), options)

    def intermediate_backward(self, options: BackwardOptions) -> int:
        """The adjoint of the intermediate input: a function as `backward`, which adds to what that wrote.

        0 where there is no intermediate input.
        """
        if self.intermediate is None:
            return 0
        key, entries = ("intermediate", options), len(self.intermediate_saved)
        return self.backward_function(key, self.intermediate, ("d_v",), entries, options)

    def backward_function(
        self, key: object, each: Map, errors: tuple[str, ...], entries: int, options: BackwardOptions
    ) -> int:
        """The adjoint of `each` as a function of `errors` and `entries` saved numbers per unit."""
        if key not in self.addresses:
            lines, results = each.backward if options.peepholes else each.blocked
            saved = tuple(f"m{k}" for k in range(entries))
            add = each is self.intermediate
            read = [Column(0, saved), Column(1, errors), Column(PARAMETERS, self.parameters, splat=True)]
            states = tuple(results[f"d_{name}"] for name in self.cell.states)
            written = [Column(3, states, add=add)]
            if options.rows:
                written.append(Column(4, tuple(results[f"rh_{gate}"] for gate in options.rows), add=add))
            if options.net:
                written.append(Column(5, tuple(results[f"wx_{gate}"] for gate in self.cell.gates), add=add))
            if options.parameters and self.cell.pointwise:
                d_p = tuple(results.get(f"p_{name}", "0.0") for name in self.cell.pointwise)
                written.append(Column(6, d_p, add=True))
            self.addresses[key] = pointwise(self.kind, lines, read, written, ADDRESSES)
        return self.addresses[key]

    def names(self, part: str) -> tuple[str, ...]:
        """The names of a part of the net inputs, "wx" or "rh", gate by gate."""
        return tuple(f"{part}_{gate}" for gate in self.cell.gates)

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the pointwise parameters."""
        return tuple(f"p_{name}" for name in self.cell.pointwise) or NO_PARAMETERS


def multipliers(each: Map) -> tuple[str, ...]:
    """The names of what a forward program saves for its adjoint to multiply with, in order."""
    results = each.forward.results
    return tuple(results[f"m{k}"] for k in range(sum(name[0] == "m" for name in results)))


CODES: dict[tuple[int, VectorType, bool], Code] = {}  # by the cell's identity; the code holds the cell


def code_of(cell: Cell, kind: VectorType, log: bool = False) -> Code:
    """The code of `cell`, one object per cell, kind of vector and `log`."""
    key = id(cell), kind, log
    if key not in CODES:
        CODES[key] = Code(cell, kind, log)
    return CODES[key]


def same_errors(code: Code) -> bool:
    """Whether the errors of W x + b are those of R h, at every gate."""
    adjoints = [program.results for each in code.maps for program in (each.backward, each.blocked)]
    return all(results[f"wx_{g}"] == results[f"rh_{g}"] for results in adjoints for g in code.cell.gates)

"""A cell's functions as code."""

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

from carousel.cells import Cell
from carousel.engine.compiled.emit import Column, pointwise
from carousel.engine.compiled.vectors import Kind
from carousel.engine.trace import Line, Map, Program, intermediate_program, program

PLACES = 7  # of addresses that every pointwise function takes
PARAMETERS = 2  # the place of the parameters in an adjoint, and 3 in a forward pass
NOTHING = ("_",)


class Joined(NamedTuple):
    """Lines without the sums W x + b + R h, and the names of these."""

    lines: tuple[Line, ...]
    nets: tuple[str, ...]


def joined(program: Program, gates: Sequence[str]) -> Joined | None:
    """The program with one net input a gate; None where it wants the two parts by themselves."""
    sums = {line.operands: line for line in program.lines if line.op == "add"}
    found = [sums.get((f"wx_{gate}", f"rh_{gate}")) for gate in gates]
    lines = tuple(line for line in program.lines if line not in found)
    parts = {f"{part}_{gate}" for part in ("wx", "rh") for gate in gates}
    if parts & {o for line in lines for o in line.operands}:
        return None
    return Joined(lines, tuple(line.name if line else "_" for line in found))


class Back(NamedTuple):
    """How an adjoint goes: the gates whose errors are written, whether peepholes pass, and what else is written."""

    rows: tuple[str, ...]
    uncut: bool
    net: bool = False  # the errors of W x + b
    parameters: bool = False  # those of the pointwise parameters, added to what is there


class Code:
    """The addresses of a cell's functions, each compiled where it is first asked for.

    With `log` the log-factor of every step is kept, behind the multipliers.
    """

    def __init__(self, cell: Cell, kind: Kind, log: bool) -> None:
        self.cell, self.kind, self.log = cell, kind, log
        self.map, self.intermediate = program(cell), intermediate_program(cell)
        self.made: dict[object, int] = {}

    @cached_property
    def maps(self) -> list[Map]:
        return [self.map, *([self.intermediate] if self.intermediate else [])]

    @cached_property
    def together(self) -> bool:
        """Is one net input a gate enough?"""
        return bool(self.cell.columns) and all(joined(each.forward, self.cell.gates) for each in self.maps)

    @cached_property
    def saved(self) -> tuple[str, ...]:
        """What a step saves for its adjoint; the intermediate input's is beside it."""
        kept = multipliers(self.map) + ((self.map.forward.results["log_factor"],) if self.log else ())
        return kept or ("0.0",)

    @cached_property
    def intermediate_saved(self) -> tuple[str, ...]:
        return multipliers(self.intermediate) if self.intermediate else ()

    def forward(self) -> int:
        """(rows, wx, rh, state, p, after, saved): the step."""
        after = tuple(self.map.forward.results[f"s_{name}"] for name in self.cell.states)
        return self.ahead("forward", self.map, after, self.saved)

    def inner_forward(self) -> int:
        """(rows, wx, rh, state, p, v, saved); 0 where there is no intermediate input."""
        if self.intermediate is None:
            return 0
        return self.ahead(
            "intermediate",
            self.intermediate,
            (self.intermediate.forward.results["v"],),
            self.intermediate_saved,
        )

    def ahead(self, key: object, each: Map, made: tuple[str, ...], saved: tuple[str, ...]) -> int:
        """A forward function that writes `made` and `saved`."""
        if key not in self.made:
            lines, read = each.forward.lines, []
            if self.together and (short := joined(each.forward, self.cell.gates)):
                lines, read = short.lines, [Column(0, short.nets)]
            else:
                read = [Column(0, self.names("wx")), Column(1, self.names("rh"))]
            states = tuple(f"s_{name}" for name in self.cell.states)
            read += [Column(2, states), Column(3, self.parameters, splat=True)]
            written = [Column(4, made), Column(5, saved)]
            self.made[key] = pointwise(self.kind, lines, read, written, PLACES)
        return self.made[key]

    def backward(self, back: Back) -> int:
        """(rows, multipliers, d, p, before, rh, wx, dp): the adjoint of a step, beside R."""
        errors = tuple(f"d_{name}" for name in self.cell.states)
        return self.behind(("backward", back), self.map, errors, len(self.saved), back)

    def inner_backward(self, back: Back) -> int:
        """The same of the intermediate input, added to what `backward` gave; 0 where there is none."""
        if self.intermediate is None:
            return 0
        return self.behind(
            ("intermediate", back), self.intermediate, ("d_v",), len(self.intermediate_saved), back
        )

    def behind(self, key: object, each: Map, errors: tuple[str, ...], entries: int, back: Back) -> int:
        """An adjoint of `each`, from `errors` and what is saved in `entries`; the intermediate input's is added."""
        if key not in self.made:
            lines, results = each.backward if back.uncut else each.shut
            saved = tuple(f"m{k}" for k in range(entries))
            add = each is self.intermediate
            read = [Column(0, saved), Column(1, errors), Column(PARAMETERS, self.parameters, splat=True)]
            states = tuple(results[f"d_{name}"] for name in self.cell.states)
            written = [Column(3, states, add=add)]
            if back.rows:
                written.append(Column(4, tuple(results[f"rh_{gate}"] for gate in back.rows), add=add))
            if back.net:
                written.append(Column(5, tuple(results[f"wx_{gate}"] for gate in self.cell.gates), add=add))
            if back.parameters and self.cell.pointwise:
                each_p = tuple(results.get(f"p_{name}", "0.0") for name in self.cell.pointwise)
                written.append(Column(6, each_p, add=True))
            self.made[key] = pointwise(self.kind, lines, read, written, PLACES)
        return self.made[key]

    def names(self, part: str) -> tuple[str, ...]:
        return tuple(f"{part}_{gate}" for gate in self.cell.gates)

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(f"p_{name}" for name in self.cell.pointwise) or NOTHING


def multipliers(each: Map) -> tuple[str, ...]:
    """What a forward program gives its adjoint, in order."""
    results = each.forward.results
    return tuple(results[f"m{k}"] for k in range(sum(name[0] == "m" for name in results)))


MADE: dict[tuple[int, Kind, bool], Code] = {}  # by the cell's identity; the code keeps the cell


def code_of(cell: Cell, kind: Kind, log: bool = False) -> Code:
    """A cell's code, made once."""
    key = id(cell), kind, log
    if key not in MADE:
        MADE[key] = Code(cell, kind, log)
    return MADE[key]


def same_errors(code: Code) -> bool:
    """Is the error of W x + b that of R's part, at every gate?"""
    adjoints = [program.results for each in code.maps for program in (each.backward, each.shut)]
    return all(results[f"wx_{g}"] == results[f"rh_{g}"] for results in adjoints for g in code.cell.gates)

"""Functions written in LLVM's language: a cell's pointwise programs, the matrix product, and rescaling.

All arrays are [rows, entries, lanes]: a row is a unit, its entries (gates, states, multipliers) stand side by side, and
a lane is a sequence. Only a parameter is [rows, entries], the same in all lanes. So a unit's numbers are neighbours in
memory, and the vectors are written out, not left to a compiler to find.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from llvmlite import ir

from carousel.engine.compiled import vectors
from carousel.engine.compiled.machine import compiled, register_bytes
from carousel.engine.compiled.vectors import Vector, VectorType
from carousel.engine.trace import Line, is_literal

WORD = ir.IntType(64)
ADDRESS = ir.PointerType()
NAME = "f"


class Column(NamedTuple):
    """An array that a pointwise function reads or writes: its argument's place, and the names of its entries."""

    place: int
    names: tuple[str, ...]
    splat: bool = False  # [rows, entries]
    add: bool = False  # the results are added to what is there


@cache
def function(words: int, addresses: int) -> Any:
    """The type of a function of integers and addresses."""
    return ir.FunctionType(ir.VoidType(), [WORD] * words + [ADDRESS] * addresses)


def new_function(words: int, addresses: int) -> tuple[Any, Any, list[Any]]:
    """A module with an empty function, the builder of the function's body, and its arguments."""
    module = ir.Module()
    empty = ir.Function(module, function(words, addresses), NAME)
    for argument in empty.args[words:]:
        argument.add_attribute("noalias")
    return module, ir.IRBuilder(empty.append_basic_block()), list(empty.args)


def finished(module: Any, builder: Any) -> int:
    """The address of the module's function, compiled, once its body is written."""
    builder.ret_void()
    return compiled(module, NAME)


def repeat(builder: Any, count: Any, start: Sequence[Any], body: Callable[..., Sequence[Any]]) -> list[Any]:
    """A loop ``values = body(i, values)`` for i below `count`, which is at least 1; the last values."""
    before, within = builder.block, builder.append_basic_block()
    after = builder.append_basic_block()
    builder.branch(within)
    builder.position_at_end(within)
    i, carried = builder.phi(WORD), [builder.phi(value.type) for value in start]
    for phi, value in zip((i, *carried), (WORD(0), *start), strict=True):
        phi.add_incoming(value, before)
    values = list(body(i, carried))
    more = builder.add(i, WORD(1))
    for phi, value in zip((i, *carried), (more, *values), strict=True):
        phi.add_incoming(value, builder.block)
    builder.cbranch(builder.icmp_signed("<", more, count), within, after)
    builder.position_at_end(after)
    return values


def at(builder: Any, kind: VectorType, base: Any, index: Any) -> Any:
    """The address of number `index` of an array."""
    return builder.gep(base, [index], source_etype=kind.real)


def load(builder: Any, kind: VectorType, address: Any) -> Vector:
    """The vector at an address."""
    return Vector(builder, kind, builder.load(address, typ=kind.vector, align=size(kind)))


def store(builder: Any, kind: VectorType, x: Any, address: Any) -> None:
    """Write the vector x to an address."""
    builder.store(x, address, align=size(kind))


def size(kind: VectorType) -> int:
    """Bytes of a number."""
    return 4 if kind.dtype == "float32" else 8


def broadcast(builder: Any, kind: VectorType, address: Any) -> Any:
    """The number at an address, in all lanes of a vector."""
    one = builder.load(address, typ=kind.real, align=size(kind))
    first = builder.insert_element(ir.Constant(kind.vector, ir.Undefined), one, ir.IntType(32)(0))
    first_lane = ir.Constant(ir.VectorType(ir.IntType(32), kind.lanes), [0] * kind.lanes)
    return builder.shuffle_vector(first, ir.Constant(kind.vector, ir.Undefined), first_lane)


OPS: Mapping[str, Callable[..., Vector]] = {
    "add": lambda x, y: x + y,
    "mul": lambda x, y: x * y,
    "sub": lambda x, y: x - y,
    "div": lambda x, y: x / y,
    "neg": lambda x: -x,
    "sqrt": lambda x: x.call("sqrt"),
    "exp": vectors.exp,
    "log": vectors.log,
    "cos": lambda x: x.call("cos"),
    "sin": lambda x: x.call("sin"),
    "relu": vectors.relu,
    "log_sigmoid": vectors.log_sigmoid,
}
PAIRS = {"tanh": vectors.tanh, "sigmoid": vectors.sigmoid}


def pointwise(
    kind: VectorType, lines: Sequence[Line], read: Sequence[Column], written: Sequence[Column], addresses: int
) -> int:
    """The address of a function (rows, addresses ...) that runs `lines` for all rows and lanes."""
    module, builder, (rows, *places) = new_function(1, addresses)

    def body(row: Any, _: Any) -> Sequence[Any]:
        values = {}
        used = {o for line in lines for o in line.operands} | {n for column in written for n in column.names}
        for column in read:
            for k, name in enumerate(column.names):
                if name in used:
                    values[name] = entry(builder, kind, places[column.place], column, row, k)
        write_lines(builder, kind, lines, values)
        for column in written:
            for k, name in written_entries(column):
                put(
                    builder,
                    kind,
                    places[column.place],
                    column,
                    row,
                    k,
                    operand_value(builder, kind, values, name),
                )
        return []

    repeat(builder, rows, [], body)
    return finished(module, builder)


def written_entries(column: Column) -> list[tuple[int, str]]:
    """The entries of a column that are written: all but zeros that would be added."""
    return [(k, name) for k, name in enumerate(column.names) if not (column.add and name == "0.0")]


def place(builder: Any, kind: VectorType, base: Any, column: Column, row: Any, k: int) -> Any:
    """The address of entry `k` of a row."""
    width = 1 if column.splat else kind.lanes
    first = builder.mul(row, WORD(len(column.names) * width))
    return at(builder, kind, base, builder.add(first, WORD(k * width)))


def entry(builder: Any, kind: VectorType, base: Any, column: Column, row: Any, k: int) -> Vector:
    """Entry `k` of a column's row, as a vector."""
    address = place(builder, kind, base, column, row, k)
    if column.splat:
        return Vector(builder, kind, broadcast(builder, kind, address))
    return load(builder, kind, address)


def put(builder: Any, kind: VectorType, base: Any, column: Column, row: Any, k: int, x: Vector) -> None:
    """Write x to entry `k` of a column's row, or add it to what is there."""
    address = place(builder, kind, base, column, row, k)
    x = x + load(builder, kind, address) if column.add else x
    store(builder, kind, x.value, address)


def operand_value(builder: Any, kind: VectorType, values: Mapping[str, Vector], operand: str) -> Vector:
    """The vector of an operand, which is the name of a value or a number."""
    if is_literal(operand):
        return Vector(builder, kind, kind.splat(float(operand)).value)
    return values[operand]


def write_lines(builder: Any, kind: VectorType, lines: Sequence[Line], values: dict[str, Vector]) -> None:
    """Write the code of `lines`; an activation and its slope are computed together."""
    pairs: dict[tuple[str, str], vectors.Pair] = {}
    for name, op, operands in lines:
        activation = op.removesuffix("_slope")
        if activation in PAIRS:
            key = activation, operands[0]
            if key not in pairs:
                pairs[key] = PAIRS[activation](operand_value(builder, kind, values, operands[0]))
            values[name] = pairs[key].slope if op != activation else pairs[key].value
        elif op == "greater":
            x, bound = operand_value(builder, kind, values, operands[0]), float(operands[1])
            values[name] = x.where(">", bound, 1.0, x.where("<=", bound, 0.0, x))
        else:
            values[name] = OPS[op](*(operand_value(builder, kind, values, o) for o in operands))


def accumulators() -> int:
    """How many registers hold sums: 16 of the 32 that AVX-512 has, or 12 of 16, where the factors need the others."""
    return 16 if register_bytes() == 64 else 12


def tile_rows(kind: VectorType) -> int:
    """How many rows of a matrix are multiplied at a time, so that their sums stay in registers."""
    registers = max(1, kind.lanes * size(kind) // register_bytes())
    return accumulators() // registers


@cache
def product(kind: VectorType, start: bool) -> int:
    """The address of a matrix product C = A B, or C += A B where it does not `start` from zero.

    A function (tiles, k, row stride of B, row stride of C, A, B, C), A [tiles, k, rows of a tile]; strides in numbers.
    """
    n = tile_rows(kind)
    module, builder, (tiles, depth, stride_b, stride_c, A, B, C) = new_function(4, 3)

    def tile(i: Any, _: Any) -> Sequence[Any]:
        own = at(builder, kind, A, builder.mul(i, builder.mul(depth, WORD(n))))
        first = builder.mul(i, builder.mul(stride_c, WORD(n)))
        rows = [at(builder, kind, C, builder.add(first, builder.mul(stride_c, WORD(r)))) for r in range(n)]
        zero = kind.splat(0.0).value
        sums = [zero if start else load(builder, kind, row).value for row in rows]

        def add(k: Any, totals: Sequence[Any]) -> Sequence[Any]:
            b = load(builder, kind, at(builder, kind, B, builder.mul(k, stride_b)))
            column = builder.mul(k, WORD(n))
            a = [
                broadcast(builder, kind, at(builder, kind, own, builder.add(column, WORD(r))))
                for r in range(n)
            ]
            return [
                Vector(builder, kind, x).times_plus(b, Vector(builder, kind, total)).value
                for x, total in zip(a, totals, strict=True)
            ]

        for row, total in zip(rows, repeat(builder, depth, sums, add), strict=True):
            store(builder, kind, total, row)
        return []

    repeat(builder, tiles, [], tile)
    return finished(module, builder)


@cache
def copy(kind: VectorType, add: bool) -> int:
    """The address of a copy of one vector per row, written to its target or, with `add`, added to it.

    A function (rows, row stride of the source, row stride of the target, source, target); strides in numbers.
    """
    module, builder, (rows, stride_from, stride_to, source, target) = new_function(3, 2)

    def body(row: Any, _: Any) -> Sequence[Any]:
        x = load(builder, kind, at(builder, kind, source, builder.mul(row, stride_from)))
        there = at(builder, kind, target, builder.mul(row, stride_to))
        store(builder, kind, (x + load(builder, kind, there) if add else x).value, there)
        return []

    repeat(builder, rows, [], body)
    return finished(module, builder)


def peak_of(builder: Any, kind: VectorType, base: Any, row: Any, entries: int, peak: Any) -> Any:
    """The largest of `peak` and the absolute values of a row's entries, as bits: those of NaN are above all others."""
    column = Column(0, ("",) * entries)
    for k in range(entries):
        size_bits = entry(builder, kind, base, column, row, k).call("fabs").bits()
        larger = builder.icmp_signed(">", size_bits.value, peak)
        peak = builder.select(larger, size_bits.value, peak)
    return peak


def scaling(builder: Any, kind: VectorType, peak: Any) -> tuple[vectors.Integers, Vector, Vector]:
    """The power of two of which `peak` is a multiple in [1/2, 1), and two factors that divide by it.

    The power is 0 for 0, inf and NaN.
    """
    x = Vector(builder, kind, builder.bitcast(peak, kind.vector))
    up = kind.mantissa + 1
    tiny = 2.0 ** (1 - kind.bias)
    normal = x.where("<", tiny, x * 2.0**up, x).bits()
    lifted = vectors.to_integers(x.where("<", tiny, float(up), 0.0))
    power = normal.apply("lshr", kind.mantissa) - (kind.bias - 1) - lifted
    power = x.bits().where("==", 0, 0, power)
    power = x.bits().where(">", ((2 * kind.bias + 1) << kind.mantissa) - 1, 0, power)
    return power, *(vectors.Integers(builder, kind, power.operand(0)) - power).halves()


@cache
def rescale(kind: VectorType, entries: int) -> int:
    """The address of the division of d [rows, entries] by one power of two per lane.

    A function (rows, d, before, powers, squares). The largest number of d comes to lie in [1/2, 1); ``powers`` becomes
    ``before`` plus the power, and ``squares`` [entries] the sum over the rows of the squares of the new d.
    """
    module, builder, (rows, d, before, powers, squares) = new_function(1, 4)
    zero = ir.Constant(kind.integers, [0] * kind.lanes)

    def find(row: Any, peak: Sequence[Any]) -> Sequence[Any]:
        return [peak_of(builder, kind, d, row, entries, peak[0])]

    power, a, b = scaling(builder, kind, repeat(builder, rows, [zero], find)[0])
    column = Column(0, ("",) * entries)

    def divide(row: Any, totals: Sequence[Any]) -> Sequence[Any]:
        new = [entry(builder, kind, d, column, row, k) * a * b for k in range(entries)]
        for k, x in enumerate(new):
            put(builder, kind, d, column, row, k, x)
        return [
            x.times_plus(x, Vector(builder, kind, total)).value for x, total in zip(new, totals, strict=True)
        ]

    sums = repeat(builder, rows, [kind.splat(0.0).value] * entries, divide)
    for k, total in enumerate(sums):
        put(builder, kind, squares, column, WORD(0), k, Vector(builder, kind, total))
    add_power(builder, kind, power, before, powers, WORD(0))
    return finished(module, builder)


def add_power(
    builder: Any, kind: VectorType, power: vectors.Integers, before: Any, powers: Any, row: Any
) -> None:
    """Write the sum of `power` and the row of powers `before` to the row `row` of `powers`."""
    place = builder.mul(row, WORD(kind.lanes))
    there = builder.load(at(builder, kind, before, place), typ=kind.integers, align=size(kind))
    store(builder, kind, builder.add(there, power.value), at(builder, kind, powers, place))


@cache
def rescale_units(kind: VectorType, entries: int) -> int:
    """The address of the division of d [rows, entries] by one power of two per row and lane.

    A function as that of `rescale`, with ``before`` and ``powers`` [rows]; ``squares`` is not written.
    """
    module, builder, (rows, d, before, powers, _) = new_function(1, 4)
    column = Column(0, ("",) * entries)
    zero = ir.Constant(kind.integers, [0] * kind.lanes)

    def divide(row: Any, _: Sequence[Any]) -> Sequence[Any]:
        power, a, b = scaling(builder, kind, peak_of(builder, kind, d, row, entries, zero))
        for k in range(entries):
            put(builder, kind, d, column, row, k, entry(builder, kind, d, column, row, k) * a * b)
        add_power(builder, kind, power, before, powers, row)
        return []

    repeat(builder, rows, [], divide)
    return finished(module, builder)

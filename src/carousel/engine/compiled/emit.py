"""Functions written in LLVM's language: a cell's pointwise programs, the matrix product, and rescaling.

All arrays are [rows, entries, lanes]: a row is a unit, its entries (gates, states, multipliers) stand next to each
other, and a lane is a sequence. Only a parameter is [rows, entries], the same in all lanes. So what a unit needs lies
together, and the vectors are written out, not left to a compiler to find.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from llvmlite import ir

from carousel.engine.compiled import vectors
from carousel.engine.compiled.machine import compiled, register_bytes
from carousel.engine.compiled.vectors import Kind, Vector
from carousel.engine.trace import Line, is_literal

WORD = ir.IntType(64)
ADDRESS = ir.PointerType()
ACCUMULATORS = 12  # registers that hold sums; three or four of the sixteen are left for what is added to them
NAME = "f"


class Column(NamedTuple):
    """An array that a pointwise function reads or writes: its argument's place, and the names of its entries."""

    place: int
    names: tuple[str, ...]
    splat: bool = False  # [rows, entries]
    add: bool = False  # the results are added to what is there


@cache
def function(words: int, addresses: int) -> Any:
    """The type of a function of whole numbers and addresses."""
    return ir.FunctionType(ir.VoidType(), [WORD] * words + [ADDRESS] * addresses)


def opened(words: int, addresses: int) -> tuple[Any, Any, list[Any]]:
    """A module with an empty function, the builder of its body, and its arguments."""
    module = ir.Module()
    made = ir.Function(module, function(words, addresses), NAME)
    for argument in made.args[words:]:
        argument.add_attribute("noalias")
    return module, ir.IRBuilder(made.append_basic_block()), list(made.args)


def closed(module: Any, builder: Any) -> int:
    """The address of the function that is now whole."""
    builder.ret_void()
    return compiled(module, NAME)


def repeat(builder: Any, count: Any, start: Sequence[Any], body: Callable[..., Sequence[Any]]) -> list[Any]:
    """``values = body(i, values)`` for i below `count`, which is at least 1."""
    before, within = builder.block, builder.append_basic_block()
    after = builder.append_basic_block()
    builder.branch(within)
    builder.position_at_end(within)
    i, held = builder.phi(WORD), [builder.phi(value.type) for value in start]
    for phi, value in zip((i, *held), (WORD(0), *start), strict=True):
        phi.add_incoming(value, before)
    values = list(body(i, held))
    more = builder.add(i, WORD(1))
    for phi, value in zip((i, *held), (more, *values), strict=True):
        phi.add_incoming(value, builder.block)
    builder.cbranch(builder.icmp_signed("<", more, count), within, after)
    builder.position_at_end(after)
    return values


def at(builder: Any, kind: Kind, base: Any, index: Any) -> Any:
    """The address of number `index` of an array."""
    return builder.gep(base, [index], source_etype=kind.real)


def load(builder: Any, kind: Kind, address: Any) -> Vector:
    """The vector at an address."""
    return Vector(builder, kind, builder.load(address, typ=kind.vector, align=size(kind)))


def store(builder: Any, kind: Kind, x: Any, address: Any) -> None:
    builder.store(x, address, align=size(kind))


def size(kind: Kind) -> int:
    """Bytes of a number."""
    return 4 if kind.dtype == "float32" else 8


def spread(builder: Any, kind: Kind, address: Any) -> Any:
    """The number at an address in all lanes."""
    one = builder.load(address, typ=kind.real, align=size(kind))
    first = builder.insert_element(ir.Constant(kind.vector, ir.Undefined), one, ir.IntType(32)(0))
    nowhere = ir.Constant(ir.VectorType(ir.IntType(32), kind.lanes), [0] * kind.lanes)
    return builder.shuffle_vector(first, ir.Constant(kind.vector, ir.Undefined), nowhere)


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
    kind: Kind, lines: Sequence[Line], read: Sequence[Column], written: Sequence[Column], addresses: int
) -> int:
    """The address of a function (rows, addresses ...) that runs `lines` for all rows and lanes."""
    module, builder, (rows, *places) = opened(1, addresses)

    def body(row: Any, _: Any) -> Sequence[Any]:
        values = {}
        used = {o for line in lines for o in line.operands} | {n for column in written for n in column.names}
        for column in read:
            for k, name in enumerate(column.names):
                if name in used:
                    values[name] = entry(builder, kind, places[column.place], column, row, k)
        run(builder, kind, lines, values)
        for column in written:
            for k, name in kept(column):
                put(
                    builder, kind, places[column.place], column, row, k, numbered(builder, kind, values, name)
                )
        return []

    repeat(builder, rows, [], body)
    return closed(module, builder)


def kept(column: Column) -> list[tuple[int, str]]:
    """A column's entries, without the zeros that would be added."""
    return [(k, name) for k, name in enumerate(column.names) if not (column.add and name == "0.0")]


def place(builder: Any, kind: Kind, base: Any, column: Column, row: Any, k: int) -> Any:
    """The address of entry `k` of a row."""
    width = 1 if column.splat else kind.lanes
    first = builder.mul(row, WORD(len(column.names) * width))
    return at(builder, kind, base, builder.add(first, WORD(k * width)))


def entry(builder: Any, kind: Kind, base: Any, column: Column, row: Any, k: int) -> Vector:
    """What a column holds there."""
    address = place(builder, kind, base, column, row, k)
    if column.splat:
        return Vector(builder, kind, spread(builder, kind, address))
    return load(builder, kind, address)


def put(builder: Any, kind: Kind, base: Any, column: Column, row: Any, k: int, x: Vector) -> None:
    """Write it there, or add it to what is there."""
    address = place(builder, kind, base, column, row, k)
    x = x + load(builder, kind, address) if column.add else x
    store(builder, kind, x.value, address)


def numbered(builder: Any, kind: Kind, values: Mapping[str, Vector], operand: str) -> Vector:
    """An operand: a value by name, or a number."""
    if is_literal(operand):
        return Vector(builder, kind, kind.splat(float(operand)).value)
    return values[operand]


def run(builder: Any, kind: Kind, lines: Sequence[Line], values: dict[str, Vector]) -> None:
    """Write `lines`; an activation and its slope are made together."""
    pairs: dict[tuple[str, str], vectors.Pair] = {}
    for name, op, operands in lines:
        activation = op.removesuffix("_slope")
        if activation in PAIRS:
            key = activation, operands[0]
            if key not in pairs:
                pairs[key] = PAIRS[activation](numbered(builder, kind, values, operands[0]))
            values[name] = pairs[key].slope if op != activation else pairs[key].value
        elif op == "greater":
            x, bound = numbered(builder, kind, values, operands[0]), float(operands[1])
            values[name] = x.where(">", bound, 1.0, x.where("<=", bound, 0.0, x))
        else:
            values[name] = OPS[op](*(numbered(builder, kind, values, o) for o in operands))


def tile_rows(kind: Kind) -> int:
    """Rows of a matrix that are multiplied at a time, so that their sums stay in registers."""
    registers = max(1, kind.lanes * size(kind) // register_bytes())
    return ACCUMULATORS // registers


@cache
def product(kind: Kind, start: bool) -> int:
    """C = A B, or C += A B, with the rows of A in tiles: the address of (tiles, k, B's and C's row stride, A, B, C).

    A is [tiles, k, rows of a tile]; the strides count numbers.
    """
    n = tile_rows(kind)
    module, builder, (tiles, intermediate, stride_b, stride_c, A, B, C) = opened(4, 3)

    def tile(i: Any, _: Any) -> Sequence[Any]:
        own = at(builder, kind, A, builder.mul(i, builder.mul(intermediate, WORD(n))))
        first = builder.mul(i, builder.mul(stride_c, WORD(n)))
        rows = [at(builder, kind, C, builder.add(first, builder.mul(stride_c, WORD(r)))) for r in range(n)]
        zero = kind.splat(0.0).value
        sums = [zero if start else load(builder, kind, row).value for row in rows]

        def add(k: Any, held: Sequence[Any]) -> Sequence[Any]:
            b = load(builder, kind, at(builder, kind, B, builder.mul(k, stride_b)))
            column = builder.mul(k, WORD(n))
            a = [
                spread(builder, kind, at(builder, kind, own, builder.add(column, WORD(r)))) for r in range(n)
            ]
            return [
                Vector(builder, kind, x).times_plus(b, Vector(builder, kind, h)).value
                for x, h in zip(a, held, strict=True)
            ]

        for row, total in zip(rows, repeat(builder, intermediate, sums, add), strict=True):
            store(builder, kind, total, row)
        return []

    repeat(builder, tiles, [], tile)
    return closed(module, builder)


@cache
def copy(kind: Kind, add: bool) -> int:
    """The address of (rows, strides of what is read and written, from, to): a vector a row, written or added."""
    module, builder, (rows, stride_from, stride_to, source, target) = opened(3, 2)

    def body(row: Any, _: Any) -> Sequence[Any]:
        x = load(builder, kind, at(builder, kind, source, builder.mul(row, stride_from)))
        there = at(builder, kind, target, builder.mul(row, stride_to))
        store(builder, kind, (x + load(builder, kind, there) if add else x).value, there)
        return []

    repeat(builder, rows, [], body)
    return closed(module, builder)


def peak_of(builder: Any, kind: Kind, base: Any, row: Any, entries: int, peak: Any) -> Any:
    """The largest of `peak` and the sizes of a row's entries, as bits: those of NaN are above all others."""
    column = Column(0, ("",) * entries)
    for k in range(entries):
        size_bits = entry(builder, kind, base, column, row, k).call("fabs").bits()
        larger = builder.icmp_signed(">", size_bits.value, peak)
        peak = builder.select(larger, size_bits.value, peak)
    return peak


def down(builder: Any, kind: Kind, peak: Any) -> tuple[vectors.Whole, Vector, Vector]:
    """The power of two that brings `peak` into [1/2, 1), and two factors that do it; 0 of 0, inf and NaN."""
    x = Vector(builder, kind, builder.bitcast(peak, kind.vector))
    up = kind.mantissa + 1
    tiny = 2.0 ** (1 - kind.bias)
    normal = x.where("<", tiny, x * 2.0**up, x).bits()
    lifted = vectors.whole(x.where("<", tiny, float(up), 0.0))
    power = normal.done("lshr", kind.mantissa) - (kind.bias - 1) - lifted
    power = x.bits().where("==", 0, 0, power)
    power = x.bits().where(">", ((2 * kind.bias + 1) << kind.mantissa) - 1, 0, power)
    return power, *(vectors.Whole(builder, kind, power.other(0)) - power).halves()


@cache
def rescale(kind: Kind, entries: int) -> int:
    """The address of (rows, d, before, powers, squares): d [rows, entries] divided by a power of two for each lane.

    Its largest number comes to lie in [1/2, 1). ``powers`` is ``before`` and that power, and ``squares`` [entries]
    the sum over the rows of the squares of what d is now.
    """
    module, builder, (rows, d, before, powers, squares) = opened(1, 4)
    zero = ir.Constant(kind.integers, [0] * kind.lanes)

    def find(row: Any, held: Sequence[Any]) -> Sequence[Any]:
        return [peak_of(builder, kind, d, row, entries, held[0])]

    power, a, b = down(builder, kind, repeat(builder, rows, [zero], find)[0])
    column = Column(0, ("",) * entries)

    def divide(row: Any, held: Sequence[Any]) -> Sequence[Any]:
        new = [entry(builder, kind, d, column, row, k) * a * b for k in range(entries)]
        for k, x in enumerate(new):
            put(builder, kind, d, column, row, k, x)
        return [x.times_plus(x, Vector(builder, kind, h)).value for x, h in zip(new, held, strict=True)]

    sums = repeat(builder, rows, [kind.splat(0.0).value] * entries, divide)
    for k, total in enumerate(sums):
        put(builder, kind, squares, column, WORD(0), k, Vector(builder, kind, total))
    count(builder, kind, power, before, powers, WORD(0))
    return closed(module, builder)


def count(builder: Any, kind: Kind, power: vectors.Whole, before: Any, powers: Any, row: Any) -> None:
    """The powers of a row of lanes, and those before."""
    place = builder.mul(row, WORD(kind.lanes))
    there = builder.load(at(builder, kind, before, place), typ=kind.integers, align=size(kind))
    store(builder, kind, builder.add(there, power.value), at(builder, kind, powers, place))


@cache
def rescale_units(kind: Kind, entries: int) -> int:
    """The same with a power for each unit, [rows], and no squares."""
    module, builder, (rows, d, before, powers, _) = opened(1, 4)
    column = Column(0, ("",) * entries)
    zero = ir.Constant(kind.integers, [0] * kind.lanes)

    def divide(row: Any, _: Sequence[Any]) -> Sequence[Any]:
        power, a, b = down(builder, kind, peak_of(builder, kind, d, row, entries, zero))
        for k in range(entries):
            put(builder, kind, d, column, row, k, entry(builder, kind, d, column, row, k) * a * b)
        count(builder, kind, power, before, powers, row)
        return []

    repeat(builder, rows, [], divide)
    return closed(module, builder)

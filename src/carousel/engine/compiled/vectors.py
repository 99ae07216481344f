"""Vectors of numbers in code that is being written: their arithmetic, and the functions of `Ops`.

The functions keep all digits however saturated a unit is: exp is reduced to |r| <= log(2) / 2 by Cody and Waite's
method and a Taylor series, whose next term is below a quarter of a rounding unit, and tanh and both slopes are
computed from exp(-2|x|) or exp(-|x|), and exp - 1, without a difference of nearly equal numbers.
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir


@dataclass(frozen=True)
class VectorType:
    """The type of vectors of `lanes` numbers, float32 or float64."""

    dtype: str
    lanes: int

    @property
    def real(self) -> Any:
        return ir.FloatType() if self.dtype == "float32" else ir.DoubleType()

    @property
    def vector(self) -> Any:
        return ir.VectorType(self.real, self.lanes)

    @property
    def integer(self) -> Any:
        return ir.IntType(np.finfo(self.dtype).bits)

    @property
    def integers(self) -> Any:
        return ir.VectorType(self.integer, self.lanes)

    @property
    def mantissa(self) -> int:
        """Bits of the mantissa."""
        return int(np.finfo(self.dtype).nmant)

    @property
    def bias(self) -> int:
        """The offset of the stored exponent."""
        return int(np.finfo(self.dtype).maxexp) - 1

    @property
    def order(self) -> int:
        """The order of exp's series."""
        return 7 if self.dtype == "float32" else 13

    @property
    def terms(self) -> int:
        """Terms of the series of atanh(s) / s, |s| <= 1/3."""
        return 8 if self.dtype == "float32" else 18

    def splat(self, x: float) -> "Vector":
        """The vector with the number x in all lanes."""
        return Vector(None, self, ir.Constant(self.vector, [float(x)] * self.lanes))


@dataclass(frozen=True)
class Vector:
    """One number in each lane, and the builder that writes the operations on it."""

    builder: Any
    kind: VectorType
    value: Any

    def of(self, value: Any) -> "Vector":
        """`value` as a vector of the same builder and type."""
        return Vector(self.builder, self.kind, value)

    def operand(self, x: "Vector | float") -> Any:
        """The value of a vector, or of a number in all lanes."""
        return (x if isinstance(x, Vector) else self.kind.splat(x)).value

    def __add__(self, x: "Vector | float") -> "Vector":
        return self.of(self.builder.fadd(self.value, self.operand(x)))

    def __sub__(self, x: "Vector | float") -> "Vector":
        return self.of(self.builder.fsub(self.value, self.operand(x)))

    def __rsub__(self, x: float) -> "Vector":
        return self.of(self.builder.fsub(self.operand(x), self.value))

    def __mul__(self, x: "Vector | float") -> "Vector":
        return self.of(self.builder.fmul(self.value, self.operand(x)))

    def __truediv__(self, x: "Vector | float") -> "Vector":
        return self.of(self.builder.fdiv(self.value, self.operand(x)))

    def __rtruediv__(self, x: float) -> "Vector":
        return self.of(self.builder.fdiv(self.operand(x), self.value))

    def __neg__(self) -> "Vector":
        return self.of(self.builder.fneg(self.value))

    __radd__, __rmul__ = __add__, __mul__

    def call(self, name: str, *others: "Vector | float") -> "Vector":
        """LLVM's own function `name` of this and other vectors."""
        full = f"llvm.{name}.v{self.kind.lanes}f{np.finfo(self.kind.dtype).bits}"
        module, types = self.builder.module, [self.kind.vector] * (1 + len(others))
        function = module.globals.get(full) or ir.Function(module, ir.FunctionType(types[0], types), full)
        return self.of(self.builder.call(function, [self.value, *map(self.operand, others)]))

    def times_plus(self, factor: "Vector | float", term: "Vector | float") -> "Vector":
        """self * factor + term with one rounding."""
        return self.call("fma", factor, term)

    def where(self, sign: str, bound: float, x: "Vector | float", otherwise: "Vector | float") -> "Vector":
        """`x` where ``self sign bound`` holds, and `otherwise` elsewhere, NaN included."""
        mask = self.builder.fcmp_ordered(sign, self.value, self.operand(bound))
        return self.of(self.builder.select(mask, self.operand(x), self.operand(otherwise)))

    def clip(self, low: float, high: float) -> "Vector":
        """Self within [low, high]; NaN stays NaN."""
        at_least = self.where("<", low, low, self)
        return at_least.where(">", high, high, at_least)

    def bits(self) -> "Integers":
        """The bits as integers."""
        return Integers(self.builder, self.kind, self.builder.bitcast(self.value, self.kind.integers))


@dataclass(frozen=True)
class Integers:
    """One integer in each lane."""

    builder: Any
    kind: VectorType
    value: Any

    def operand(self, x: "Integers | int") -> Any:
        """The value of integers, or of one in all lanes."""
        return x.value if isinstance(x, Integers) else ir.Constant(self.kind.integers, [x] * self.kind.lanes)

    def apply(self, what: str, x: "Integers | int") -> "Integers":
        """The builder's operation `what` with another integer."""
        return Integers(self.builder, self.kind, getattr(self.builder, what)(self.value, self.operand(x)))

    def __add__(self, x: "Integers | int") -> "Integers":
        return self.apply("add", x)

    def __sub__(self, x: "Integers | int") -> "Integers":
        return self.apply("sub", x)

    def where(self, sign: str, bound: int, x: "Integers | int", otherwise: "Integers | int") -> "Integers":
        """`x` where ``self sign bound`` holds, and `otherwise` elsewhere."""
        mask = self.builder.icmp_signed(sign, self.value, self.operand(bound))
        return Integers(
            self.builder, self.kind, self.builder.select(mask, self.operand(x), self.operand(otherwise))
        )

    def real(self) -> Vector:
        """Self as floating-point numbers."""
        return Vector(self.builder, self.kind, self.builder.sitofp(self.value, self.kind.vector))

    def power_of_two(self) -> Vector:
        """2^self, where that is a normal number."""
        bits = (self + self.kind.bias).apply("shl", self.kind.mantissa)
        return Vector(self.builder, self.kind, self.builder.bitcast(bits.value, self.kind.vector))

    def halves(self) -> tuple[Vector, Vector]:
        """Two normal numbers whose product is 2^self, which need not be one."""
        half = self.apply("ashr", 1)
        return half.power_of_two(), (self - half).power_of_two()


def to_integers(x: Vector) -> Integers:
    """x as integers, where it has these values."""
    return Integers(x.builder, x.kind, x.builder.fptosi(x.value, x.kind.integers))


def horner(x: Vector, coefficients: list[float]) -> Vector:
    """A polynomial, its highest coefficient first."""
    total = x.of(x.operand(coefficients[0]))
    for c in coefficients[1:]:
        total = total.times_plus(x, c)
    return total


class Exponential(NamedTuple):
    """n and p of exp(x) = 2^n (1 + p), and n as the last bits of a number."""

    n: Vector
    p: Vector
    bits: Integers


def reduced(x: Vector) -> Exponential:
    """exp(x) with x = n log(2) + r, |r| <= log(2) / 2, and p = exp(r) - 1."""
    kind = x.kind
    rounder = 1.5 * 2.0**kind.mantissa  # a number so large that adding it rounds to a whole one
    shifted = x.times_plus(1 / math.log(2), rounder)
    n = shifted - rounder
    high = float(np.dtype(kind.dtype).type(math.log(2)))
    low = math.log(2) - high if kind.dtype == "float32" else 2.3190468138462996e-17
    r = n.times_plus(-low, n.times_plus(-high, x))
    series = horner(r, [1 / math.factorial(k) for k in range(kind.order, 1, -1)])
    return Exponential(n, (r * r).times_plus(series, r), shifted.bits())


def exp(x: Vector) -> Vector:
    """The exponential; 0 and inf where it is out of range."""
    limits = np.finfo(x.kind.dtype)
    x = x.clip(float(np.log(limits.smallest_subnormal)) - 2, float(np.log(limits.max)) + 0.6)
    n, p, _ = reduced(x)
    a, b = to_integers(n).halves()
    return (p + 1.0) * a * b


class Decaying(NamedTuple):
    """exp(x) for x <= 0, and n and p of `Exponential`."""

    value: Vector
    n: Vector
    p: Vector


def decaying(x: Vector) -> Decaying:
    """exp(x) for x <= 0, with 2^n put into the exponent's bits; a lift keeps these a normal number's."""
    kind = x.kind
    lift = 64 if kind.dtype == "float32" else 128
    low = float(np.log(np.finfo(kind.dtype).smallest_subnormal)) - 2
    n, p, bits = reduced(x.where("<", low, low, x))
    power = bits.apply("shl", kind.mantissa) + ((lift + kind.bias) << kind.mantissa)
    lifted = Vector(x.builder, kind, x.builder.bitcast(power.value, kind.vector))
    return Decaying((p + 1.0) * lifted * 2.0**-lift, n, p)


def twice_atanh(s: Vector) -> Vector:
    """log((1 + s) / (1 - s)), |s| <= 1/3."""
    series = horner(s * s, [1 / (2 * k + 1) for k in range(s.kind.terms, 0, -1)])
    return (s * s * s * 2.0).times_plus(series, s * 2.0)


def log1p(e: Vector) -> Vector:
    """log(1 + e), 0 <= e <= 1."""
    return twice_atanh(e / (e + 2.0))


def log(x: Vector) -> Vector:
    """The logarithm, -inf of 0."""
    kind = x.kind
    up = kind.mantissa + 1
    small = x.where("<", float(np.finfo(kind.dtype).tiny), x * 2.0**up, x)
    over = small.bits() - ((kind.bias - 1) << kind.mantissa) - int(0.414 * 2**kind.mantissa)
    k = over.apply("ashr", kind.mantissa)  # of x / sqrt(2): the mantissa is left within [0.7, 1.42]
    m = Vector(
        x.builder, kind, x.builder.bitcast((small.bits() - k.apply("shl", kind.mantissa)).value, kind.vector)
    )
    power = k.real() - x.where("<", float(np.finfo(kind.dtype).tiny), float(up), 0.0)
    value = power.times_plus(math.log(2), twice_atanh((m - 1.0) / (m + 1.0)))
    value = x.where("<=", float(np.finfo(kind.dtype).max), value, x)  # else inf, or NaN
    return x.where("==", 0.0, -math.inf, x.where("<", 0.0, math.nan, value))


class Pair(NamedTuple):
    """An activation and its slope."""

    value: Vector
    slope: Vector


def sigmoid(x: Vector) -> Pair:
    """The logistic function and its slope."""
    e = decaying(-x.call("fabs")).value
    larger = 1.0 / (e + 1.0)
    smaller = e * larger
    return Pair(x.where(">", 0.0, larger, smaller), larger * smaller)


def tanh(x: Vector) -> Pair:
    """The hyperbolic tangent and its slope."""
    falling = decaying(x.call("fabs") * -2.0)
    less_one = falling.n.where("==", 0.0, falling.p, falling.value - 1.0)
    share = 1.0 / (falling.value + 1.0)
    return Pair((-less_one * share).call("copysign", x), falling.value * 4.0 * share * share)


def log_sigmoid(x: Vector) -> Vector:
    """The logarithm of the logistic function."""
    return x.where("<", 0.0, x, 0.0) - log1p(decaying(-x.call("fabs")).value)


def relu(x: Vector) -> Vector:
    """The larger of x and 0; NaN stays NaN."""
    return x.where("<", 0.0, 0.0, x)

"""The functions of `Ops`, in Triton: activations that keep their digits at both ends, from exp(-|x|)."""

# mypy: ignore-errors

import triton
import triton.language as tl


@triton.jit
def sigmoid(x):
    """Neither 1 - sigma nor sigma is ever a small difference of large numbers."""
    e = tl.exp(-tl.abs(x))
    return tl.where(x > 0, 1.0, e) / (1.0 + e)


@triton.jit
def sigmoid_slope(x):
    e = tl.exp(-tl.abs(x))
    return e / ((1.0 + e) * (1.0 + e))


@triton.jit
def tanh(x):
    """Its series up to x^9 below 1/4, where (1 - e) / (1 + e) is a small difference; what is left out is 1e-8 of it."""
    e = tl.exp(-2.0 * tl.abs(x))
    large = tl.where(x > 0, 1.0 - e, e - 1.0) / (1.0 + e)
    s = x * x
    series = 1.0 + s * (-1.0 / 3.0 + s * (2.0 / 15.0 + s * (-17.0 / 315.0 + s * (62.0 / 2835.0))))
    return tl.where(s < 0.0625, x * series, large)


@triton.jit
def tanh_slope(x):
    e = tl.exp(-2.0 * tl.abs(x))
    return 4.0 * e / ((1.0 + e) * (1.0 + e))


@triton.jit
def relu(x):
    return tl.maximum(x, 0.0)


@triton.jit
def log_sigmoid(x):
    """min(x, 0) - log(1 + e); the quotient undoes the rounding of 1 + e."""
    e = tl.exp(-tl.abs(x))
    whole = 1.0 + e
    rest = tl.where(whole > 1.0, tl.log(whole) * (e / tl.where(whole > 1.0, whole - 1.0, 1.0)), e)
    return tl.minimum(x, 0.0) - rest


@triton.jit
def exponent(peak):
    """The power of two that brings a number into [1/2, 1), from its bits; -126 for what has no leading bit."""
    return ((peak.to(tl.int32, bitcast=True) >> 23) & 255) - 126


@triton.jit
def power_of_two(n):
    """2^n from its bits, for n from -126 to 127."""
    return ((n + 127) << 23).to(tl.float32, bitcast=True)


@triton.jit
def square(d):
    """The sum of squares of each row, in float64: no square of a float32 number underflows there."""
    wide = d.to(tl.float64)
    return tl.sum(wide * wide, 1, keep_dims=True)

"""The compiled functions keep all digits: near zero, in between, and however saturated a unit is."""

import ctypes
from collections.abc import Callable

import numpy as np
import pytest
from mpmath import mp, mpf

pytest.importorskip("numba", reason="numba, of `pip install .[fast]`, is not there")

from carousel.engine.compiled.emit import Column, pointwise  # noqa: E402
from carousel.engine.compiled.vectors import VectorType  # noqa: E402
from carousel.engine.trace import Line  # noqa: E402

KINDS = [
    VectorType("float32", 16),
    VectorType("float32", 8),
    VectorType("float64", 8),
    VectorType("float64", 4),
]
ANSWERS: dict[str, tuple[Callable, float]] = {  # and how many rounding units are allowed
    "exp": (mp.exp, 1.5),
    "tanh": (mp.tanh, 2.5),
    "tanh_slope": (lambda x: mp.sech(x) ** 2, 3.5),
    "sigmoid": (lambda x: 1 / (1 + mp.exp(-x)), 2.5),
    "sigmoid_slope": (lambda x: mp.sech(x / 2) ** 2 / 4, 3.5),
    "log_sigmoid": (lambda x: -mp.log1p(mp.exp(-x)), 2.5),
    "log": (lambda x: mp.log(abs(x)), 2.5),
}


def applied(kind: VectorType, op: str, x: np.ndarray) -> np.ndarray:
    """The numbers that the compiled code of `op` gives."""
    operands = ("x", "y") if op.endswith("slope") else ("x",)
    address = pointwise(kind, [Line("z", op, operands)], [Column(0, ("x",))], [Column(1, ("z",))], 2)
    rows = x.astype(kind.dtype).reshape(-1, kind.lanes).copy()
    out = np.empty_like(rows)
    function = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)(address)
    function(len(rows), rows.ctypes.data, out.ctypes.data)
    return out.ravel()


@pytest.mark.parametrize("op", ANSWERS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_function_is_right_to_a_few_rounding_units(kind: VectorType, op: str) -> None:
    rng, limits = np.random.default_rng(0), np.finfo(kind.dtype)
    x = np.concatenate([rng.standard_normal(64) * size for size in (1e-6, 0.3, 3.0, 28.0)])
    x = abs(x).astype(kind.dtype) if op == "log" else x.astype(kind.dtype)
    answer, allowed = ANSWERS[op]
    with mp.workdps(60):
        expected = [answer(mpf(float(value))) for value in x]
        found = [mpf(float(value)) for value in applied(kind, op, x)]
        errors = [
            float(abs(a - b) / max(abs(b), mpf(float(limits.tiny))))
            for a, b in zip(found, expected, strict=True)
        ]
    assert max(errors) < allowed * limits.eps


@pytest.mark.parametrize("kind", KINDS)
def test_what_has_no_ordinary_value_is_as_in_numpy(kind: VectorType) -> None:
    x = np.resize([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-30, -1e-30, 1e4], 2 * kind.lanes)
    with np.errstate(all="ignore"):
        answers = {
            "tanh": np.tanh(x),
            "exp": np.exp(x),
            "sigmoid": 1 / (1 + np.exp(-x)),
            "relu": np.maximum(x, 0),
        }
        for op, expected in answers.items():
            np.testing.assert_allclose(applied(kind, op, x), expected.astype(kind.dtype), rtol=1e-6)
        np.testing.assert_allclose(applied(kind, "log", x), np.log(x), rtol=1e-6)

"""Long products of matrices: powers of two that are taken out, against generalized orders of magnitude (GOOMs).

    python benchmarks/goom.py [--steps N] [--out benchmarks/goom.csv]

Heinsen and Kozachkov (2025, arXiv 2510.03426) write a real number x as a complex logarithm, log |x| + i pi where x is
negative, and multiply matrices of these: from each row of the left one and each column of the right one its largest
real part is subtracted, both are made real numbers again, multiplied, and the logarithm is taken of the product. Their
chain is written here again from that definition. Ours is the package's own: the product in floats, and after every
EVERY steps an exact division by a power of two.

Both carry the same vector back through the same matrices, whose entries are multiples of 2^-GRID and so exact in
float32. The truth is their product in whole numbers of any length. An error is that of log10 of the norm, in decades.
"""

import argparse
import math
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

from cores import pinned

pinned()  # before any library starts its threads

import mpmath  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from clock import interleaved  # noqa: E402

from carousel.engine.backends.table import load  # noqa: E402
from carousel.engine.log_space import log_norm, rescale  # noqa: E402

GRID = 20
EVERY = 8
UNITS = 8  # of the products that are checked
WIDE = 64  # of those that are timed
KINDS = "vanishing", "critical", "exploding"
LENGTHS = 10, 100, 1000, 10_000
DTYPES = "float32", "float64"
SEED = 1


def whole(kind: str, steps: int, units: int) -> Iterator[np.ndarray]:
    """The matrices of a chain, times 2^GRID: orthogonal ones, or Gaussian ones of gain 1/2 or 2."""
    rng = np.random.default_rng([SEED, KINDS.index(kind)])
    for _ in range(steps):
        drawn = rng.standard_normal((units, units))
        if kind == "critical":
            matrix = np.linalg.qr(drawn)[0]
        else:
            matrix = {"vanishing": 0.5, "exploding": 2.0}[kind] / math.sqrt(units) * drawn
        yield np.rint(np.clip(matrix, -7.9, 7.9) * 2**GRID).astype(np.int64)


def truth(kind: str, steps: int) -> dict[int, float]:
    """log10 of the norm of the vector after so many steps, from the exact product."""
    vector, found = np.full(UNITS, 1, object), {}
    with mpmath.workdps(40):
        for step, matrix in enumerate(whole(kind, steps, UNITS), start=1):
            vector = matrix.astype(object).T @ vector
            if step in LENGTHS:
                square = mpmath.mpf(int((vector * vector).sum()))
                found[step] = mpmath.log10(square) / 2 - step * GRID * mpmath.log10(2)
    return found


def ours(chain: Iterator[np.ndarray], start: np.ndarray, dtype: str) -> Iterator[float]:
    """log10 of the norm after each step; `start` [units, columns]."""
    backend = load("numpy", "cpu", dtype)
    d, power = (backend.array(start[None]),), np.zeros((1, 1, start.shape[1]), int)
    for step, matrix in enumerate(chain, start=1):
        d = (matrix.T @ d[0],)
        if step % EVERY == 0:
            d, power = rescale(backend, d, power)
        yield log_norm(backend, (d, power))[0, 0]


def goom(chain: Iterator[np.ndarray], start: np.ndarray, dtype: str) -> Iterator[float]:
    """log10 of the norm after each step."""
    logs = logarithm(start.astype(dtype))
    for matrix in chain:
        logs = product(logarithm(matrix.T), logs)
        yield log10_norm(logs)


def logarithm(x: np.ndarray) -> np.ndarray:
    """Real numbers as complex logarithms of the same precision."""
    logs = np.empty(x.shape, f"complex{16 * x.dtype.itemsize}")
    with np.errstate(divide="ignore"):
        np.log(abs(x), out=logs.real)
    logs.imag = math.pi * (x < 0)
    return logs


def real(logs: np.ndarray) -> np.ndarray:
    """Complex logarithms as the real numbers that they are of."""
    return np.copysign(np.exp(logs.real), np.cos(logs.imag))


def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The matrix product of two matrices of logarithms."""
    rows, columns = largest(a, 1), largest(b, 0)
    return logarithm(real(a - rows) @ real(b - columns)) + rows + columns


def largest(logs: np.ndarray, axis: int) -> np.ndarray:
    """The largest real parts along an axis; 0 where there are only zeros."""
    top = logs.real.max(axis, keepdims=True)
    return np.where(np.isfinite(top), top, np.zeros_like(top))


def log10_norm(logs: np.ndarray) -> float:
    """log10 of the norm of the first column."""
    column = logs[:, 0].real.astype(float)
    top = column.max()
    return float((top + math.log(np.linalg.norm(np.exp(column - top)))) / math.log(10))


Contender = Callable[[Iterator[np.ndarray], np.ndarray, str], Iterator[float]]
CONTENDERS: dict[str, Contender] = {"powers of two": ours, "GOOM": goom}


def errors(kind: str, steps: int) -> list[dict]:
    """The errors of both after each of LENGTHS, in decades."""
    exact, rows = truth(kind, steps), []
    for name, work in CONTENDERS.items():
        for dtype in DTYPES:
            chain = ((matrix / 2.0**GRID).astype(dtype) for matrix in whole(kind, steps, UNITS))
            found = work(chain, np.ones((UNITS, 1)), dtype)
            rows += [
                {"chain": kind, "dtype": dtype, "contender": name, "steps": step, "decades": float(exact[step]),
                 "error": abs(float(value - exact[step]))}
                for step, value in enumerate(found, start=1)
                if step in exact
            ]  # fmt: skip
    return rows


def costs(steps: int = 256) -> list[dict]:
    """CPU seconds and the largest memory at once of a product of WIDE x WIDE matrices with a matrix, per step."""
    rows = []
    for dtype in DTYPES:
        chain = [(matrix / 2.0**GRID).astype(dtype) for matrix in whole("critical", steps, WIDE)]
        works = {name: taken(work, chain, dtype) for name, work in CONTENDERS.items()}
        seconds = interleaved(works)
        rows += [
            {"dtype": dtype, "contender": name, "us_per_step": 1e6 * seconds[name] / steps, "kB": peak(work) / 1e3}
            for name, work in works.items()
        ]  # fmt: skip
    return rows


def taken(work: Contender, chain: list[np.ndarray], dtype: str) -> Callable[[], None]:
    """A contender's whole chain on WIDE columns at once, as a Jacobian has."""

    def run() -> None:
        for _ in work(iter(chain), np.eye(WIDE), dtype):
            pass

    return run


def peak(work: Callable[[], None]) -> int:
    """The largest number of bytes of arrays that a work holds at once."""
    tracemalloc.start()
    work()
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=max(LENGTHS))
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    table = pd.DataFrame([row for kind in KINDS for row in errors(kind, args.steps)])
    wide = table.pivot_table("error", ["chain", "steps", "decades"], ["dtype", "contender"], sort=False)
    print(wide.reset_index().to_markdown(index=False, floatfmt=".2g"))
    print(pd.DataFrame(costs()).to_markdown(index=False, floatfmt=".3g"))
    if args.out:
        table.to_csv(args.out, index=False, float_format="%.4g")

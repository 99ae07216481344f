"""What a machine is and does: its instructions, the kernels of its libraries, and three fixed loops on one core.

    python benchmarks/yardstick.py

The loops are the same everywhere, so that figures of two machines can be set side by side: multiply-adds of 16 numbers
in float32 by this package's own matrix product, from the second cache at most; NumPy's tanh of 2^14 float32, in cache;
a copy of 64 MB.
"""

import ctypes

from cores import pinned

pinned()  # before any library starts its threads

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from clock import interleaved  # noqa: E402
from numpy._core._multiarray_umath import __cpu_features__  # noqa: E402
from threadpoolctl import threadpool_info  # noqa: E402

from carousel.engine.compiled import emit, memory  # noqa: E402
from carousel.engine.compiled.vectors import VectorType  # noqa: E402
from carousel.pipeline.provenance import processor  # noqa: E402

TILES, DEPTH, LANES = 8, 256, 16
CALLS = 2000
TANH = 2**14
COPY = 64 * 2**20
WORDS = {"AVX512_SKX": "AVX-512", "AVX2": "AVX2", "ASIMD": "NEON"}
"""Instruction sets, the widest first, as NumPy finds them."""


def machine() -> list[str]:
    """The processor, its widest instructions, and the kernels that the libraries chose, in words."""
    wide = next((words for name, words in WORDS.items() if __cpu_features__.get(name)), "none of those known")
    return [processor(), f"instructions {wide}", *kernels()]


def kernels() -> list[str]:
    """The kernels of NumPy's BLAS, and of torch."""
    import torch

    blas = [each for each in threadpool_info() if each["user_api"] == "blas"]
    found = [f"{each['internal_api']} {each['version']} ({each.get('architecture', '?')})" for each in blas]
    return [*dict.fromkeys(found), f"torch {torch.backends.cpu.get_cpu_capability()}"]


def multiply_adds() -> None:
    """CALLS products of TILES tiles."""
    kind = VectorType("float32", LANES)
    rows = emit.tile_rows(kind)
    a, b, c = (
        memory.aligned(shape, "float32")
        for shape in ((TILES, DEPTH, rows), (DEPTH, LANES), (TILES * rows, LANES))
    )
    a[:], b[:] = 1.0, 1.0
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 4, *[ctypes.c_void_p] * 3)(emit.product(kind, True))
    given = TILES, DEPTH, LANES, LANES, *map(memory.address, (a, b, c))
    for _ in range(CALLS):
        function(*given)
    assert (c == DEPTH).all()


def run() -> pd.DataFrame:
    """The loops' speeds, a row each."""
    x, out = np.linspace(-4, 4, TANH, dtype="float32"), np.empty(TANH, "float32")
    source, target = np.ones(COPY, np.uint8), np.empty(COPY, np.uint8)
    seconds = interleaved(
        {
            "multiply-adds, GFLOP/s": multiply_adds,
            "tanh, 10^9 numbers/s": lambda: [np.tanh(x, out=out) for _ in range(200)],
            "copy, GB/s": lambda: np.copyto(target, source),
        }
    )
    flops = 2 * CALLS * TILES * emit.tile_rows(VectorType("float32", LANES)) * DEPTH * LANES
    amounts = flops / 1e9, 200 * TANH / 1e9, 2 * COPY / 1e9
    speeds = [amount / second for amount, second in zip(amounts, seconds.values(), strict=True)]
    return pd.DataFrame({"work": "yardstick", "contender": [*seconds], "seconds": speeds})


if __name__ == "__main__":
    print("; ".join(machine()))
    print(run().round(2).to_markdown(index=False))

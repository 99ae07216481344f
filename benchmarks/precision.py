"""What a gradient's decay is measured as in float64, float32 and bfloat16 on torch, from the same draws.

    python benchmarks/precision.py [--steps N] [--out benchmarks/precision.csv]

In bfloat16 the weights, the states and the adjoint are all of that dtype: 8 bits of mantissa, and the range of
float32. Weights, inputs, states and covectors are rounded to bfloat16 first, so that every dtype starts from the
same numbers; what is compared is the arithmetic. Each error is the largest over models and sequences, in decades,
against NumPy's float64 on the plain path. `lost` is the first lag at which the plain adjoint, carried back without
powers of two, is exactly zero or not finite in all sequences: what a program without log space has left (-1: it keeps
some to the end); `decades` is what the gradient has lost there, by the reference.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from carousel.axes import Array
from carousel.cells import CELLS, Params
from carousel.engine.backends.backend import Backend
from carousel.engine.backends.table import load
from carousel.engine.system import System
from carousel.measures.adjoint import norms
from carousel.measures.decay import covectors
from carousel.seeds import generator
from carousel.study.models import Setting, forget_bias_of, initial_state, on_backend, stack, weights

SHOWN = "rnn_tanh", "rnn_sigmoid", "rnn_relu", "rnn_linear", "lstm97", "lstm", "gru", "mingru", "slstm", "lru"
DTYPES = "float64", "float32", "bfloat16"
LAGS = 10, 50, 100
HIDDEN, BATCH, INPUTS, SEED, GAIN = 16, 4, 4, 1, 0.9


def rounded(values: np.ndarray) -> np.ndarray:
    """The nearest numbers of bfloat16, in float64."""
    return torch.as_tensor(values).to(torch.bfloat16).double().numpy()


class Drawn:
    """A few models of a cell with white input, rounded."""

    def __init__(self, name: str, steps: int) -> None:
        self.cell, bias = CELLS[name], forget_bias_of(name, "1")
        block = [Setting(name, "orthogonal", GAIN, bias, 0.0, "unit", HIDDEN, steps, r) for r in range(4)]
        W, R, b, p = stack([weights(SEED, s, INPUTS) for s in block])
        self.params = Params(*map(rounded, (W, R, b)), {key: rounded(value) for key, value in p.items()})
        inputs = [generator(SEED, "noise", steps, s.repetition) for s in block]
        self.xs = rounded(np.stack([rng.standard_normal((steps, INPUTS, BATCH)) for rng in inputs], axis=1))
        self.state = [rounded(s) for s in initial_state(SEED, block, BATCH, 0.0)]
        self.covector = rounded(covectors(SEED, block, BATCH))

    def on(self, backend: Backend) -> tuple[System, Array]:
        """The system on a backend, and the covector."""
        params, state = on_backend(backend, self.params), tuple(map(backend.array, self.state))
        system = System(backend, self.cell, params, backend.array(self.xs), state)
        return system, backend.array(self.covector)

    def logs(self, backend: Backend) -> np.ndarray:
        """log10 of the norm at all lags [K M B], less that at lag 0."""
        found = norms(*self.on(backend))
        return found - found[0]

    def lost(self, backend: Backend) -> int:
        """The first lag at which nothing is left of the adjoint without powers of two; -1 if something is."""
        system, d = self.on(backend)
        system = system.effective()
        carried = (d, *(0.0 * d,) * (len(system.state) - 1))
        (steps,) = system.chunks(len(system.xs))
        for lag, step in enumerate(reversed(steps), start=1):
            carried = system.vjp(step, carried, system.full)
            size = sum(backend.norm(part) for part in carried)
            if not (np.isfinite(size) & (size > 0)).any():
                return lag
        return -1


def rows(name: str, steps: int) -> list[dict]:
    """One row a dtype."""
    drawn = Drawn(name, steps)
    reference = drawn.logs(load("numpy", "cpu", "float64", exact=True))
    found = []
    for dtype in DTYPES:
        backend = load("torch", "cpu", dtype)
        error, lost = abs(drawn.logs(backend) - reference), drawn.lost(backend)
        errors = {f"error_{lag}": error[lag].max() for lag in LAGS}
        decades = reference[lost].mean() if lost > 0 else np.nan
        found.append({"cell": name, "dtype": dtype, **errors, "lost": lost, "decades": decades})
    return found


def run(cells: Sequence[str] = SHOWN, steps: int = 120) -> pd.DataFrame:
    """The table."""
    return pd.DataFrame([row for name in cells for row in rows(name, steps)])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    table = run(steps=args.steps)
    print(table.to_markdown(index=False, floatfmt=".2g"))
    if args.out:
        table.to_csv(args.out, index=False, float_format="%.3g")

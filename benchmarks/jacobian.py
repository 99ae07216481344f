"""Jacobian norms at every lag: per-step Jacobians by torch.func and their products, all rows, compressed rows.

    python benchmarks/jacobian.py [rounds] [plot.svg]

One LSTM of 64 units (orthogonal, forget bias 1), 4 sequences of 512 steps, all lags, float64, one thread; contenders
in turn in one process, medians of CPU seconds. What torch.func is asked for is what the others give: Frobenius norm
and largest singular value, of the joint Jacobian alone, or of its blocks h to h, c to c and x to h too. Results are
checked first.
"""

# ruff: noqa: E402 -- libraries read the number of threads when they are loaded

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import math
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
import torch
from clock import interleaved, table
from limits import longest
from torch.func import jacrev, vmap

import carousel.measures.jacobian.backward
from carousel.cells import CELLS, Params
from carousel.engine.backends.table import load
from carousel.engine.system import System
from carousel.inits import draw
from carousel.measures.jacobian.backward import SEGMENT, jacobians
from carousel.measures.jacobian.low_rank import Compressed
from carousel.study.models import on_backend, stack

H, D, T, B = 64, 4, 512, 4
ROUNDS = 2
BITS = 1e-3
Logs = dict[int, dict[str, np.ndarray]]  # by lag and norm; log10, one per sequence


def problem(M: int = 1, H: int = H, B: int = B, T: int = T) -> tuple[Params, np.ndarray]:
    """M LSTMs and their inputs [T M D B]."""
    rng = np.random.default_rng(0)
    options = {"H": H, "D": D, "gain": 1.0, "forget_bias": "1", "bias": 0.0, "length": T}
    params = stack([draw("orthogonal", CELLS["lstm"], lambda role: rng, **options) for _ in range(M)])
    return params, rng.standard_normal((T, M, D, B))


def carousels(backend: str, params: Params, xs: np.ndarray, **options: Any) -> Logs:
    """The norms by this package."""
    there, (M, _, H) = load(backend, "cpu", "float64"), params.R.shape
    state = tuple(there.array(np.zeros((M, H, xs.shape[3]))) for _ in range(2))
    system = System(there, CELLS["lstm"], on_backend(there, params), there.array(xs), state)
    found = jacobians(system, set(range(1, len(xs) + 1)), **options)
    return {lag: {q.name: logs[0] for q, logs in norms.items()} for lag, norms in found}


def by_torch_func(read: Callable[..., dict], params: Params, xs: np.ndarray) -> Logs:
    """The norms by dense Jacobians of one step and their product, divided by its norm at every step: model by model,
    and those of the first."""
    models = [[torch.as_tensor(a[m]) for a in params[:3]] for m in range(len(params.R))]
    return [one_by_torch_func(read, *model, xs[:, m]) for m, model in enumerate(models)][0]


def one_by_torch_func(
    read: Callable[..., dict], W: torch.Tensor, R: torch.Tensor, b: torch.Tensor, xs: np.ndarray
) -> Logs:
    """The norms of one model with inputs [T D B]."""
    H, B = R.shape[1], xs.shape[2]

    def step(s: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        i, f, z, o = (W @ x + R @ s[:H] + b[:, 0]).split(H)
        c = torch.sigmoid(f) * s[H:] + torch.sigmoid(i) * torch.tanh(z)
        return torch.cat([torch.sigmoid(o) * torch.tanh(c), c])

    inputs = torch.as_tensor(xs).swapaxes(1, 2)
    states = [torch.zeros(B, 2 * H, dtype=torch.float64)]
    for x in inputs[:-1]:
        states.append(vmap(step)(states[-1], x))
    everything = read is all_blocks
    jacobian = vmap(jacrev(step, argnums=(0, 1) if everything else (0,)))
    product, log = (
        torch.eye(2 * H, dtype=torch.float64).expand(B, -1, -1),
        torch.zeros(B, dtype=torch.float64),
    )
    found = {}
    for lag, (s, x) in enumerate(zip(reversed(states), inputs.flip(0), strict=True), start=1):
        by_state, *by_input = jacobian(s, x)
        entry = (product[:, :H] @ by_input[0], log) if everything else ()
        product = product @ by_state
        norm = torch.linalg.matrix_norm(product)
        product, log = product / norm[:, None, None], log + norm.log10()
        found[lag] = read(product, log, *entry)
    return found


def nothing(product: torch.Tensor, log: torch.Tensor, *entry: Any) -> dict:
    """The products alone."""
    return {}


def joint(product: torch.Tensor, log: torch.Tensor, *entry: Any) -> dict[str, np.ndarray]:
    """Both norms of the joint Jacobian."""
    return norms("", product, log)


def all_blocks(product: torch.Tensor, log: torch.Tensor, entry: torch.Tensor, before: torch.Tensor) -> dict:
    """Both norms of every block."""
    H = entry.shape[1]
    hh, cc = product[:, :H, :H], product[:, H:, H:]
    return joint(product, log) | norms("_hh", hh, log) | norms("_cc", cc, log) | norms("_x", entry, before)


def norms(suffix: str, block: torch.Tensor, log: torch.Tensor) -> dict[str, np.ndarray]:
    """log10 of the Frobenius norm and the largest singular value."""
    both = {"fro": torch.linalg.matrix_norm(block), "spec": torch.linalg.matrix_norm(block, 2)}
    return {f"jacobian_{name}{suffix}": (norm.log10() + log).numpy() for name, norm in both.items()}


REFERENCE, OURS = "torch.func", "numpy, compressed"
JOINT, BLOCKS = "joint norms", "norms of all blocks"
TARGETS = {JOINT: 30.0, BLOCKS: 20.0}
"""How many times as fast as torch.func OURS has to be."""
CONTENDERS: dict[tuple[str, str], Callable[[Params, np.ndarray], Logs]] = {
    (JOINT, "torch.func, products without norms"): partial(by_torch_func, nothing),
    (JOINT, REFERENCE): partial(by_torch_func, joint),
    (JOINT, "numpy, all rows"): partial(carousels, "numpy", all_rows=True, with_blocks=False),
    (JOINT, "numpy, compressed"): partial(carousels, "numpy", with_blocks=False),
    (JOINT, "torch, compressed"): partial(carousels, "torch", with_blocks=False),
    (BLOCKS, REFERENCE): partial(by_torch_func, all_blocks),
    (BLOCKS, "numpy, all rows"): partial(carousels, "numpy", all_rows=True),
    (BLOCKS, "numpy, compressed"): partial(carousels, "numpy"),
    (BLOCKS, "torch, compressed"): partial(carousels, "torch"),
}


def bits_off(found: Logs, expected: Logs) -> float:
    """The largest difference of any norm at any lag; the products have none."""
    off = [abs(values - expected[lag][name]).max() for lag in found for name, values in found[lag].items()]
    return float(max(off, default=0.0)) / math.log10(2)


def check(system: tuple[Params, np.ndarray]) -> None:
    """Print how far each contender is off. Raises ArithmeticError where that is too far."""
    expected = CONTENDERS[BLOCKS, REFERENCE](*system)
    for name, contender in CONTENDERS.items():
        off = bits_off(contender(*system), expected)
        print(f"{', '.join(name)}: {off:.1e} bits off at most", file=sys.stderr)
        if not off <= BITS:
            raise ArithmeticError(f"{name} is {off:.1e} bits off")


QUICK = {"rounds": 1, "T": 64}


def run(rounds: int = ROUNDS, T: int = T) -> pd.DataFrame:
    """The table of this work."""
    torch.set_num_threads(1)
    system = problem(T=T)
    check(system)
    seconds = interleaved(
        {name: partial(work, *system) for name, work in CONTENDERS.items()}, rounds, warm=True
    )
    tables = [
        of_work(work, {name: s for (w, name), s in seconds.items() if w == work}, T) for work in TARGETS
    ]
    hot = {work: longest(partial(CONTENDERS[work, OURS], *system)) for work in TARGETS}
    return pd.concat([each.assign(longest=hot[work]) for each, work in zip(tables, TARGETS, strict=True)])


def of_work(work: str, seconds: dict[str, float], T: int) -> pd.DataFrame:
    """The rows of one of the two works."""
    name = f"Jacobian norms at all lags, LSTM, H = {H}, T = {T}, {B} sequences: {work}"
    return table(name, seconds, {(OURS, REFERENCE): TARGETS[work]})


def cost_by_lag(rounds: int = ROUNDS) -> pd.DataFrame:
    """Milliseconds per lag, as means over SEGMENT lags of the median of `rounds`, and rows carried. The first have the
    forward pass in them."""
    options: dict[str, dict[str, bool]] = {"all rows": {"all_rows": True}, "compressed": {}}
    ranks = {"all rows": dict.fromkeys(range(T + 1), 2 * H), "compressed": carried()}
    lags = pd.DataFrame({"lag": range(1, T + 1)})
    parts = []
    for name in options:
        laps = np.median([seconds_by_lag(**options[name]) for _ in range(rounds)], axis=0)
        milliseconds = 1e3 * pd.Series(laps).groupby((lags["lag"] - 1) // SEGMENT).transform("mean")
        parts.append(lags.assign(rows=name, milliseconds=milliseconds, carried=lags["lag"].map(ranks[name])))
    return pd.concat(parts, ignore_index=True)


def seconds_by_lag(**options: bool) -> np.ndarray:
    """CPU seconds from each lag's norms to the next one's; compressed rows are read SEGMENT lags at a time."""
    params, xs = problem()
    state = tuple(np.zeros((1, H, B)) for _ in range(2))
    numpy = load("numpy", "cpu", "float64")
    found = jacobians(System(numpy, CELLS["lstm"], params, xs, state), set(range(T + 1)), **options)
    return np.diff([time.process_time() for _ in found])


def carried() -> dict[int, int]:
    """Compressed rows per sequence, the test vectors among them, at each lag."""
    ranks: dict[int, int] = {}
    read = carousel.measures.jacobian.backward.read

    def noted(before: Compressed, rows: list, *rest: Any) -> list:
        for k in range(len(rows)):
            ranks[before.lag + k + 1] = 2 * before.rows.shape[3]
        return read(before, rows, *rest)

    carousel.measures.jacobian.backward.read = noted
    try:
        carousels("numpy", *problem())
    finally:
        carousel.measures.jacobian.backward.read = read
    return ranks


def plot(path: str) -> None:
    """Draw the cost of a lag and the rows carried against the lag."""
    costs = cost_by_lag()
    sns.set_theme(style="ticks")
    figure, (above, below) = plt.subplots(2, 1, sharex=True, figsize=(6.4, 5.6), layout="constrained")
    for axes, column in ((above, "milliseconds"), (below, "carried")):
        sns.lineplot(costs, x="lag", y=column, hue="rows", ax=axes, legend=axes is above, estimator=None)
        axes.set(yscale="log")
    above.set(ylabel="CPU milliseconds per lag")
    below.set(xlabel="lag, steps", ylabel="rows carried per sequence", xscale="log")
    sns.despine(figure)
    figure.savefig(path)
    plt.close(figure)


if __name__ == "__main__":
    print(run(*map(int, sys.argv[1:2])).round(3).to_markdown(index=False))
    if len(sys.argv) > 2:
        plot(sys.argv[2])

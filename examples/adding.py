"""An LSTM that does not learn, its diagnosis, and what makes it learn: the adding problem in plain PyTorch.

    python examples/adding.py            # what the diagnosis says, then all trainings: minutes
    python examples/adding.py --short    # the diagnosis, and one step of each training

Every sequence has LENGTH numbers, two of them marked, one in each half; their sum is the answer after the last step.
A table of all trainings goes to adding.csv, beside this file; docs/diagnose.md tells what is in it.
"""

import argparse
import csv
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

import carousel

LENGTH, HIDDEN, BATCH, TEST = 150, 32, 32, 500
SOLVED = 0.01  # mean squared error; the constant answer 1 has 1/6
EVERY = 50  # steps between two tests


class Network(nn.Module):
    """An LSTM, and a sum of its last output."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(2, HIDDEN, batch_first=True)
        self.readout = nn.Linear(HIDDEN, 1)

    def forward(self, x: Tensor) -> Tensor:
        """x [B, T, 2] to the answers [B]."""
        return self.readout(self.lstm(x)[0][:, -1])[:, 0]


def as_it_is(lstm: nn.LSTM) -> None:
    """PyTorch's default: all biases uniform and small."""


@torch.no_grad()
def forget_bias(lstm: nn.LSTM, bias: float) -> None:
    """The same forget bias for all units. PyTorch adds two bias vectors: one takes it, the other none."""
    lstm.bias_ih_l0[HIDDEN : 2 * HIDDEN] = bias
    lstm.bias_hh_l0[HIDDEN : 2 * HIDDEN] = 0.0


@torch.no_grad()
def chrono(lstm: nn.LSTM) -> None:
    """Biases for time scales up to LENGTH, the input gate closed as far as the forget gate is open (Tallec 2018)."""
    bias = torch.empty(HIDDEN).uniform_(1, LENGTH - 1).log()
    forget_bias(lstm, 0.0)
    lstm.bias_ih_l0[HIDDEN : 2 * HIDDEN] = bias
    lstm.bias_ih_l0[:HIDDEN] = -bias
    lstm.bias_hh_l0[:HIDDEN] = 0.0


class Setting(NamedTuple):
    """One way to train."""

    name: str
    prepare: Callable[[nn.LSTM], None] = as_it_is
    rate: float = 0.01


SETTINGS = {
    each.name: each
    for each in (
        Setting("as it is"),
        Setting("three times the learning rate", rate=0.03),
        Setting("forget bias 3", partial(forget_bias, bias=3.0)),
        Setting("forget bias 5", partial(forget_bias, bias=5.0)),
        Setting("chrono biases", chrono),
    )
}
STEPS = 800
SEEDS = 1, 2, 3


def batch(generator: torch.Generator, size: int) -> tuple[Tensor, Tensor]:
    """Sequences [size, LENGTH, 2] of numbers and marks, and the sums of the marked numbers."""
    x = torch.rand(size, LENGTH, 2, generator=generator)
    x[..., 1] = 0.0
    half, rows = LENGTH // 2, torch.arange(size)
    first = torch.randint(half, (size,), generator=generator)
    second = torch.randint(half, LENGTH, (size,), generator=generator)
    x[rows, first, 1] = x[rows, second, 1] = 1.0
    return x, x[rows, first, 0] + x[rows, second, 0]


def made(setting: Setting, seed: int) -> Network:
    """The network before its training."""
    torch.manual_seed(seed)
    network = Network()
    setting.prepare(network.lstm)
    return network


class Trained(NamedTuple):
    """What became of one network: the step at which its error was below SOLVED, if it was, and its last error."""

    setting: str
    seed: int
    steps: int
    solved: int | None
    error: float
    seconds: float  # of processor time


def train(name: str, seed: int, steps: int) -> Trained:
    """Train one network, on new sequences in every step, until it solves others or for `steps`."""
    torch.set_num_threads(1)
    network, data = made(SETTINGS[name], seed), torch.Generator().manual_seed(1000 + seed)
    x_test, y_test = batch(torch.Generator().manual_seed(0), TEST)
    adam = torch.optim.Adam(network.parameters(), lr=SETTINGS[name].rate)
    began, step, error = time.process_time(), 0, float("inf")
    while step < steps and error >= SOLVED:
        x, y = batch(data, BATCH)
        adam.zero_grad()
        nn.functional.mse_loss(network(x), y).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        adam.step()
        step += 1
        if step % EVERY == 0 or step == steps:
            with torch.no_grad():
                error = float(nn.functional.mse_loss(network(x_test), y_test))
    seconds = round(time.process_time() - began, 1)
    return Trained(name, seed, step, step if error < SOLVED else None, round(error, 4), seconds)


def diagnosed(setting: Setting) -> None:
    """Print what carousel.diagnose says of the first network of a setting, on four sequences of the task."""
    x, _ = batch(torch.Generator().manual_seed(0), 4)
    report = carousel.diagnose(made(setting, SEEDS[0]).lstm, x)
    decay = report.decay.set_index(["quantity", "lag"])["log10_norm"]
    entry = report.gates.set_index(["quantity", "quantile"])["value"]["entry", 0.5]
    state, by_input = decay["jacobian_fro", 100] - decay["jacobian_fro", 0], decay["jacobian_fro_x", 100]
    print(f"{setting.name}: {report}")
    print(
        f"  left at lag 100: {10**state:.1e} of the gradient by the state; that by an input is {10**by_input:.1e}"
    )
    print(f"  d h / d c, the gates held: {entry:.4f} in the median")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="one step of each training, and no file")
    parser.add_argument("--processes", type=int, default=1, help="trainings at a time")
    options = parser.parse_args()
    for setting in SETTINGS.values():
        if setting.rate == SETTINGS["as it is"].rate:
            diagnosed(setting)
    runs = [(name, seed, 1 if options.short else STEPS) for seed in SEEDS for name in SETTINGS]
    with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool:
        found = list(pool.map(train, *zip(*runs, strict=True)))
    for each in found:
        print(*each, sep=", ")
    if not options.short:
        with Path(__file__).with_suffix(".csv").open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([Trained._fields, *found])


if __name__ == "__main__":
    main()

"""What `carousel.Monitor` adds to a training: seconds of a step without, with one, and the share that it took.

    python benchmarks/monitor.py

Each network is trained on noise, in blocks of steps with and without a monitor by turns, so that both meet the same
neighbours on a shared machine. `measured` counts measurements, `first` is the cost of the first, in steps.
"""

import statistics
import time
import warnings

import torch
from torch import nn

import carousel

EVERY, BLOCK, BLOCKS, WARM_UP = 10, 40, 2, 3
NETWORKS = {  # layer, input size, steps, batch
    "LSTM 64, 100 steps of 32": (lambda: nn.LSTM(8, 64), 8, 100, 32),
    "2 LSTM 128, 200 steps of 32": (lambda: nn.LSTM(8, 128, 2), 8, 200, 32),
    "GRU 256, 100 steps of 16": (lambda: nn.GRU(32, 256), 32, 100, 16),
}


class Network(nn.Module):
    """A recurrent layer and what reads its last output."""

    def __init__(self, rnn: nn.RNNBase) -> None:
        super().__init__()
        self.rnn, self.head = rnn, nn.Linear(rnn.hidden_size, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.rnn(x)[0][-1])


def seconds(network: Network, optimizer: torch.optim.Optimizer, shape: tuple, steps: int, monitor) -> float:
    """The seconds of a step of the training."""
    start = time.perf_counter()
    for _ in range(steps):
        x = torch.randn(shape)
        optimizer.zero_grad()
        (network(x) - x[0, :, :1]).square().mean().backward()
        optimizer.step()
        if monitor:
            monitor.step(x)
    return (time.perf_counter() - start) / steps


def row(name: str) -> str:
    """A network's line of the table."""
    layer, inputs, length, batch = NETWORKS[name]
    network, shape = Network(layer()), (length, batch, inputs)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    seconds(network, optimizer, shape, WARM_UP, None)
    monitor = carousel.Monitor(network, every=EVERY)
    start = time.perf_counter()
    monitor.step(torch.randn(shape))
    first = time.perf_counter() - start
    pairs = []
    for _ in range(BLOCKS):
        plain = seconds(network, optimizer, shape, BLOCK, None)
        monitor.left_at = time.perf_counter()
        pairs.append((plain, seconds(network, optimizer, shape, BLOCK, monitor)))
    plain, watched = (statistics.median(each) for each in zip(*pairs, strict=True))
    share = monitor.spent / monitor.trained
    count = monitor.table["step"].nunique()
    return (
        f"| {name} | {plain * 1e3:.1f} | {watched * 1e3:.1f} | {watched / plain - 1:+.1%} | {share:.1%} "
        f"| {count} of {BLOCKS * BLOCK // EVERY + 1} | {first / plain:.1f} |"
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    print("| network | step, ms | with a monitor | more | share of the time | measured | first, in steps |")
    print("|---|---|---|---|---|---|---|")
    for name in NETWORKS:
        print(row(name), flush=True)

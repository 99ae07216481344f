"""What one would write without carousel: a loop over torch's cells, torch's own layers, and JAX."""

from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
import torch
from problem import Problem

CELLS = {"lstm": torch.nn.LSTMCell, "gru": torch.nn.GRUCell, "rnn_tanh": torch.nn.RNNCell}
NEEDS = {"compiled": "numba", "JAX": "jax"}
LAYERS = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn_tanh": torch.nn.RNN}


def installed(name: str) -> bool:
    """Whether the library of a contender is there."""
    return name not in NEEDS or find_spec(NEEDS[name]) is not None


def load(module: torch.nn.Module, problem: Problem, m: int, suffix: str = "") -> torch.nn.Module:
    """`module` with the weights of model m; carousel's gates are in torch's order."""
    W, R, b, p = problem.params
    H = R.shape[2]
    bias = np.zeros_like(b[m, :, 0])
    if "p_z" in p:
        bias[-H:] = p["p_z"][m, :, 0]
    with torch.no_grad():
        for name, value in (
            ("weight_ih", W[m]),
            ("weight_hh", R[m]),
            ("bias_ih", b[m, :, 0]),
            ("bias_hh", bias),
        ):
            getattr(module, name + suffix).copy_(torch.from_numpy(np.ascontiguousarray(value)))
    return module


def cell_loop(problem: Problem) -> Callable[[], np.ndarray]:
    """The gradient's norm at every lag [T + 1, M, B] from a loop over steps and autograd, model by model.

    Nothing is renormalised: below the float range it finds zeros.
    """
    T, M, D, B = problem.xs.shape
    H = problem.covector.shape[1]
    cells = [load(CELLS[problem.name](D, H), problem, m) for m in range(M)]
    xs = torch.from_numpy(problem.xs.transpose(1, 0, 3, 2).copy())
    states = [[torch.from_numpy(s[m].T.copy()) for s in problem.state] for m in range(M)]
    vs = torch.from_numpy(problem.covector.swapaxes(1, 2).copy())

    def one(
        cell: torch.nn.Module, xs: torch.Tensor, state: list[torch.Tensor], v: torch.Tensor
    ) -> torch.Tensor:
        kept = [[s.requires_grad_() for s in state]]
        for x in xs:
            after = cell(x, tuple(kept[-1]) if len(state) > 1 else kept[-1][0])
            kept.append([s.view_as(s) for s in (after if len(state) > 1 else (after,))])
        flat = [s for each in kept for s in each]
        found = torch.autograd.grad((kept[-1][0] * v).sum(), flat, allow_unused=True, materialize_grads=True)
        return torch.stack(found).square().sum(2).reshape(len(xs) + 1, len(state), -1).sum(1).sqrt().flip(0)

    return lambda: torch.stack([one(*each) for each in zip(cells, xs, states, vs, strict=True)], 1).numpy()


def layers(problem: Problem, targets: np.ndarray) -> Callable[[], None]:
    """One Adam step of each model by itself: torch's layer, its readout of the last h, and fused Adam."""
    T, M, D, B = problem.xs.shape
    H = problem.covector.shape[1]
    xs = torch.from_numpy(problem.xs.transpose(1, 0, 3, 2).copy())
    ys = torch.from_numpy(targets.swapaxes(1, 2).copy())
    models = []
    for m in range(M):
        layer, readout = load(LAYERS[problem.name](D, H), problem, m, "_l0"), torch.nn.Linear(H, ys.shape[2])
        models.append(
            (layer, readout, torch.optim.Adam([*layer.parameters(), *readout.parameters()], fused=True))
        )

    def step() -> None:
        for (layer, readout, adam), x, y in zip(models, xs, ys, strict=True):
            adam.zero_grad()
            (readout(layer(x)[0][-1]) - y).square().sum(1).mean().backward()
            adam.step()

    return step

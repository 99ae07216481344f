"""Who does the work of `bench.py`: cuDNN through torch.nn, and the two ways of this package, on the same models."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from carousel.cells import CELLS, Params
from carousel.engine.backends.backend import Gradient, Model, Readout, Targets, leaves, rebuild
from carousel.engine.backends.table import load
from carousel.engine.recurrence import PATHS
from carousel.engine.system import System
from carousel.measures.adjoint import Quantity, gradient_by_lag
from gpu import graphs, persistent

MODULES: dict[str, Any] = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn_tanh": nn.RNN}
STREAMS, SAMPLE = 8, 32
ONE_BY_ONE, ON_STREAMS = "cuDNN, model by model", f"cuDNN, graphs on {STREAMS} streams"
GRAPHS, TRITON = "ours, graphs", "ours, Triton"


class Size(NamedTuple):
    """Models, units, sequences, steps and inputs."""

    M: int
    H: int
    B: int
    T: int
    D: int = 2


class Problem(NamedTuple):
    """Modules of torch.nn, and the same models with the same data in our shapes."""

    cell: str
    modules: list[nn.RNNBase]
    model: Model
    xs: Tensor
    state: tuple[Tensor, ...]
    covector: Tensor
    targets: Targets


def drawn(cell: str, size: Size, device: str) -> Problem:
    """Models as torch starts them, one after the other, and random data."""
    torch.manual_seed(0)
    M, H, B, T, D = size
    modules = [MODULES[cell](D, H) for _ in range(M)]
    readout = Readout(torch.randn(M, 1, H) / math.sqrt(H), torch.zeros(M, 1, 1))
    state = tuple(0.5 * torch.randn(M, H, B) for _ in CELLS[cell].states)
    targets = Targets(torch.randn(M, 1, 1, B).to(device), torch.ones(M, 1, B, device=device), "squared_error")
    model = Model(stacked(cell, modules), readout)
    model = rebuild(model, [leaf.to(device) for leaf in leaves(model)])
    rest = [tensor.to(device) for tensor in (torch.randn(T, M, D, B), torch.randn(M, H, B), *state)]
    return Problem(
        cell, [m.to(device) for m in modules[:SAMPLE]], model, rest[0], tuple(rest[2:]), rest[1], targets
    )


@torch.no_grad()
def stacked(cell: str, modules: list[nn.RNNBase]) -> Params:
    """The modules' weights; a GRU's second bias of the candidate is the only one that does not add up."""
    W, R, b, more = (
        torch.stack([getattr(m, f"{name}_l0").detach() for m in modules])
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    both, p, H = b + more, {}, R.shape[2]
    if cell == "gru":
        both[:, 2 * H :], p = b[:, 2 * H :], {"p_z": more[:, 2 * H :, None].clone()}
    return Params(W, R, both[..., None], p)


def peer(problem: Problem, k: int) -> Callable[[], Any]:
    """Model k of torch.nn forward, and back to its first state."""
    module, x = problem.modules[k].requires_grad_(False), problem.xs[:, k].mT.contiguous()
    tips = [s[k].mT[None].contiguous().requires_grad_() for s in problem.state]
    first, covector = tuple(tips) if len(tips) > 1 else tips[0], problem.covector[k].mT.contiguous()
    return lambda: torch.autograd.grad(module(x, first)[0][-1], tips, covector)


def pupil(problem: Problem, k: int) -> Callable[[], Any]:
    """Model k of torch.nn: forward, backward and a fused Adam step."""
    module, x = problem.modules[k].requires_grad_(), problem.xs[:, k].mT.contiguous()
    first = tuple(s[k].mT[None].contiguous() for s in problem.state)
    V, a = (leaf[k].clone().requires_grad_() for leaf in problem.model.readout)
    target, adam = problem.targets.target[k, 0], optimiser([*module.parameters(), V, a])

    def step() -> None:
        adam.zero_grad(set_to_none=True)
        last = module(x, first if len(first) > 1 else first[0])[0][-1]
        torch.square(V @ last.mT + a - target).sum(0).mean().backward()
        adam.step()

    return step


def optimiser(parameters: list[Tensor]) -> torch.optim.Adam:
    """A fused Adam of `parameters`, ready to be captured."""
    parameters = [parameter.requires_grad_() for parameter in parameters]
    return torch.optim.Adam(parameters, lr=1e-3, fused=True, capturable=parameters[0].is_cuda)


def one_by_one(works: list[Callable[[], Any]]) -> None:
    for work in works:
        work()


def on_streams(works: list[Callable[[], Any]], models: int, device: str) -> Callable[[], None]:
    """One captured model a stream, replayed for each of the `models` that share the stream."""
    captured = [graphs.Replayed(work, torch.device(device)) for work in works[:STREAMS]]
    if device == "cpu":
        return lambda: one_by_one([captured[k % len(captured)] for k in range(models)])
    streams = [torch.cuda.Stream() for _ in captured]

    def replay() -> None:
        now = torch.cuda.current_stream()
        for stream in streams:
            stream.wait_stream(now)
        for k in range(models):
            with torch.cuda.stream(streams[k % len(streams)]):
                captured[k % len(streams)]()
        for stream in streams:
            now.wait_stream(stream)

    return replay


def captured_decay(problem: Problem) -> Callable[[], Any]:
    """Our norms, one captured step after the other; parameters and inputs are handed over anew."""
    cell, params = CELLS[problem.cell], problem.model.params
    decay = graphs.Decay(cell, params, problem.xs, problem.state)

    def norms() -> Any:
        decay.set(params, problem.xs, problem.state, problem.covector)
        return decay.norms()

    return norms


def triton_decay(problem: Problem, warps: int = 0) -> Callable[[], Any]:
    cell, params = CELLS[problem.cell], problem.model.params
    return partial(persistent.norms, cell, params, problem.xs, problem.state, problem.covector, warps=warps)


def captured_training(problem: Problem) -> Callable[..., Gradient]:
    cell = CELLS[problem.cell]
    return graphs.Training(cell, problem.model, problem.xs, problem.state, problem.targets).gradient


def triton_training(problem: Problem, warps: int = 0) -> Callable[..., Gradient]:
    return partial(persistent.gradient, CELLS[problem.cell], warps=warps)


def learner(way: Callable[..., Callable[..., Gradient]]) -> Callable[..., Callable[[], None]]:
    """What makes a training step out of a way to the gradient: that, and one fused Adam step of all models."""

    def made(problem: Problem, **options: int) -> Callable[[], None]:
        gradient, tips = way(problem, **options), [leaf.clone() for leaf in leaves(problem.model)]
        model, adam = rebuild(problem.model, [tip.detach() for tip in tips]), optimiser(tips)

        def step() -> None:
            found = leaves(gradient(model, problem.xs, problem.state, problem.targets).model)
            for tip, d in zip(tips, found, strict=True):
                tip.grad = d.contiguous()
            adam.step()

        return step

    return made


def decay_error(problem: Problem, way: str) -> float:
    """The largest difference of log10 norms from the CPU's float32 at all lags; nan where one side has a zero."""
    cell, cpu = CELLS[problem.cell], load("numpy", "cpu", "float32")
    model, xs, state, covector, _ = on_cpu(problem)
    W, R, b, xs, covector, *state = (t.numpy() for t in (*model.params[:3], xs, covector, *state))
    p = {name: value.numpy() for name, value in model.params.p.items()}
    there = gradient_by_lag(
        System(cpu, cell, Params(W, R, b, p), xs, tuple(state)), covector, set(range(len(xs) + 1))
    )
    plain = np.stack([found[Quantity("loss_state", "full")] for _, found in there])
    make = captured_decay if way == GRAPHS else triton_decay
    return float(np.abs(make(problem)()["state"].cpu().numpy() - plain).max())


def training_error(problem: Problem, way: str) -> float:
    """The largest difference of a gradient from the CPU's float32, as a share of its largest entry."""
    cell, cpu = CELLS[problem.cell], load("torch", "cpu", "float32")
    model, xs, state, _, targets = on_cpu(problem)
    plain = cpu.gradient(cell, model, xs, state, targets, PATHS["full"](cell))
    gradient = (captured_training if way == GRAPHS else triton_training)(problem)
    found = leaves(gradient(problem.model, problem.xs, problem.state, problem.targets).model)
    pairs = zip(found, leaves(plain.model), strict=True)
    return max(float((mine.cpu() - exact).abs().max() / exact.abs().max()) for mine, exact in pairs)


def on_cpu(problem: Problem) -> tuple[Model, Tensor, tuple[Tensor, ...], Tensor, Targets]:
    """What `problem` has in our shapes."""
    model = rebuild(problem.model, [leaf.cpu() for leaf in leaves(problem.model)])
    target, weight = (tensor.cpu() for tensor in problem.targets[:2])
    state, targets = tuple(s.cpu() for s in problem.state), Targets(target, weight, problem.targets.loss)
    return model, problem.xs.cpu(), state, problem.covector.cpu(), targets

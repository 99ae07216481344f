"""The stacked torch path without waiting for Python, for any cell: captured in CUDA graphs, and replayed.

Of the decay one step forward and one step back are captured, and replayed once a step: which step it is stands in a
tensor. Of training the whole gradient is captured. On a CPU the same functions are called.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Generic, TypeVar

import torch
from torch import Tensor

from carousel.axes import Series, State, Units
from carousel.cells import Cell, Params
from carousel.engine.backends.backend import Gradient, Model, Targets, leaves, rebuild
from carousel.engine.backends.torch import TorchBackend, TorchOps
from carousel.engine.recurrence import PATHS, drive, effective, forward
from gpu.around import Logs, logs, made

Result = TypeVar("Result")
WARM_UP = 3  # calls before the capture, in which libraries set themselves up


class Replayed(Generic[Result]):
    """A function without arguments, of tensors that stay where they are; its result is overwritten by the next call.

    It is called on a side stream and captured at once, so that what it changes must be set before the first call.
    """

    def __init__(self, work: Callable[[], Result], device: torch.device) -> None:
        self.work, self.graph = work, None
        if device.type != "cuda":
            return
        side = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                work()
        torch.cuda.current_stream(device).wait_stream(side)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.result = work()

    def __call__(self) -> Result:
        if self.graph is None:
            return self.work()
        self.graph.replay()
        return self.result


def still(values: Iterable[Tensor]) -> tuple[Tensor, ...]:
    """Copies that stay where they are."""
    return tuple(value.detach().clone() for value in values)


def put(places: Iterable[Tensor], values: Iterable[Tensor]) -> None:
    """`values` in the place of what is there."""
    for place, value in zip(places, values, strict=True):
        place.copy_(value)


def tensors(params: Params) -> tuple[Tensor, ...]:
    """W, R, b and the pointwise ones."""
    return *params[:3], *params.p.values()


class Decay:
    """The decay of models of one cell, for inputs of one shape."""

    def __init__(self, cell: Cell, params: Params, xs: Series, state: State) -> None:
        T, M, _, B = xs.shape
        self.cell, self.ops = cell, TorchOps()
        W, R, b, *p = still(tensors(effective(self.ops, cell, params)))
        self.params = Params(W, R, b, dict(zip(params.p, p, strict=True)))
        self.backend = TorchBackend(str(xs.device), str(xs.dtype).removeprefix("torch."))
        self.wx = drive(self.ops, cell, self.params, xs).contiguous()
        self.state, self.d_state = still(state), still(state)
        self.before = tuple(s.new_zeros((T, *s.shape)) for s in state)
        self.t = torch.zeros(1, dtype=torch.int64, device=xs.device)
        self.power = torch.zeros((M, 1, B), dtype=torch.int32, device=xs.device)
        self.squares = xs.new_zeros((T + 1, len(state), M, B), dtype=torch.float64)
        self.powers = self.power.new_zeros((T + 1, M, B))
        self.forth, self.back = Replayed(self.step, xs.device), Replayed(self.step_back, xs.device)

    def step(self) -> None:
        """Step t forward; the state before it is kept."""
        for kept, s in zip(self.before, self.state, strict=True):
            kept.index_copy_(0, self.t, s[None])
        wx = self.wx.index_select(0, self.t)[0]
        put(self.state, forward(self.ops, self.cell, self.params, wx, self.state)[0])
        self.t.add_(1).remainder_(len(self.wx))

    def step_back(self) -> None:
        """One step back, after t others: the adjoint there, its power of two, and its norms."""
        now = len(self.wx) - 1 - self.t
        before = tuple(kept.index_select(0, now)[0].requires_grad_() for kept in self.before)
        wx = self.wx.index_select(0, now)[0]
        after = forward(self.ops, self.cell, self.params, wx, before)[0]
        d_state, more = self.backend.rescale(self.backend.pulled(after, before, self.d_state), False)
        put(self.d_state, d_state)
        self.power += more
        self.write(self.t + 1)
        self.t.add_(1).remainder_(len(self.wx))

    def write(self, lag: Tensor) -> None:
        """The norms at `lag`."""
        squares = torch.stack([d.double().square().sum(1) for d in self.d_state])
        self.squares.index_copy_(0, lag, squares[None])
        self.powers.index_copy_(0, lag, self.power.mT[..., 0][None])

    @torch.no_grad()
    def set(self, params: Params, xs: Series, state: State, covector: Units) -> None:
        """Other values, of the same shapes."""
        params = effective(TorchOps(), self.cell, params)
        put(tensors(self.params), tensors(params))
        put((self.wx, *self.state), (drive(self.ops, self.cell, params, xs), *state))
        put(self.d_state, (covector, *(torch.zeros_like(s) for s in state[1:])))
        self.power.zero_()

    def norms(self) -> Logs:
        """As `norms`, of what was set last."""
        self.write(self.t.zero_())
        for work in (self.forth, self.back):
            for _ in self.wx:
                work()
        return logs(self.cell, self.squares, self.powers)


def norms(cell: Cell, params: Params, xs: Series, state: State, covector: Units) -> Logs:
    """log10 of the norm of the adjoint of each state, and of all together (``state``), for lags 0 to T; float64.

    `covector` is the loss's gradient by the last h. An exact zero has -inf.
    """
    decay = Decay(cell, params, xs, state)
    decay.set(params, xs, state, covector)
    return decay.norms()


class Training:
    """The gradient of models of one cell, for batches of one shape and one loss."""

    def __init__(self, cell: Cell, model: Model, xs: Series, state: State, targets: Targets) -> None:
        self.cell, self.full = replace(cell, weight=None), PATHS["full"](cell)
        self.made = partial(made, cell)
        self.model = rebuild(model, list(still(leaves(self.made(model)[0]))))
        (self.xs, target, weight), self.state = still((xs, *targets[:2])), still(state)
        self.targets = Targets(target, weight, targets.loss)
        self.backend = TorchBackend(str(xs.device), str(xs.dtype).removeprefix("torch."))
        self.run = Replayed(self.work, xs.device)

    def work(self) -> Gradient:
        """The gradient by what stands in the fixed tensors, R itself among them."""
        return self.backend.gradient(self.cell, self.model, self.xs, self.state, self.targets, self.full)

    def gradient(self, model: Model, xs: Series, state: State, targets: Targets) -> Gradient:
        """As `gradient`, of other values of the same shapes; on a GPU the next call overwrites what it gives."""
        own, pull = self.made(model)
        put(leaves(self.model), leaves(own))
        put((self.xs, *self.state, *self.targets[:2]), (xs, *state, *targets[:2]))
        return pull(self.run())


def gradient(cell: Cell, model: Model, xs: Series, state: State, targets: Targets) -> Gradient:
    """The mean loss of a batch and its gradient: `Backend.gradient` on the full path."""
    return Training(cell, model, xs, state, targets).gradient(model, xs, state, targets)

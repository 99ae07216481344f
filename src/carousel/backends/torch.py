"""The torch backend: autograd on any device and dtype; no hand-derived adjoint is ever called."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from carousel.axes import Array, Net, Series, State, Units
from carousel.backends.backend import Gradient, Model, leaves, rebuild
from carousel.cells import Cell, Params
from carousel.recurrence import Gates, Step, forward, unroll

LOSSES = {
    "squared_error": lambda y, target: torch.square(y - target).sum(1),
    "cross_entropy": lambda y, target: functional.cross_entropy(y, target, reduction="none"),
}
torch.backends.cuda.matmul.allow_tf32 = False  # TF32 keeps 10 bits: backends would differ in the tail
torch.backends.cudnn.allow_tf32 = False


def present(device: str) -> bool:
    """Whether torch can compute on `device` here."""
    kind, _, number = device.partition(":")
    return kind == "cpu" or (kind == "cuda" and int(number or 0) < torch.cuda.device_count())


@dataclass(frozen=True)
class TorchOps:
    """torch's functions under the names that cells use; closed gates see a state that has no history.

    With `tails` the slopes of saturated units keep their digits, however small. Training does without: torch's own
    functions are twice as fast, and what they lose is one rounding unit of the largest slope.
    """

    tails: bool = True
    shut: tuple[bool, ...] = ()  # gate by gate, where the adjoint may not pass

    def tanh(self, x: Tensor) -> tuple[Tensor, None]:
        """tanh x = 1 - 2 sigma(-2x) where x is large, so that autograd's slope keeps its digits there."""
        if not self.tails:
            return torch.tanh(x), None
        small = torch.sigmoid(torch.where(x > 0, -2 * x, 2 * x))
        return torch.where(x.abs() < 1, torch.tanh(x), torch.where(x > 0, 1 - 2 * small, 2 * small - 1)), None

    def sigmoid(self, x: Tensor) -> tuple[Tensor, None]:
        """sigma(x) = 1 - sigma(-x) where x is positive, for the same reason."""
        if not self.tails:
            return torch.sigmoid(x), None
        small = torch.sigmoid(torch.where(x > 0, -x, x))
        return torch.where(x > 0, 1 - small, small), None

    def relu(self, x: Tensor) -> tuple[Tensor, None]:
        return torch.relu(x), None

    def log_sigmoid(self, x: Tensor) -> Tensor:
        return functional.logsigmoid(x)

    def log(self, x: Tensor) -> Tensor:
        return torch.log(x)

    def zeros(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x)

    def gates(self, net: Net) -> tuple[Units, ...]:
        return net.unbind(1)

    def stack(self, gates: tuple[Units, ...]) -> Net:
        return torch.stack(gates, 1)

    def cut(self, x: Tensor) -> Tensor:
        return x.detach() if any(self.shut) else x

    def recur(self, R: Float[Array, "M GH H"], h: Units) -> Array:
        if not any(self.shut):
            return R @ h
        if all(self.shut):
            return R @ h.detach()
        split, shut = (len(self.shut), h.shape[1]), torch.tensor(self.shut, device=h.device)
        live, held = (R @ h).unflatten(1, split), (R @ h.detach()).unflatten(1, split)
        return torch.where(shut[None, :, None, None], held, live)


@dataclass(frozen=True)
class TorchBackend:
    """torch on `device` in `dtype`."""

    device: str
    dtype: str
    name: str = "torch"

    def array(self, values: np.ndarray) -> Tensor:
        return torch.as_tensor(values, dtype=getattr(torch, self.dtype), device=self.device)

    def numpy(self, array: Tensor) -> np.ndarray:
        return array.detach().cpu().numpy()

    def ops(self, cell: Cell, gates: Gates, tails: bool = True) -> TorchOps:
        return TorchOps(tails, tuple(gate not in gates for gate in cell.gates))

    def vjp(self, cell: Cell, params: Params, step: Step, d_state: State, gates: Gates) -> State:
        before = tuple(s.detach().requires_grad_() for s in step.before)
        ops = self.ops(cell, gates)
        after, _ = forward(ops, cell, params, step.wx, before)
        live = [(a, d) for a, d in zip(after, d_state, strict=True) if a.requires_grad]
        if not live:
            return tuple(torch.zeros_like(s) for s in before)
        return torch.autograd.grad(
            [a for a, _ in live], before, [d for _, d in live], allow_unused=True, materialize_grads=True
        )

    def rescale(self, d_state: State, per_unit: bool) -> tuple[State, Int[Array, "M _ B"]]:
        peaks = torch.stack([d.abs() if per_unit else d.abs().amax(1, keepdim=True) for d in d_state])
        _, power = torch.frexp(peaks.amax(0))
        return tuple(self.scale(d, -power) for d in d_state), power

    def scale(self, x: Tensor, power: Int[Array, "M _ B"]) -> Tensor:
        half = power // 2  # one factor alone does not reach from the smallest float to the largest
        return (x.double() * power_of_two(half) * power_of_two(power - half)).to(x.dtype)

    def norm(self, x: Tensor) -> Float[np.ndarray, "M B"]:
        return torch.linalg.vector_norm(x.double(), dim=1).cpu().numpy()

    def run(self, cell: Cell, model: Model, xs: Series, state: State) -> Float[Array, "M O B"]:
        with torch.no_grad():
            return _read(model, unroll(TorchOps(tails=False), cell, model.params, xs, state)[1])

    def gradient(
        self, cell: Cell, model: Model, xs: Series, state: State, target: Array, loss: str, gates: Gates
    ) -> Gradient:
        tips = [leaf.detach().requires_grad_() for leaf in leaves(model)]
        live = rebuild(model, tips)
        ops = self.ops(cell, gates, tails=False)
        y = _read(live, unroll(ops, cell, live.params, xs, state)[1])
        losses = LOSSES[loss](y, target).mean(1)
        return Gradient(losses.detach(), rebuild(model, list(torch.autograd.grad(losses.sum(), tips))))

    def output_error(
        self, cell: Cell, model: Model, xs: Series, state: State, target: Array, loss: str
    ) -> Float[np.ndarray, "M H B"]:
        with torch.no_grad():
            _, last = unroll(TorchOps(tails=False), cell, model.params, xs, state)
        h = last[0].requires_grad_()
        losses = LOSSES[loss](_read(model, (h,)), target)
        return self.numpy(torch.autograd.grad(losses.sum(), h)[0])


def power_of_two(n: Int[Tensor, "M _ B"]) -> Float[Tensor, "M _ B"]:
    """2^n from its bits: torch.ldexp goes through a float32 power, which is neither exact nor wide enough."""
    return ((n.long().clamp(-1022, 1023) + 1023) << 52).view(torch.float64)


def _read(model: Model, state: State) -> Float[Array, "M O B"]:
    return model.readout.V @ state[0] + model.readout.a

"""The torch backend: cells by autograd, on any device and dtype; no hand-derived adjoint is ever called."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from carousel.axes import Array, Net, Nets, Series, State, Units
from carousel.cells import Cell, Params
from carousel.engine import plain
from carousel.engine.backends import torch_graph, torch_library, torch_paths
from carousel.engine.backends.backend import (
    Backend,
    Gradient,
    Model,
    Targets,
    each,
    leaves,
    outputs,
    read_out,
    rebuild,
)
from carousel.engine.backends.torch_products import by_rows, product
from carousel.engine.backends.torch_units import Segment
from carousel.engine.engine import Engine, unprepared
from carousel.engine.losses import LOSSES
from carousel.engine.recurrence import PATHS, Gates, Step, effective, forward, unroll

SATURATED = 2.0  # |x| up to which torch's own slopes lose less than 15 rounding units
torch.backends.cuda.matmul.allow_tf32 = False  # TF32 keeps 10 bits: backends would differ in the tail
torch.backends.cudnn.allow_tf32 = False


@dataclass(frozen=True)
class TorchOps:
    """torch's functions under the names that cells use; the state that a blocked gate reads is detached.

    With `precise_slopes` the slopes of saturated units keep their digits, however small. Training does without:
    torch's own functions are twice as fast, and what they lose is one rounding unit of the largest slope.
    """

    precise_slopes: bool = True
    blocked: tuple[bool, ...] = ()  # gate by gate, where the adjoint may not pass
    by_row: bool = (
        False  # the gates of net inputs that are stored as [M B G H], as products of few columns are
    )

    def tanh(self, x: Tensor) -> tuple[Tensor, None]:
        """tanh x = 1 - 2 sigma(-2x) where x is large, so that autograd's slope keeps its digits there."""
        if not (self.precise_slopes and x.requires_grad and saturated(x.detach().abs())):
            return torch.tanh(x), None
        sign, large = signs(x), (x.detach().abs() > SATURATED).to(x.dtype)
        near = torch.tanh(torch.where(large > 0, 0.0, x))
        return near + large * sign * (1 - 2 * torch.sigmoid(-2 * sign * x)), None

    def sigmoid(self, x: Tensor) -> tuple[Tensor, None]:
        """sigma(x) = 1 - sigma(-x) where x is large, so that autograd's slope keeps its digits there."""
        if not (self.precise_slopes and x.requires_grad and saturated(x.detach())):
            return torch.sigmoid(x), None
        sign = signs(SATURATED - x.detach())
        return sign * torch.sigmoid(sign * x) - sign.clamp(max=0.0), None

    def relu(self, x: Tensor) -> tuple[Tensor, None]:
        """With a slope of NaN at NaN, where torch's own is 1."""
        return (torch.relu(x) * x.detach().clamp(1.0, 1.0) if self.precise_slopes else torch.relu(x)), None

    def log_sigmoid(self, x: Tensor) -> Tensor:
        return functional.logsigmoid(x)

    def log(self, x: Tensor) -> Tensor:
        return torch.log(x)

    def exp(self, x: Tensor) -> Tensor:
        return torch.exp(x)

    def cos(self, x: Tensor) -> Tensor:
        return torch.cos(x)

    def sin(self, x: Tensor) -> Tensor:
        return torch.sin(x)

    def solve(self, A: Tensor, B: Tensor) -> Tensor:
        """A^-1 B; no finite numbers for the models whose A is singular, which it is where it overflows."""
        if A.dtype == torch.bfloat16:  # LAPACK has none
            return self.solve(A.float(), B.float()).to(A.dtype)
        return torch.linalg.solve_ex(A, B)[0]

    def eye(self, A: Tensor) -> Tensor:
        return torch.eye(A.shape[-1], dtype=A.dtype, device=A.device).expand(A.shape)

    def zeros(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x)

    def gates(self, net: Nets) -> tuple[Units, ...]:
        if isinstance(net, tuple):
            return net
        if self.by_row:  # autograd then stacks the gates' gradients in the order in which they are multiplied
            return tuple(gate.transpose(1, 2) for gate in net.permute(0, 3, 1, 2).unbind(2))
        return net.unbind(1)

    def stack(self, gates: tuple[Units, ...]) -> Net:
        return torch.stack(gates, 1)

    def stop_gradient(self, x: Tensor) -> Tensor:
        return x.detach() if any(self.blocked) else x

    def recur(self, R: Float[Array, "M GH VH"], recurrent_input: Float[Array, "M VH B"]) -> Array:
        times = by_rows if self.by_row else product
        if not any(self.blocked):
            return times(R, recurrent_input)
        if all(self.blocked):
            return times(R, recurrent_input.detach())
        blocked = torch.tensor(self.blocked, device=recurrent_input.device).repeat_interleave(
            R.shape[1] // len(self.blocked)
        )
        return torch.where(
            blocked[None, :, None],
            times(R, recurrent_input.detach()),
            times(R, recurrent_input),
        )

    def product(self, A: Float[Tensor, "M N K"], x: Float[Tensor, "M K B"]) -> Float[Tensor, "M N B"]:
        return by_rows(A, x)

    def affine(
        self, A: Float[Tensor, "M N K"], x: Float[Tensor, "M K B"], b: Float[Tensor, "M N 1"]
    ) -> Float[Tensor, "M N B"]:
        return by_rows(A, x, b)

    def join(self, parts: Sequence[Tensor], axis: int = 1) -> Tensor:
        return torch.cat(list(parts), axis)


def log_softmax(y: Float[Tensor, "*M O B"]) -> Float[Tensor, "*M O B"]:
    """The log of the softmax over the O outputs."""
    return functional.log_softmax(y, -2)


Differentiable = Callable[[TorchOps, Cell, Params, Series, State, int], Tensor]


def unroll_plainly(
    ops: TorchOps, cell: Cell, params: Params, xs: Series, state: State, last: int
) -> Float[Tensor, "M S H B"]:
    """h after each of the `last` S steps, by the cell's own forward function."""
    return outputs(ops, *unroll(ops, cell, params, xs, state), last)


def unroll_fast(
    ops: TorchOps, cell: Cell, params: Params, xs: Series, state: State, last: int
) -> Float[Tensor, "M S H B"]:
    """h after each of the `last` S steps, by a layer of torch's own where one gives the same, and sooner."""
    if torch_library.suits(cell, xs) and not any(ops.blocked):
        return torch_library.lstm(cell, params, xs, state, last)
    return unroll_plainly(ops, cell, params, xs, state, last)


def by_segment(backend: Backend, cell: Cell, params: Params, steps: Sequence[Step]) -> list[Step]:
    """Steps that share their slopes, unit by unit; as they are where a step makes a net input of another."""
    if cell.intermediate:
        return list(steps)
    segment = Segment(backend, cell, params, steps)
    return [step._replace(local=(segment, t)) for t, step in enumerate(steps)]


PLAIN = Engine("step by step", plain.adjoints, plain.norms, unprepared, unroll_plainly)
FAST = Engine(
    "by segment",
    torch_paths.adjoints,
    torch_graph.norms,
    by_segment,
    unroll_fast,
    compresses=True,
    for_mixing=replace(PLAIN, compresses=True),
)


@dataclass(frozen=True)
class TorchBackend:
    """torch on `device` in `dtype`, float64, float32 or bfloat16: weights, states and adjoints are of it."""

    device: str
    dtype: str
    engine: Engine[Differentiable] = FAST
    name: str = "torch"

    @staticmethod
    def engine_for(exact: bool) -> Engine[Differentiable]:
        """The engine that differentiates steps by segment or, if all is to be `exact`, one by one."""
        return PLAIN if exact else FAST

    @property
    def exact(self) -> bool:
        return not self.engine.compresses

    def in_dtype(self, dtype: str) -> "TorchBackend":
        return replace(self, dtype=dtype)

    @staticmethod
    def present(device: str) -> bool:
        """Whether it can compute on `device` here."""
        kind, _, number = device.partition(":")
        return kind == "cpu" or (kind == "cuda" and int(number or 0) < torch.cuda.device_count())

    @staticmethod
    def device_name(device: str) -> str:
        """What the maker calls a GPU."""
        return torch.cuda.get_device_name(device)

    def array(self, values: np.ndarray) -> Tensor:
        return torch.as_tensor(values, dtype=getattr(torch, self.dtype), device=self.device)

    def numpy(self, array: Tensor) -> np.ndarray:
        array = array.detach().cpu()  # NumPy has no bfloat16
        return (array.float() if array.dtype == torch.bfloat16 else array).numpy()

    def ops(self, cell: Cell, gates: Gates, precise_slopes: bool = True) -> TorchOps:
        return TorchOps(
            precise_slopes, tuple(gate not in gates for gate in cell.gates), by_row=precise_slopes
        )

    def slopes(self, cell: Cell, params: Params, steps: Sequence[Step]) -> None:
        return None

    def vjp(self, cell: Cell, params: Params, step: Step, d_state: State, gates: Gates) -> State:
        if step.local:
            segment, t = step.local
            return segment.pull(t, d_state, gates)
        before = tuple(s.detach().requires_grad_() for s in step.before)
        after = forward(self.ops(cell, gates), cell, params, step.wx, before)[0]
        return self.pulled(after, before, d_state)

    def error(self, cell: Cell, params: Params, step: Step, d_state: State) -> tuple[State, Net]:
        if step.local:
            segment, t = step.local
            return segment.error(t, d_state)
        tips = tuple(s.detach().requires_grad_() for s in (*step.before, step.wx))
        after = forward(self.ops(cell, PATHS["full"](cell)), cell, params, tips[-1], tips[:-1])[0]
        *d_before, d_wx = self.pulled(after, tips, d_state)
        return tuple(d_before), d_wx

    @staticmethod
    def pulled(after: State, tips: tuple[Tensor, ...], d_state: State) -> tuple[Tensor, ...]:
        """The adjoints of `tips`, from those of the state that was computed from them.

        As the gradient of a scalar, the sum of the products: for any other torch imports sympy, 0.35 s.
        """
        live = [(a * d).sum() for a, d in zip(after, d_state, strict=True) if a.requires_grad]
        if not live:
            return tuple(torch.zeros_like(s) for s in tips)
        return torch.autograd.grad(live, tips, allow_unused=True, materialize_grads=True)

    def widen(self, step: Step, n: int) -> Step:
        if step.local:  # its slopes serve any number of copies
            return step
        bare = step._replace(saved=(), intermediate=())  # autograd computes the step again
        return each(bare, lambda a: a.repeat_interleave(n, -1))

    def rescale(self, d_state: State, per_unit: bool) -> tuple[State, Int[Array, "M _ B"]]:
        peaks = torch.stack([d.abs() if per_unit else d.abs().amax(1, keepdim=True) for d in d_state])
        _, power = torch.frexp(peaks.amax(0))
        return tuple(self.scale(d, -power) for d in d_state), power

    def scale(self, x: Tensor, power: Int[Tensor, "M *_"]) -> Tensor:
        half = power // 2  # one factor alone does not reach from the smallest float to the largest
        return (x.double() * power_of_two(half) * power_of_two(power - half)).to(x.dtype)

    def norm(self, x: Tensor) -> Float[np.ndarray, "M B"]:
        return torch.linalg.vector_norm(x.double(), dim=1).cpu().numpy()

    def run(self, cell: Cell, model: Model, xs: Series, state: State, last: int) -> Float[Array, "M S O B"]:
        ops = TorchOps(precise_slopes=False)
        with torch.no_grad():
            params = effective(ops, cell, model.params)
            return read_out(model, self.engine.of(cell).unroll(ops, cell, params, xs, state, last))

    def gradient(
        self, cell: Cell, model: Model, xs: Series, state: State, targets: Targets, gates: Gates
    ) -> Gradient:
        tips = [leaf.detach().requires_grad_() for leaf in leaves(model)]
        live = rebuild(model, tips)
        ops = self.ops(cell, gates, precise_slopes=False)
        params = effective(ops, cell, live.params)
        y = read_out(live, self.engine.of(cell).unroll(ops, cell, params, xs, state, targets.target.shape[1]))
        each_loss = LOSSES[targets.loss].value(y, targets.target, log_softmax)
        losses = (each_loss * targets.weight).sum(1).mean(1)
        by = torch.autograd.grad(losses.sum(), tips, allow_unused=True, materialize_grads=True)
        return Gradient(losses.detach(), rebuild(model, list(by)))

    def output_error(
        self, cell: Cell, model: Model, xs: Series, state: State, targets: Targets
    ) -> Float[np.ndarray, "M H B"]:
        ops = TorchOps(precise_slopes=False)
        with torch.no_grad():
            _, last = unroll(ops, cell, effective(ops, cell, model.params), xs, state)
        h = last[0].requires_grad_()
        y = read_out(model, h[:, None])[:, 0]
        losses = LOSSES[targets.loss].value(y, targets.target[:, -1], log_softmax)
        return self.numpy(torch.autograd.grad(losses.sum(), h)[0])


def signs(x: Tensor) -> Tensor:
    """-1 where x is negative, else 1, detached."""
    return torch.copysign(x.new_ones(()), x.detach())


def saturated(x: Tensor) -> bool:
    """Whether a unit may be so large that its slope loses digits; on a GPU always True: to look would synchronise."""
    return x.is_cuda or not x.amax().item() <= SATURATED


def power_of_two(n: Int[Tensor, "M *_"]) -> Float[Tensor, "M *_"]:
    """2^n from its bits: torch.ldexp goes through a float32 power, which is neither exact nor wide enough."""
    return ((n.long().clamp(-1022, 1023) + 1023) << 52).view(torch.float64)

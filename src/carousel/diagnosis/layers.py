"""torch.nn's recurrent modules, divided into layers and directions.

The rows of W, R and b stand in torch's order, which is that of our cells; its two biases add up, but for the GRU's
candidate, whose second bias is multiplied by the reset gate (p_z). A layer reads what the module itself computes of
the layer before, in the module's own dtype.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from carousel.cells import CELLS, Params
from carousel.diagnosis.layer import Layer, ModuleError, by_length
from carousel.diagnosis.steps import Step, step_layer
from carousel.study.errors import short

TWINS = {"RNN_TANH": "rnn_tanh", "RNN_RELU": "rnn_relu", "LSTM": "lstm", "GRU": "gru"}
DESCRIPTIONS = {"rnn_tanh": "tanh RNN", "rnn_relu": "ReLU RNN", "lstm": "LSTM", "gru": "GRU"}
KINDS = (nn.RNN, nn.LSTM, nn.GRU)
CELL_KINDS = (nn.RNNCell, nn.LSTMCell, nn.GRUCell)
FEW = 8  # steps, on which a module is compared with what its weights say
ROUGH = 1e-4  # of what they give: in float32, with other kernels
ROLES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")


class Sequences(NamedTuple):
    """Inputs [T B D], padded, and each sequence's own length."""

    xs: Tensor
    lengths: list[int]


def is_torch_class(module: nn.Module, kinds: Sequence[Any]) -> bool:
    """Whether `module` is of one of `kinds` and has no forward function of its own."""
    plain = "forward" not in vars(module) and type(module).__call__ is nn.Module.__call__
    return plain and any(isinstance(module, kind) and type(module).forward is kind.forward for kind in kinds)


def as_its_class(module: Any, whole: nn.RNNBase, inputs: Tensor | PackedSequence, state: object) -> bool:
    """Whether `module` gives on its first steps what its layers, as torch's own modules, give one after the other.

    `whole`: `module` itself or, of a cell, the module that has its weights.
    """
    read, before = read_by(whole, inputs, state)
    few = Sequences(read.xs[:FEW], [min(length, FEW) for length in read.lengths])
    through = few
    for number in range(whole.num_layers):
        rows = slice(
            number * len(before[0]) // whole.num_layers, (number + 1) * len(before[0]) // whole.num_layers
        )
        through = few._replace(xs=outputs(one_layer(whole, number), through, tuple(s[rows] for s in before)))
    try:
        if isinstance(module, nn.RNNCellBase):
            after = module(few.xs[0], *handed([s[0] for s in before]))
            found, wanted = after[0] if isinstance(after, tuple) else after, through.xs[0]
        else:
            found, wanted = outputs(module, few, before, module.batch_first), through.xs
    except Exception:  # any: a class of the user's may read its inputs in another way
        return False
    return torch.allclose(found, wanted, rtol=ROUGH, atol=ROUGH)


def from_cell(cell: nn.RNNCellBase) -> nn.RNNBase:
    """torch.nn.LSTM with the weights of an LSTMCell, and so on."""
    kind: Any = next(kind for kind, base in zip(KINDS, CELL_KINDS, strict=True) if isinstance(cell, base))
    options = {"nonlinearity": cell.nonlinearity} if isinstance(cell, nn.RNNCell) else {}
    weight = cell.weight_ih
    one = kind(
        cell.input_size,
        cell.hidden_size,
        bias=cell.bias,
        device=weight.device,
        dtype=weight.dtype,
        **options,
    )
    weights = {f"{role}_l0": getattr(cell, role, None) for role in ROLES}
    return filled(one, {name: weight for name, weight in weights.items() if weight is not None})


def unsqueezed(state: Any) -> Any:
    """The state of a torch cell as that of a module with one layer."""
    if isinstance(state, (tuple, list)):
        return tuple(map(unsqueezed, state))
    return state[None] if isinstance(state, Tensor) else state


def one_layer(module: nn.RNNBase, layer: int) -> nn.RNNBase:
    """Layer `layer` of `module` as a module, both directions, time first."""
    options = {"nonlinearity": module.nonlinearity} if isinstance(module, nn.RNN) else {}
    options |= {"proj_size": module.proj_size} if module.proj_size else {}
    sides = ("", "_reverse")[: 1 + module.bidirectional]
    roles = [(role, side) for role in ROLES for side in sides if hasattr(module, f"{role}_l{layer}{side}")]
    weights = {f"{role}_l0{side}": getattr(module, f"{role}_l{layer}{side}") for role, side in roles}
    weight = weights["weight_ih_l0"]
    kind: Any = next(
        kind for kind in KINDS if isinstance(module, kind)
    )  # a parametrised module is a subclass
    one = kind(
        weight.shape[1],
        module.hidden_size,
        bias=module.bias,
        bidirectional=module.bidirectional,
        device=weight.device,
        dtype=weight.dtype,
        **options,
    )
    return filled(one, weights)


def filled(one: nn.RNNBase, weights: dict[str, Tensor]) -> nn.RNNBase:
    """`one` with these weights, in evaluation mode."""
    one.load_state_dict(weights)
    return one.eval().requires_grad_(False)


def layers(
    module: nn.RNNBase, inputs: Tensor | PackedSequence, state: object, like: Tensor
) -> Iterator[Layer]:
    """Every layer and direction of `module`, its arrays in the dtype of `like`.

    Raises ModuleError for inputs or a state of another shape, dtype or device than the module reads.
    """
    read, before = read_by(module, inputs, state)
    sides = ("forward", "backward")[: 1 + module.bidirectional]
    for number in range(module.num_layers):
        one = one_layer(module, number)
        own_rows = slice(number * len(sides), (number + 1) * len(sides))
        hx = tuple(s[own_rows].contiguous() for s in before)
        for k, side in enumerate(sides):
            yield layer_of(one, number + 1, side, read, tuple(s[k] for s in hx), like)
        read = read._replace(xs=outputs(one, read, hx))
        if (
            not read.xs.isfinite().all()
        ):  # ReLU's slope at NaN is 0, and would pass for a gradient that is exactly zero
            raise ModuleError(f"layer {number + 1}: its state overflows; allowed: finite states")


def layer_of(
    one: nn.RNNBase, number: int, side: str, read: Sequences, state: tuple[Tensor, ...], like: Tensor
) -> Layer:
    """One direction of the module `one`, which has one layer."""
    suffix = "_l0_reverse" if side == "backward" else "_l0"
    name = TWINS[one.mode]
    batches = by_length(read.xs, read.lengths, state, side == "backward", like)
    description = f"{DESCRIPTIONS[name]}, {one.hidden_size} units"
    if one.proj_size:
        layer = step_layer(
            projected(one, suffix, like), (one.input_size,), tuple(s.shape[1:] for s in state), batches
        )
        description = f"{description} projected to {one.proj_size}"
        bias = params(one, suffix, like).b[0, one.hidden_size : 2 * one.hidden_size, 0]
        return layer._replace(number=number, direction=side, description=description, forget_bias=bias)
    return Layer(number, side, description, CELLS[name], params(one, suffix, like), batches)


def params(one: nn.RNNBase, suffix: str, like: Tensor) -> Params:
    """The weights of one direction of a one-layer module, as ours."""
    W, R = (getattr(one, role + suffix).to(like.dtype)[None] for role in ("weight_ih", "weight_hh"))
    b, b_hh = (
        getattr(one, role + suffix).to(like.dtype)[None, :, None] if one.bias else 0 * W[:, :, :1]
        for role in ("bias_ih", "bias_hh")
    )
    if one.mode != "GRU":
        return Params(W, R, b + b_hh, {})
    gates = 2 * one.hidden_size
    return Params(
        W, R, torch.cat([b[:, :gates] + b_hh[:, :gates], b[:, gates:]], 1), {"p_z": b_hh[:, gates:]}
    )


def projected(one: nn.RNNBase, suffix: str, like: Tensor) -> Step:
    """A step of torch's LSTM with proj_size: h is a projection of what the output gate lets out (Sak et al. 2014)."""
    W, R, b, _ = params(one, suffix, like)
    projection = getattr(one, "weight_hr" + suffix).to(like.dtype)

    def step(x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        h, c = state
        i, f, z, o = (x @ W[0].T + h @ R[0].T + b[0, :, 0]).chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * z.tanh()
        return (o.sigmoid() * c.tanh()) @ projection.T, c

    return step


def read_by(
    module: nn.RNNBase, inputs: Tensor | PackedSequence, state: object
) -> tuple[Sequences, tuple[Tensor, ...]]:
    """What `module` reads, and the states before the first step. Raises ModuleError."""
    read = sequences(module, inputs)
    batched = isinstance(inputs, PackedSequence) or inputs.ndim == 3
    return read, initial_states(module, read, state, batched)


def sequences(module: nn.RNNBase, inputs: Tensor | PackedSequence) -> Sequences:
    """`inputs` time first and padded. Raises ModuleError."""
    if isinstance(inputs, PackedSequence):
        xs, lengths = pad_packed_sequence(inputs)
        found = Sequences(xs, lengths.tolist())
    elif inputs.ndim == 2:
        found = Sequences(inputs[:, None], [len(inputs)])
    elif inputs.ndim == 3:
        xs = inputs.transpose(0, 1) if module.batch_first else inputs
        found = Sequences(xs, [len(xs)] * xs.shape[1])
    else:
        raise ModuleError(f"inputs: found {inputs.ndim} axes; allowed: 3 (or 2: one sequence)")
    if found.xs.shape[2] != module.input_size:
        raise ModuleError(f"inputs: found {found.xs.shape[2]} per step; the module reads {module.input_size}")
    return found


def initial_states(module: nn.RNNBase, read: Sequences, state: object, batched: bool) -> tuple[Tensor, ...]:
    """The states before the first step, [layer and direction, B, H] each. Raises ModuleError."""
    rows, B, H = module.num_layers * (1 + module.bidirectional), len(read.lengths), module.hidden_size
    sizes = (module.proj_size or H, H) if module.mode == "LSTM" else (H,)
    if state is None:
        return tuple(read.xs.new_zeros(rows, B, size) for size in sizes)
    given = tuple(state) if isinstance(state, (tuple, list)) else (state,)
    shapes = [(rows, B, size) if batched else (rows, size) for size in sizes]
    if [tuple(getattr(s, "shape", ())) for s in given] != shapes:
        wanted = ", ".join(map(str, shapes))
        found = ", ".join(str(tuple(s.shape)) if isinstance(s, Tensor) else short(s) for s in given)
        raise ModuleError(f"state: found {found}; allowed: {wanted}")
    return tuple(s.detach().to(read.xs).reshape(rows, B, -1) for s in given)


def outputs(one: Any, read: Sequences, hx: Sequence[Tensor], batch_first: bool = False) -> Tensor:
    """A module's output at every step, [T B outputs], as torch computes it."""
    if len(set(read.lengths)) == 1:
        out = one(read.xs.transpose(0, 1) if batch_first else read.xs, *handed(hx))[0]
        return out.transpose(0, 1) if batch_first else out
    packed = pack_padded_sequence(read.xs, torch.tensor(read.lengths), enforce_sorted=False)
    return pad_packed_sequence(one(packed, *handed(hx))[0])[0]


def handed(hx: Sequence[Tensor]) -> tuple[Any]:
    """States as torch's modules read them: two as a pair, one by itself."""
    return (tuple(hx) if len(hx) == 2 else hx[0],)

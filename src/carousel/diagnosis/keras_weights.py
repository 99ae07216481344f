"""The weights of Keras's recurrent cells, as those of our cells.

Keras keeps W and R transposed, and its gates in blocks of columns: i f c o, as ours stand, where c is our z; and z r h,
which are our u r z. A GRU with `reset_after` has two biases and is torch's form; without, it is that of Cho et al.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from carousel.cells import Params
from carousel.diagnosis.layer import ModuleError
from carousel.study.errors import short

PLACE = "keras."
GATES = {"LSTMCell": "ifco", "GRUCell": "zrh", "SimpleRNNCell": "h"}
OURS = {"LSTMCell": "ifco", "GRUCell": "rzh", "SimpleRNNCell": "h"}
"""Of Keras's cells: the gates in its order, by its letters, and the same in the order of our rows."""
ACTIVATIONS = {
    "LSTMCell": ("tanh",),
    "GRUCell": ("tanh",),
    "SimpleRNNCell": ("tanh", "relu", "sigmoid", "linear"),
}
WORDS = {"LSTMCell": "LSTM", "GRUCell": "GRU"}


def array(found: Any) -> np.ndarray:
    """A variable, a tensor of any library or an array as an array."""
    detached = found.value if hasattr(found, "value") and hasattr(found, "assign") else found
    if isinstance(detached, Tensor):
        detached = detached.detach().cpu()
        detached = detached.float() if detached.dtype == torch.bfloat16 else detached
    return np.asarray(detached)


def shape_text(found: np.ndarray) -> str:
    """An array in words: its shape and type."""
    return f"{found.shape} of {found.dtype}"


def activation(function: Any) -> str:
    """The name of an activation of Keras, or what else it is."""
    name = getattr(function, "__name__", "")
    return name if str(getattr(function, "__module__", "")).startswith(PLACE) else short(function)


def cell_name(cell: Any, kind: str) -> str:
    """The name in CELLS of what a cell of Keras computes."""
    if kind == "GRUCell":
        return "gru" if cell.reset_after else "gru_v1"
    return "lstm" if kind == "LSTMCell" else f"rnn_{activation(cell.activation)}"


def words(cell: Any, kind: str) -> str:
    """What a cell is, in words."""
    name = {"tanh": "tanh RNN", "relu": "ReLU RNN"}.get(activation(cell.activation), "")
    return f"{WORDS.get(kind, name or f'{activation(cell.activation)} RNN')}, {cell.units} units"


def params(cell: Any, kind: str, like: Tensor) -> Params:
    """The weights of a cell of Keras as ours. Raises ModuleError where they are not finite."""
    H, order = cell.units, [GATES[kind].index(gate) for gate in OURS[kind]]

    def rows(name: str, columns: np.ndarray) -> np.ndarray:
        if not np.isfinite(columns).all():
            raise ModuleError(
                f"{name}: found NaN or infinity; allowed: finite weights; has their training diverged?"
            )
        return np.concatenate([columns[:, g * H : (g + 1) * H].T for g in order])

    W, R = (rows(name, array(getattr(cell, name))) for name in ("kernel", "recurrent_kernel"))
    given = array(cell.bias) if cell.bias is not None else np.zeros(len(W))
    first, *others = (rows("bias", bias[None]) for bias in np.atleast_2d(given))
    second = others[0] if others else 0 * first
    b, p = first + second, {}
    if kind == "GRUCell" and cell.reset_after:
        b, p = np.concatenate([b[: 2 * H], first[2 * H :]]), {"p_z": second[2 * H :]}
    elif kind == "GRUCell":
        R = np.block([[R[: 2 * H], 0 * R[: 2 * H]], [0 * R[2 * H :], R[2 * H :]]])

    def ours(values: np.ndarray) -> Tensor:
        return torch.as_tensor(values[None].astype(float)).to(like)

    return Params(ours(W), ours(R), ours(b), {name: ours(values) for name, values in p.items()})

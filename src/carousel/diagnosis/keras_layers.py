"""Keras 3's LSTM, GRU and SimpleRNN layers, by the weights of their cells. Keras itself is never imported.

Whether a layer computes what its weights say is checked on its first steps, by Keras.
"""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from carousel.cells import CELLS
from carousel.diagnosis.keras_weights import (
    ACTIVATIONS,
    GATES,
    PLACE,
    activation,
    array,
    cell_name,
    params,
    shape_text,
    words,
)
from carousel.diagnosis.layer import Layer, ModuleError, by_length, first_line
from carousel.diagnosis.structure import leaves
from carousel.engine.backends.table import load
from carousel.engine.recurrence import unroll
from carousel.engine.system import System
from carousel.study.errors import allowed

LAYER, RNN, BIDIRECTIONAL = "Layer", "RNN", "Bidirectional"
FEW = 8  # steps, on which a layer is compared with what its weights say
ROUGH = {"float64": 1e-4, "float32": 1e-4}  # of what it gives, for Keras may round its inputs to float32
COARSE = 0.05  # in shorter types


def kinds(found: object) -> list[str]:
    """The names of the classes of Keras that `found` is of."""
    return [kind.__qualname__ for kind in type(found).__mro__ if f"{kind.__module__}.".startswith(PLACE)]


def is_keras(module: object) -> bool:
    """Whether `module` is a layer or a model of Keras."""
    return LAYER in kinds(module)


def inside_model(model: Any, name: str, inputs: Any) -> tuple[Any, Any, None]:
    """The layer `name` of a model of Keras, what it reads where the model reads `inputs`, and no state.

    Raises ModuleError.
    """
    names = [each.name for each in getattr(model, "layers", ())]
    if name not in names:
        raise ModuleError(f"layer: found {name!r}; {allowed(name, names)}")
    layer = model.get_layer(name)
    try:
        read = layer.input[0] if isinstance(layer.input, list) else layer.input  # a mask may stand behind
        part = sys.modules["keras"].Model(model.inputs, read)
        return (
            layer,
            part(inputs if isinstance(inputs, (list, tuple, dict)) else [inputs], training=False),
            None,
        )
    except Exception as error:  # any: a model need not be a graph of layers
        raise ModuleError(
            f"layer: what {name} reads cannot be computed ({first_line(error)}); allowed: a Sequential or functional "
            "model that was built, or the layer itself and what it reads"
        ) from None


def layers_of_keras(module: Any, inputs: Any, state: Any, like: Tensor) -> list[Layer]:
    """The layer `module` of Keras on `inputs` [B, T, D], in each direction, in the dtype of `like`.

    Raises ModuleError where a layer, a state or inputs cannot be measured.
    """
    xs = sequences(inputs)
    sides = [module.forward_layer, module.backward_layer] if BIDIRECTIONAL in kinds(module) else [module]
    states = by_side([array(part) for part in leaves(state)], [cell_kind(side) for side in sides])
    return [layer_of(side, xs, before, like) for side, before in zip(sides, states, strict=True)]


def sequences(inputs: Any) -> np.ndarray:
    """`inputs` as an array [B, T, D]. Raises ModuleError."""
    mask = getattr(inputs, "_keras_mask", None)
    if mask is not None and not array(mask).all():
        raise ModuleError("inputs: have a mask; allowed: sequences without padding, or the steps before it")
    xs = array(inputs)
    if xs.ndim != 3 or 0 in xs.shape or xs.dtype.kind not in "fiu":
        raise ModuleError(f"inputs: found {shape_text(xs)}; allowed: real numbers [batch, steps, inputs]")
    if not np.isfinite(xs).all():
        raise ModuleError("inputs: found NaN or infinity; allowed: finite numbers")
    return xs


def layer_of(layer: Any, xs: np.ndarray, state: list[np.ndarray], like: Tensor) -> Layer:
    """One layer and direction. Raises ModuleError."""
    kind = cell_kind(layer)
    check_options(layer, kind)
    weights = params(layer.cell, kind, like)
    D, units = weights.W.shape[2], layer.cell.units
    if xs.shape[2] != D:
        raise ModuleError(f"inputs: found {xs.shape[2]} per step; the layer reads {D}")
    before = initial(state, kind, (len(xs), units))
    backward = bool(layer.go_backwards)
    series = torch.as_tensor(xs.swapaxes(0, 1).astype(float), dtype=like.dtype)
    batches = by_length(series, [len(series)] * len(xs), tuple(map(torch.as_tensor, before)), backward, like)
    name = cell_name(layer.cell, kind)
    found = Layer(
        1, "backward" if backward else "forward", words(layer.cell, kind), CELLS[name], weights, batches
    )
    check_outputs(layer, found, xs, before)
    return found


def cell_kind(layer: Any) -> str:
    """Which of GATES the cell of a layer is. Raises ModuleError."""
    cell = getattr(layer, "cell", None)
    found = next((kind for kind in kinds(cell) if kind in GATES), None)
    if RNN not in kinds(layer) or found is None:
        what = type(layer).__name__ if cell is None else f"{type(layer).__name__} of {type(cell).__name__}"
        raise ModuleError(
            f"module: found Keras's {what}; allowed: LSTM, GRU, SimpleRNN, Bidirectional of them; layer=NAME of a model"
        )
    return found


def check_options(layer: Any, kind: str) -> None:
    """Raise ModuleError where a layer is not built, keeps its state, or has activations that our cells have not."""
    cell, name = layer.cell, getattr(layer, "name", "module")
    if getattr(cell, "kernel", None) is None:
        raise ModuleError(f"{name}: has no weights yet; allowed: a layer that has run once")
    if layer.stateful:
        raise ModuleError(
            f"{name}: stateful=True; allowed: layer.stateful = False, and its states as `state`"
        )
    wanted = {"activation": ACTIVATIONS[kind]}
    wanted |= {} if kind == "SimpleRNNCell" else {"recurrent_activation": ("sigmoid",)}
    for option, known in wanted.items():
        found = activation(getattr(cell, option))
        if found not in known:
            raise ModuleError(f"{name}: {option}={found}; allowed: {', '.join(known)}")


def by_side(given: list[np.ndarray], found: Sequence[str]) -> list[list[np.ndarray]]:
    """The states that were given, as those of each side. Raises ModuleError."""
    counts = [2 if kind == "LSTMCell" else 1 for kind in found]
    if given and len(given) != sum(counts):
        raise ModuleError(f"state: found {len(given)} arrays; allowed: {sum(counts)}, [batch, units] each")
    edges = np.cumsum([0, *counts])
    return [given[a:b] for a, b in zip(edges[:-1], edges[1:], strict=True)]


def initial(given: list[np.ndarray], kind: str, shape: tuple[int, int]) -> list[np.ndarray]:
    """The states before the first step, zeros if none are given. Raises ModuleError."""
    for part in given:
        if part.shape != shape or part.dtype.kind != "f" or not np.isfinite(part).all():
            raise ModuleError(f"state: found {shape_text(part)}; allowed: finite numbers {shape}")
    return [part.astype(float) for part in given] or [np.zeros(shape)] * (2 if kind == "LSTMCell" else 1)


def check_outputs(layer: Any, found: Layer, xs: np.ndarray, state: Sequence[np.ndarray]) -> None:
    """Raise ModuleError where Keras computes something else on the first steps than the weights say."""
    few = xs[:, -FEW:] if layer.go_backwards else xs[:, :FEW]
    dtype = str(layer.compute_dtype)
    handed = [part.astype(dtype if dtype in ROUGH else "float32") for part in state]
    try:
        out = leaves(layer(few.astype(handed[0].dtype), initial_state=handed, training=False))[0]
    except Exception as error:  # any: it may be a class of the user's
        raise ModuleError(f"{layer.name}: does not run on its inputs: {first_line(error)}") from None
    last = array(out)[:, -1] if layer.return_sequences else array(out)
    wanted = last_output(found)
    close = ROUGH.get(dtype, COARSE)
    if last.shape != wanted.shape or not np.allclose(last, wanted, rtol=close, atol=close):
        raise ModuleError(
            f"{layer.name}: gives something else than its weights say; allowed: Keras's own `call`"
        )


def last_output(found: Layer) -> np.ndarray:
    """Our own h [B, H] after the first steps, as the backend of `diagnose` computes it."""
    (batch,) = found.batches
    backend = load("torch", "cpu", str(batch.xs.dtype).removeprefix("torch."))
    system = System(backend, found.cell, found.params, batch.xs[:FEW], batch.state)
    with torch.no_grad():
        _, after = unroll(system.ops, found.cell, found.params, system.xs, system.state)
    return after[0][0].T.numpy()

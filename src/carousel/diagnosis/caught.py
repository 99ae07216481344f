"""What the recurrent layers of a model read in a forward pass of the whole model, which leaves no trace."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from carousel.diagnosis.calls import Call, goes_on, joined, recorded
from carousel.diagnosis.layer import ModuleError, first_line
from carousel.diagnosis.layers import CELL_KINDS, KINDS, from_cell, is_torch_class, unsqueezed


class Caught(NamedTuple):
    """A recurrent layer of a model, by its name there, and what it read; cells are layers that read one step a call."""

    name: str
    layer: nn.RNNBase
    inputs: Tensor | PackedSequence
    state: Any


def recurrent(model: nn.Module) -> dict[str, nn.Module]:
    """The recurrent layers and cells of torch in a model, by name. Raises ModuleError where there are none."""
    found = {
        name: each for name, each in model.named_modules() if is_torch_class(each, (*KINDS, *CELL_KINDS))
    }
    if not found:
        raise ModuleError(
            f"model: found none of torch.nn.RNN, LSTM, GRU and their cells in {type(model).__name__}"
        )
    return found


@contextmanager
def untouched(model: nn.Module) -> Iterator[None]:
    """A context after which the attributes and buffers of a model and its parts are those of before; in it, no dropout.

    The model's random state is the caller's business.
    """
    kept = [(each, dict(vars(each)), dict(each._buffers)) for each in model.modules()]
    values = [(buffer, buffer.clone()) for buffer in model.buffers()]
    try:
        model.eval()
        yield
    finally:
        for each, attributes, buffers in kept:
            vars(each).clear()
            vars(each).update(attributes)
            each._buffers.clear()
            each._buffers.update(buffers)
        with torch.no_grad():
            for buffer, value in values:
                if not torch.equal(buffer, value):
                    buffer.copy_(value)


def caught(model: nn.Module, run: Callable[[nn.Module], object]) -> list[Caught]:
    """What each recurrent layer of `model` reads while `run` calls the model, in evaluation mode, without compilation.

    Raises ModuleError where `run` fails, or a layer is never called or not from one end of a sequence to the other.
    """
    layers = recurrent(model)
    with ExitStack() as stack:
        stack.enter_context(untouched(model))
        stack.enter_context(torch.no_grad())
        stack.enter_context(torch.compiler.set_stance("force_eager"))
        calls = stack.enter_context(recorded(layers))
        try:
            run(model)
        except ModuleError:
            raise
        except Exception as error:  # any: it is the user's code
            raise ModuleError(
                f"model: does not run in evaluation mode: {type(error).__name__}: {first_line(error)}"
            ) from None
    return [as_one(name, layers[name], calls[name]) for name in layers if calls[name]]


def as_one(name: str, layer: nn.Module, calls: list[Call]) -> Caught:
    """The calls of a layer as one; the longest of those that do not go on from each other. Raises ModuleError."""
    if isinstance(layer, nn.RNNBase):
        if not goes_on(calls) or isinstance(calls[0].x, PackedSequence):
            calls = [max(calls, key=lambda call: steps_of(layer, call.x))]
        return Caught(name, layer, joined(name, layer, calls), calls[0].state)
    cell: Any = layer
    return Caught(name, from_cell(cell), joined(name, cell, calls), unsqueezed(calls[0].state))


def steps_of(layer: nn.RNNBase, inputs: Tensor | PackedSequence) -> int:
    """How many steps a layer reads."""
    if isinstance(inputs, PackedSequence):
        return len(inputs.batch_sizes)
    return inputs.shape[1 if layer.batch_first and inputs.ndim == 3 else 0]

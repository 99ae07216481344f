"""What the recurrent layers of a model read in a forward pass of the whole model, which leaves no trace."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from carousel.diagnosis.layer import ModuleError
from carousel.diagnosis.layers import CELL_KINDS, KINDS, from_cell, is_torch_class
from carousel.diagnosis.steps import first_line
from carousel.diagnosis.structure import leaves as as_parts

CLOSE = {torch.float64: 1e-9, torch.float32: 1e-4}


class Call(NamedTuple):
    """One call of a recurrent layer: what it read, the state before, and what it returned."""

    inputs: Tensor | PackedSequence
    state: Any
    returned: Any


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
    calls: dict[str, list[Call]] = {name: [] for name in recurrent(model)}
    with ExitStack() as stack:
        stack.enter_context(untouched(model))
        stack.enter_context(torch.no_grad())
        stack.enter_context(torch.compiler.set_stance("force_eager"))
        for name, layer in recurrent(model).items():
            hook = layer.register_forward_hook(kept_in(calls[name]), with_kwargs=True)
            stack.callback(hook.remove)
        try:
            run(model)
        except ModuleError:
            raise
        except Exception as error:  # any: it is the user's code
            raise ModuleError(
                f"model: does not run in evaluation mode: {type(error).__name__}: {first_line(error)}"
            ) from None
    layers = recurrent(model)
    return [joined(name, layers[name], calls[name]) for name in layers if calls[name]]


def kept_in(calls: list[Call]) -> Callable[..., None]:
    """A forward hook that keeps what a recurrent layer is given and returns."""

    def hook(_: nn.Module, given: tuple[Any, ...], named: dict[str, Any], returned: Any) -> None:
        values = dict(zip(("input", "hx"), given, strict=False)) | named
        calls.append(Call(values["input"], values.get("hx"), returned))

    return hook


def joined(name: str, layer: nn.Module, calls: list[Call]) -> Caught:
    """The calls of a layer as one: those that go on from each other, or else the longest. Raises ModuleError."""
    if isinstance(layer, nn.RNNBase):
        return joined_layer(name, layer, calls)
    one, first = from_cell(cast(nn.RNNCellBase, layer)), calls[0].state
    xs = torch.stack([cast(Tensor, call.inputs) for call in calls])
    state = tuple(s[None] for s in first) if isinstance(first, tuple) else first
    state = state[None] if isinstance(state, Tensor) else state
    last, wanted = one(xs, state)[0][-1], as_parts(calls[-1].returned)[0]
    if not torch.allclose(last, wanted, atol=CLOSE.get(last.dtype, 1e-2)):
        raise ModuleError(
            f"{name}: its calls are not the steps of one sequence (another state between them?); allowed: "
            "a cell that gets back the state that it returned"
        )
    return Caught(name, one, xs, state)


def joined_layer(name: str, layer: nn.RNNBase, calls: list[Call]) -> Caught:
    """The calls of a layer that is given its own state again and again, as a decoder's is; or else the longest."""
    inputs = [call.inputs for call in calls if isinstance(call.inputs, Tensor)]
    if len(inputs) == len(calls) > 1 and all(follows(*pair) for pair in pairwise(calls)):
        axis = 1 if layer.batch_first and inputs[0].ndim == 3 else 0
        return Caught(name, layer, torch.cat(inputs, axis), calls[0].state)
    longest = max(calls, key=lambda call: steps_of(layer, call.inputs))
    return Caught(name, layer, longest.inputs, longest.state)


def follows(before: Call, call: Call) -> bool:
    """Whether a call of a layer goes on from the state that the call before it returned."""
    if call.state is None:
        return False
    pairs = zip(as_parts(before.returned[1]), as_parts(call.state), strict=True)
    return all(a.shape == b.shape and torch.equal(a, b) for a, b in pairs)


def steps_of(layer: nn.RNNBase, inputs: Tensor | PackedSequence) -> int:
    """How many steps a layer reads."""
    if isinstance(inputs, PackedSequence):
        return len(inputs.batch_sizes)
    return inputs.shape[1 if layer.batch_first and inputs.ndim == 3 else 0]

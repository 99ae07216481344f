"""The calls of modules in a forward pass: what each is given and returns, and those of one module as one.

A layer is called once, on whole sequences; a cell, or a layer in a loop, once per step or piece of a sequence, each
time with the state that it returned before.
"""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from carousel.diagnosis.layer import ModuleError
from carousel.diagnosis.layers import CELL_KINDS, KINDS, is_torch_class
from carousel.diagnosis.structure import leaves, rebuilt


class Call(NamedTuple):
    """One call of a module: what it read, the state before, and what it returned, as they were then."""

    x: Any
    state: Any
    returned: Any


@contextmanager
def recorded(modules: Mapping[str, nn.Module]) -> Iterator[dict[str, list[Call]]]:
    """A context in which the calls of modules are kept, by name.

    A call raises ModuleError where it has more arguments than x and a state.
    """
    calls: dict[str, list[Call]] = {name: [] for name in modules}
    with ExitStack() as stack:
        for name, module in modules.items():
            for hook in hooks(module, calls[name]):
                stack.callback(hook.remove)
        yield calls


def hooks(module: nn.Module, calls: list[Call]) -> Iterator[Any]:
    """The hooks that keep the calls of a module: what it is given may be written into before it returns."""
    given: list[tuple[Any, Any]] = []

    def enter(own: nn.Module, args: tuple[Any, ...], named: dict[str, Any]) -> None:
        given.append(arguments_of(own, args, named))

    def leave(_: nn.Module, args: tuple[Any, ...], returned: Any) -> None:
        calls.append(Call(*given.pop(), cloned(returned)))

    yield module.register_forward_pre_hook(enter, with_kwargs=True)
    yield module.register_forward_hook(leave)


def arguments_of(module: nn.Module, args: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, Any]:
    """Copies of x and the state, or None, in one call of `module`. Raises ModuleError where there are more."""
    bound = inspect.signature(module.forward).bind(*args, **named).arguments
    values = [value for value in bound.values() if value is not None]
    if not 1 <= len(values) <= 2 or values[0] is not next(iter(bound.values())):
        raise ModuleError(f"layer: is called with {', '.join(bound)}; allowed: x and state")
    x, *state = map(cloned, values)
    return x, state[0] if state else None


def cloned(found: Any) -> Any:
    """A copy of what may yet be written into."""
    if isinstance(found, PackedSequence):
        return found
    return rebuilt(found, (each.clone() if isinstance(each, Tensor) else each for each in leaves(found)))


def goes_on(calls: Sequence[Call]) -> bool:
    """Whether each call of a module was on the state that the one before returned."""
    return all(follows(before, call) for before, call in pairwise(calls))


def follows(before: Call, call: Call) -> bool:
    """Whether each part of the state of a call is one that the call before returned."""
    parts, found = leaves(call.state), leaves(before.returned)
    return bool(parts) and all(any(equal(part, each) for each in found) for part in parts)


def equal(one: Any, other: Any) -> bool:
    return isinstance(one, Tensor) and isinstance(other, Tensor) and torch.equal(one, other)


def joined(name: str, module: nn.Module, calls: Sequence[Call]) -> Any:
    """What a module reads in all its calls, one step after the other. Raises ModuleError."""
    if not goes_on(calls):
        raise ModuleError(
            f"layer: {name} is called {len(calls)} times, not each time on the state that it returned before"
        )
    xs = [call.x for call in calls]
    steps = is_torch_class(module, CELL_KINDS)
    if len(xs) == 1 and not steps:
        return xs[0]
    pieces = is_torch_class(module, KINDS)
    if not all(isinstance(x, Tensor) and (pieces or x.shape == xs[0].shape) for x in xs):
        raise ModuleError(f"layer: {name} is called {len(xs)} times; allowed: on tensors of one shape")
    axis = 1 if getattr(module, "batch_first", False) and xs[0].ndim == 3 else 0
    pieces = pieces or (not steps and xs[0].ndim == 3 and xs[0].shape[axis] == 1)
    return torch.cat(xs, axis) if pieces else torch.stack(xs)

"""A recurrent module inside a network, with what it reads there: caught in a forward pass of the network.

A layer is called once, on whole sequences; a cell, or a layer in a loop, once per step, each time with the state that
it returned before.
"""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from carousel.diagnosis.evaluation_copy import evaluation_copy
from carousel.diagnosis.layer import ModuleError, first_line
from carousel.diagnosis.readings import recurrent
from carousel.diagnosis.structure import leaves, rebuilt
from carousel.study.errors import allowed

PREFIXES = ("module.", "_orig_mod.")  # of names inside a wrapper


class Read(NamedTuple):
    """What a module reads in one call."""

    x: Any
    state: Any


def inside(network: nn.Module, name: str, inputs: Any) -> tuple[nn.Module, Any, Any]:
    """The module `name` of a copy of `network`, what it reads where the network reads `inputs`, and its first state.

    `inputs`: a tensor or packed sequence, a tuple of arguments, or a dictionary of named ones. Raises ModuleError.
    """
    copy = evaluation_copy(network)
    module, read, returned = named(copy, name), list[Read](), list[Any]()
    hooks = [
        module.register_forward_pre_hook(
            lambda m, args, kwargs: read.append(arguments_of(m, args, kwargs)), with_kwargs=True
        ),
        module.register_forward_hook(lambda m, args, out: returned.append(cloned(out))),
    ]
    arguments = inputs if type(inputs) in (tuple, list) else (inputs,)
    try:
        with torch.no_grad():
            copy(**inputs) if isinstance(inputs, Mapping) else copy(*arguments)
    except ModuleError:
        raise
    except Exception as error:  # any: it is the user's code
        raise ModuleError(f"module: its forward pass fails on the inputs: {first_line(error)}") from None
    finally:
        for hook in hooks:
            hook.remove()
    if not read:
        raise ModuleError(f"layer: {name} is not called in the forward pass of the module")
    if len(read) == 1:
        return module, read[0].x, read[0].state
    check_handed_on(name, read, returned)
    return module, joined(module, name, [each.x for each in read]), read[0].state


def named(network: nn.Module, name: str) -> nn.Module:
    """The module of this name. Raises ModuleError, with the names of those that have a recurrent state."""
    modules = dict(network.named_modules())
    plain = name
    while plain not in modules and plain.startswith(PREFIXES):
        plain = plain.split(".", 1)[1]
    plain = plain if plain in modules else plain.replace("._orig_mod", "").replace(".module", "")
    if not plain or plain not in modules:
        raise ModuleError(f"layer: found {name!r}; {allowed(name, recurrent(network) or list(modules)[1:])}")
    return modules[plain]


def arguments_of(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Read:
    """The arguments of one call of `module`. Raises ModuleError where there are more than x and state."""
    bound = inspect.signature(module.forward).bind(*args, **kwargs).arguments
    values = [value for value in bound.values() if value is not None]
    if not 1 <= len(values) <= 2 or values[0] is not next(iter(bound.values())):
        raise ModuleError(f"layer: is called with {', '.join(bound)}; allowed: x and state")
    x, state = cloned(values)[0], cloned(values[1:])
    return Read(x, state[0] if state else None)


def cloned(found: Any) -> Any:
    """A copy of what may yet be written into."""
    if isinstance(found, PackedSequence):
        return found
    return rebuilt(found, (each.clone() if isinstance(each, Tensor) else each for each in leaves(found)))


def check_handed_on(name: str, read: Sequence[Read], returned: Sequence[Any]) -> None:
    """Raise ModuleError where a call was not on the state that the one before returned."""
    for after, (_, state) in zip(returned, read[1:], strict=False):
        parts = leaves(state)
        if not parts or not all(any(equal(part, each) for each in leaves(after)) for part in parts):
            raise ModuleError(
                f"layer: {name} is called {len(read)} times, not each time on the state that it returned before"
            )


def joined(module: nn.Module, name: str, xs: Sequence[Any]) -> Tensor:
    """What the module reads in all its calls, one step after the other. Raises ModuleError."""
    if not all(isinstance(x, Tensor) and x.shape == xs[0].shape for x in xs):
        raise ModuleError(f"layer: {name} is called {len(xs)} times; allowed: on tensors of one shape")
    axis = 1 if getattr(module, "batch_first", False) else 0
    return torch.cat(list(xs), axis) if xs[0].ndim == 3 and xs[0].shape[axis] == 1 else torch.stack(list(xs))


def equal(one: Any, other: Any) -> bool:
    return isinstance(one, Tensor) and isinstance(other, Tensor) and torch.equal(one, other)

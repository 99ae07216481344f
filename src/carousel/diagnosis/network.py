"""A recurrent module inside a network, with what it reads there in a forward pass of the network."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from carousel.diagnosis.calls import joined, recorded
from carousel.diagnosis.evaluation_copy import evaluation_copy
from carousel.diagnosis.layer import ModuleError, first_line
from carousel.diagnosis.readings import recurrent
from carousel.study.errors import allowed

PREFIXES = ("module.", "_orig_mod.")  # of names inside a wrapper


def inside(network: nn.Module, name: str, inputs: Any) -> tuple[nn.Module, Any, Any]:
    """The module `name` of a copy of `network`, what it reads where the network reads `inputs`, and its first state.

    `inputs`: a tensor or packed sequence, a tuple of arguments, or a dictionary of named ones. Raises ModuleError.
    """
    copy = evaluation_copy(network)
    module = named(copy, name)
    arguments = inputs if type(inputs) in (tuple, list) else (inputs,)
    try:
        with torch.no_grad(), recorded({name: module}) as calls:
            copy(**inputs) if isinstance(inputs, Mapping) else copy(*arguments)
    except ModuleError:
        raise
    except Exception as error:  # any: it is the user's code
        raise ModuleError(f"module: its forward pass fails on the inputs: {first_line(error)}") from None
    if not calls[name]:
        raise ModuleError(f"layer: {name} is not called in the forward pass of the module")
    return module, joined(name, module, calls[name]), calls[name][0].state


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

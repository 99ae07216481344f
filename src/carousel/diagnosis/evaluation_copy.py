"""A user's module as a copy to measure: in evaluation mode, without wrappers and hooks, its derived weights computed.

Weight norm, spectral norm and pruning of torch.nn.utils compute a weight before each forward pass, by a hook, and leave
it as a tensor that cannot be copied; parametrisations compute it where it is read, and need nothing.
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.module import _has_any_global_hook
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm
from torch.optim.swa_utils import AveragedModel

from carousel.diagnosis.layer import ModuleError, first_line

DERIVING = (BasePruningMethod, SpectralNorm, WeightNorm)  # hooks that compute a weight and nothing else
WRAPPERS: dict[str, str] = {  # classes that call one module and nothing else, by where they keep it
    "torch._dynamo.eval_frame.OptimizedModule": "_orig_mod",
    "torch.nn.parallel.data_parallel.DataParallel": "module",
    "torch.nn.parallel.distributed.DistributedDataParallel": "module",
    f"{AveragedModel.__module__}.{AveragedModel.__qualname__}": "module",
}
HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")


def evaluation_copy(module: nn.Module) -> Any:
    """A copy of `module` that computes what it does in evaluation mode. Raises ModuleError.

    Hooks of the user's own are refused: the copy would share what they write to, and without them it might compute
    something else.
    """
    check_hooks(module)
    memo: dict[int, Any] = {}
    try:
        for tensor in derived(module):
            memo[id(tensor)] = tensor.detach().clone()
        for each in reversed(list(module.modules())):  # the innermost first
            if (wrapped := unwrapped(each)) is not each:
                memo[id(each)] = deepcopy(wrapped, memo)
        copy = deepcopy(module, memo).eval().requires_grad_(False)
    except Exception as error:  # any: it is the user's code
        raise ModuleError(f"module: cannot be copied: {first_line(error)}") from None
    return with_derived_weights(copy)


def unwrapped(module: nn.Module) -> nn.Module:
    """The module inside wrappers such as that of torch.compile."""
    kinds = [f"{kind.__module__}.{kind.__qualname__}" for kind in type(module).__mro__]
    names = [WRAPPERS[kind] for kind in kinds if kind in WRAPPERS]
    return unwrapped(getattr(module, names[0])) if names else module


def derived(module: nn.Module) -> Iterator[Tensor]:
    """The tensors of `module` that autograd computed."""
    for each in module.modules():
        for value in vars(each).values():
            values = value if isinstance(value, (list, tuple)) else [value]
            yield from (v for v in values if isinstance(v, Tensor) and not v.is_leaf)


def with_derived_weights(copy: nn.Module) -> nn.Module:
    """`copy` with its derived weights computed once, as buffers, which follow the module to another dtype."""
    for each in copy.modules():
        for key, hook in list(each._forward_pre_hooks.items()):
            hook(each, ())
            del each._forward_pre_hooks[key]
            for name in [name for name, value in vars(each).items() if isinstance(value, Tensor)]:
                weight = vars(each).pop(name)
                each.register_buffer(name, weight.detach())
    return copy


def check_hooks(module: nn.Module) -> None:
    """Raise ModuleError where a hook that is no weight's may be called, or change what is computed."""
    if _has_any_global_hook():  # type: ignore[no-untyped-call]
        raise ModuleError("module: there are hooks on all modules; allowed: none, remove them for the call")
    for name, each in module.named_modules():
        for kind in HOOKS:
            for hook in getattr(each, kind).values():
                if not isinstance(hook, DERIVING):
                    where = f"{name or 'module'}: has a {kind.strip('_').removesuffix('s').replace('_', ' ')}"
                    what = getattr(hook, "__qualname__", type(hook).__name__)
                    raise ModuleError(
                        f"{where}, {what}, which may change what it computes; allowed: none, remove it for the call"
                    )

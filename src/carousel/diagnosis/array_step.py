"""A plain function step(x, state) on NumPy arrays, as a module that takes and returns tensors.

It reads x = inputs[t]. Its state has the batch first, as x has; or neither has one, and the function is called for one
sequence after the other. Which it is, is tried and verified as for modules (see readings.py).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from carousel.diagnosis.keras_weights import shape_text
from carousel.diagnosis.layer import ModuleError
from carousel.diagnosis.readings import Pass, verified
from carousel.diagnosis.structure import leaves, rebuilt
from carousel.diagnosis.user_step import Reading, Withdrawn, next_state
from carousel.study.errors import short

Function = Callable[[np.ndarray, Any], Any]
STEP = Reading(None, 0)


class ArrayStep(nn.Module):
    """`function` on tensors [N, ...]; it is given arrays of the dtypes in `like`, its state as it was handed in.

    `alone`: whether it reads one sequence, without an axis of the batch.
    """

    def __init__(self, function: Function, like: Any, alone: bool) -> None:
        super().__init__()
        self.function, self.alone = function, alone
        self.dtypes = [part.dtype for part in leaves(like)]

    def forward(self, x: Tensor, state: Any) -> Any:
        """The state after a step, in the structure of `state`. Raises Withdrawn."""
        if not self.alone:
            return self.once(x.numpy(), state)
        rows = [self.once(own.numpy(), row(state, n)) for n, own in enumerate(x)]
        return rebuilt(state, (torch.stack(parts) for parts in zip(*map(leaves, rows), strict=True)))

    def once(self, x: np.ndarray, state: Any) -> Any:
        """One call of the function. Raises Withdrawn."""
        parts = zip(leaves(state), self.dtypes, strict=True)
        returned = self.function(x, rebuilt(state, (part.numpy().astype(dtype) for part, dtype in parts)))
        like = leaves(state)[0]
        return next_state(rebuilt(returned, (tensor(part, like) for part in leaves(returned))), state)


def is_function(module: object) -> bool:
    """Whether `module` is a plain function, or what may be called like one."""
    return callable(module) and not isinstance(module, (type, nn.Module))


def row(state: Any, n: int) -> Any:
    """The state of one sequence."""
    return rebuilt(state, (part[n] for part in leaves(state)))


def tensor(found: Any, like: Tensor) -> Any:
    """A copy of a real array as a tensor in the dtype of `like`; anything else as it is."""
    array = np.asarray(found)
    return torch.tensor(array).to(like) if array.dtype.kind == "f" else found


def pass_of(function: Function, inputs: Any, state: Any) -> Pass:
    """The pass of `function` over `inputs`, in the way that holds, in the precision of its state.

    Raises ModuleError where none holds.
    """
    xs, start = inputs_of(inputs), state_of(state)
    kind = min((part.dtype for part in leaves(start)), key=lambda dtype: dtype.itemsize)
    problems = []
    for alone in (False, True):
        if not alone and not has_batch(xs, start):
            continue
        module = ArrayStep(function, start, alone)
        before = rebuilt(start, (as_tensor(part, kind, alone) for part in leaves(start)))
        series = torch.as_tensor(xs).unsqueeze(1) if alone else torch.as_tensor(xs)
        try:
            return verified(module, STEP, series, before, None, torch.zeros((), dtype=torch_type(kind)))
        except Withdrawn as problem:
            problems.append(problem)
    raise ModuleError(in_words_of_functions(str(max(problems, key=lambda problem: problem.stage))))


def in_words_of_functions(line: str) -> str:
    """What is said of a module, said of a function: it has no copy and no evaluation mode."""
    said = line.replace("module: ", "function: ", 1).replace(" on a copy in evaluation mode", "")
    return said.replace(
        "no noise in evaluation mode", "no noise, or a generator that starts anew in each call"
    )


def inputs_of(inputs: Any) -> np.ndarray:
    """The inputs [T, ...]. Raises ModuleError."""
    if (
        not isinstance(inputs, np.ndarray)
        or inputs.dtype.kind not in "fiub"
        or inputs.ndim < 1
        or not inputs.size
    ):
        found = shape_text(inputs) if isinstance(inputs, np.ndarray) else short(inputs)
        raise ModuleError(
            f"inputs: found {found}; allowed for a function: a NumPy array of real numbers [steps, ...]; "
            "for tensors: a torch.nn.Module"
        )
    if not np.isfinite(inputs).all():
        raise ModuleError("inputs: found NaN or infinity; allowed: finite numbers")
    return inputs


def state_of(state: Any) -> Any:
    """The first state, its parts as arrays of float32 or float64. Raises ModuleError."""
    parts: list[Any] = [np.asarray(part) for part in leaves(state)]
    if not parts or not all(part.dtype in (np.float32, np.float64) and part.size for part in parts):
        found = ", ".join(map(shape_text, parts)) or short(state)
        raise ModuleError(
            f"state: found {found}; allowed for a function: the first state, float32 or float64, in arrays, "
            "or tuples, lists or dictionaries of them"
        )
    if not all(np.isfinite(part).all() for part in parts):
        raise ModuleError("state: found NaN or infinity; allowed: finite numbers")
    return rebuilt(state, iter(parts))


def has_batch(xs: np.ndarray, state: Any) -> bool:
    """Whether inputs and state may have an axis of the batch: a state of one number per sequence has none."""
    parts = leaves(state)
    sizes = {part.shape[0] if part.ndim else 0 for part in parts}
    return xs.ndim > 1 and sizes == {xs.shape[1]} and any(part.ndim > 1 for part in parts)


def torch_type(kind: np.dtype) -> torch.dtype:
    """A dtype of NumPy in torch."""
    return torch.float32 if kind == np.float32 else torch.float64


def as_tensor(part: np.ndarray, kind: np.dtype, alone: bool) -> Tensor:
    """A part of the first state with the batch first."""
    found = torch.tensor(part.astype(kind))
    return found[None] if alone else found

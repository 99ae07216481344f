"""How a user's module is read: each way is tried on the inputs themselves, and holds or is withdrawn.

It holds where the states of a pass, step after step, come out again when each step is taken by itself, in another
order and beside other sequences. A module that draws random numbers, counts its calls, keeps a state of its own or
mixes the sequences of a batch fails that; so does a wrong guess at its state.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from carousel.diagnosis.layer import ModuleError
from carousel.diagnosis.structure import is_state, leaves, rebuilt, shapes_text
from carousel.diagnosis.user_step import (
    READINGS,
    Parts,
    Reading,
    UserStep,
    Withdrawn,
    called,
    next_state,
    starts,
)

COPIES = 3  # side by side, to see whether a step may be taken on several
SHAKEN = 1e-12  # relative change of a state: what grows from it to CHAOTIC is not comparable after many steps
CHAOTIC = 1e-8


class Pass(NamedTuple):
    """A module's pass over its inputs: the step, what it reads [T B ...], the states before and after [T B ...]."""

    step: UserStep
    xs: Tensor
    before: Parts
    after: Parts


def read(module: nn.Module, inputs: Tensor, state: Any, like: Tensor) -> Pass:
    """The pass of `module` over `inputs`, in the way that holds. Raises ModuleError where none does.

    A way in which copies run side by side is preferred to one in which each runs by itself.
    """
    narrow: list[Pass] = []
    problems: list[Withdrawn] = []
    for reading in READINGS:
        if reading.time is not None and not fits(module, inputs, reading):
            continue
        try:
            for start, default in given(state, reading, inputs, like) or starts_of(
                module, reading, inputs, like
            ):
                try:
                    found = verified(module, reading, inputs, start, default, like)
                except Withdrawn as problem:
                    problems.append(problem)
                    continue
                if found.step.width is None:
                    return found
                narrow.append(found)
        except Withdrawn as problem:
            problems.append(problem)
    if narrow:
        return narrow[0]
    worst = max(problems, key=lambda problem: problem.stage)
    names = recurrent(module) if worst.stage < 2 else []
    raise ModuleError(f"{worst}; of a network, give a layer: {', '.join(names)}" if names else str(worst))


def recurrent(network: nn.Module) -> list[str]:
    """The names of the modules in `network` that look recurrent."""
    kinds = (nn.RNNBase, nn.RNNCellBase)
    return [
        name
        for name, each in network.named_modules()
        if name and (isinstance(each, kinds) or isinstance(getattr(each, "hidden_size", None), int))
    ]


def fits(module: nn.Module, inputs: Tensor, reading: Reading) -> bool:
    """Whether the inputs have axes of time and batch, and the module does not say that time is another of them."""
    batch_first = getattr(module, "batch_first", None)
    return inputs.ndim > 1 and (not isinstance(batch_first, bool) or batch_first == (reading.time == 1))


def by_time(inputs: Tensor, reading: Reading, like: Tensor) -> Tensor:
    """The inputs [T, B, ...]."""
    xs = inputs.transpose(0, 1) if reading.time == 1 else inputs
    return xs.to(like.dtype) if xs.is_floating_point() else xs


def starts_of(module: nn.Module, reading: Reading, inputs: Tensor, like: Tensor) -> Iterator[tuple[Any, Any]]:
    return starts(module, reading, by_time(inputs, reading, like)[0], like)


def given(state: Any, reading: Reading, inputs: Tensor, like: Tensor) -> list[tuple[Any, Any]]:
    """The state that the caller gave, if any, in the dtype of `like`. Raises Withdrawn."""
    if state is None:
        return []
    parts, B = leaves(state), by_time(inputs, reading, like).shape[1]
    if not parts or not all(isinstance(part, Tensor) for part in parts):
        raise Withdrawn(
            0, f"state: found {shapes_text(state)}; allowed: tensors, in tuples, lists or dictionaries"
        )
    if not is_state(state) or not has_batch(parts, reading, B):
        found = ", ".join(f"{tuple(part.shape)} {part.dtype}" for part in parts)
        raise Withdrawn(0, f"state: found {found}; allowed: [batch, ...] of real numbers, batch {B}")
    return [(rebuilt(state, (part.detach().to(like) for part in parts)), None)]


def has_batch(parts: Parts, reading: Reading, batch: int) -> bool:
    """Whether every part has its sequences where `reading` says."""
    return all(part.ndim > 0 and part.shape[reading.axis(part)] == batch for part in parts)


def verified(
    module: nn.Module, reading: Reading, inputs: Tensor, start: Any, default: Any, like: Tensor
) -> Pass:
    """The pass from `start`, if all that is asked of it holds. Raises Withdrawn."""
    xs = by_time(inputs, reading, like)
    if not has_batch(leaves(start), reading, xs.shape[1]):
        raise Withdrawn(
            1, f"module: its state is {shapes_text(start)}; allowed: [batch, ...], batch {xs.shape[1]}"
        )
    step = UserStep(module, reading, start, xs.dtype, xs.shape[1])
    found = run(step, xs)
    if default is not None and not agree(step.parts(default), tuple(part[0] for part in found.after)):
        raise Withdrawn(2, "state: not given, and the module does not start from zeros; allowed: give one")
    check_replay(found)
    if reading.time is not None:
        check_whole(found)
    return found._replace(step=replace(step, width=None)) if side_by_side(found) else found


def run(step: UserStep, xs: Tensor) -> Pass:
    """The states of a pass as the module's user makes it, each state handed on as it was returned."""
    state, states = step.like, [step.parts(step.like)]
    for t, x in enumerate(xs, start=1):
        state = rebuilt(after := step.after(x, state), (part.detach() for part in leaves(after)))
        states.append(step.parts(state))
        if not all(part.isfinite().all() for part in states[-1]):
            raise Withdrawn(2, f"module: its state overflows at step {t}; allowed: finite states")
    before, after = ([torch.stack(p) for p in zip(*part, strict=True)] for part in (states[:-1], states[1:]))
    return Pass(step, xs, tuple(before), tuple(after))


def check_replay(found: Pass) -> None:
    """That each step gives the same again, when it is not its turn, on sequences that are at other steps.

    Raises Withdrawn, or ModuleError, with the likeliest reason.
    """
    T, B = found.xs.shape[:2]
    rng = np.random.default_rng(0)
    orders = np.stack([rng.permutation(T) for _ in range(B)], 1)
    failing = next((times for times in orders if not repeats(found, times)), None)
    if failing is None:
        return
    if not twice(found):
        line = "its step gives another state each time; allowed: no noise in evaluation mode"
    elif B > 1 and not repeats(found, failing) and all(repeats(found, np.repeat(t, B)) for t in failing):
        line = "its step mixes the sequences of a batch; allowed: each by itself"
    else:
        line = "its step depends on earlier calls (a counter, or a state of its own); allowed: on x and state alone"
    raise Withdrawn(3, f"module: {line}")


def repeats(found: Pass, times: np.ndarray) -> bool:
    """Whether a step on a batch whose sequence b is at times[b] gives what the pass gave there."""
    at = (torch.as_tensor(times), torch.arange(len(times)))
    again = found.step.once(found.xs[at], tuple(part[at] for part in found.before))
    return agree(again, tuple(part[at] for part in found.after))


def twice(found: Pass) -> bool:
    """Whether the first step gives the same twice in a row."""
    before = tuple(part[0] for part in found.before)
    return agree(*(found.step.once(found.xs[0], before) for _ in range(2)))


def side_by_side(found: Pass) -> bool:
    """Whether a step on copies of the batch, each at a time of its own, gives what each gives by itself."""
    T, B = found.xs.shape[:2]
    rng = np.random.default_rng(1)
    for _ in range(min(T, 8)):
        times = torch.as_tensor(rng.integers(T, size=B * COPIES))
        at = (times, torch.arange(B).repeat_interleave(COPIES))
        try:
            again = found.step.once(found.xs[at], tuple(part[at] for part in found.before))
        except Withdrawn:
            return False
        if not agree(again, tuple(part[at] for part in found.after)):
            return False
    return True


def check_whole(found: Pass) -> None:
    """That a module which reads sequences makes of all steps at once what it makes of them one by one.

    Raises Withdrawn.
    """
    step, xs, start = found.step, found.xs, found.step.like
    time, last = step.reading.time, tuple(part[-1] for part in found.after)
    returned = called(
        step.module, step.reading._replace(time=None), xs if time == 0 else xs.transpose(0, 1), start
    )
    if agree(step.parts(next_state(returned, start)), last):
        return
    shaken = run(replace(step, like=rebuilt(start, ((1 + SHAKEN) * s + SHAKEN for s in leaves(start)))), xs)
    gap = max(float((a[-1] - b).abs().max()) for a, b in zip(shaken.after, last, strict=True))
    if gap < CHAOTIC:
        raise Withdrawn(
            3,
            "module: it makes another state of all steps at once than step by step (two directions, or a memory "
            "that is no part of its state); allowed: (x, state) -> (out, state) with all of the state",
        )


def agree(found: Parts, wanted: Parts) -> bool:
    """Whether two states are the same up to half of their digits."""
    close = torch.finfo(wanted[0].dtype).eps ** 0.5
    return all(
        a.shape == b.shape and torch.allclose(a.to(b), b, rtol=close, atol=close * float(b.abs().max()))
        for a, b in zip(found, wanted, strict=True)
    )

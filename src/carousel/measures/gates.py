"""The activations of the gates, and the factors that an error is multiplied by on its way into the carousel and out.

``gate_i``, ``gate_f`` ...
    The activation of each gate, the candidate among them.
``entry``
    d h_t / d c_t of a unit, the gates held: the output gate times the slope of the squashing (claim A4c).
``exit``
    The norm of the error that an error of 1 in c_t of one unit sends back through the candidate, where that has a
    recurrent input. It is the product of ``exit_gate``, the input gate; ``exit_squash``, the slope of the candidate;
    and ``exit_affine``, the norm of the unit's row of R_z (claim A4d). A reset gate that multiplies R h is left out.

Entry and exit come from the adjoints of one step, so each backend has them from its own derivative.
"""

from collections.abc import Collection, Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from carousel.axes import Array, State
from carousel.engine.recurrence import Step, chunk_length
from carousel.engine.system import System
from carousel.tables.quantities import quantity

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
STEPS = 16  # of a sequence that are looked at, evenly spaced, the first and the last among them
AXES = ("time", "unit", "all")
Values = Float[np.ndarray, "M H B"]


class Summary(NamedTuple):
    """N numbers about one quantity of M models: the mean (quantile NaN) and the quantiles, index by index."""

    quantity: str
    axis: str  # what `at` counts: steps or units from 1, exponents from 1; "all": nothing
    at: Int[np.ndarray, " N"]
    quantile: Float[np.ndarray, " N"]
    value: Float[np.ndarray, "M N"]
    error: Float[np.ndarray, "M N"]
    n: Int[np.ndarray, "M N"]  # numbers behind the value; those that are not defined do not count


def gate_statistics(system: System, axes: Collection[str] = AXES) -> list[Summary]:
    """The gates and the factors of a system's models, each along `axes`.

    Step t makes h_t from x_t; factors have no axis of time.
    """
    system = system.effective()
    by_number = dict(sampled(system))
    steps = sorted(by_number)
    found = [gates_and_factors(system, by_number[t]) for t in steps]
    return [
        summarised(name, axis, np.array(steps), np.stack([each[name] for each in found]))
        for name in found[0]
        for axis in axes
        if axis != "time" or quantity(name).kind == "gates"
    ]


def sampled(system: System) -> Iterator[tuple[int, Step]]:
    """STEPS evenly spaced steps with their numbers, the last first."""
    t = len(system.xs)
    wanted = set(np.linspace(1, t, min(STEPS, t)).round().astype(int))
    for steps in system.chunks(chunk_length(system.xs, system.state)):
        for step in reversed(steps):
            if t in wanted:
                yield t, step
            t -= 1


def gates_and_factors(system: System, step: Step) -> dict[str, Values]:
    """Gates and factors of one step, those that the cell has."""
    cell, named = system.cell, activations(system, step)
    found = {f"gate_{gate}": named[gate] for gate in cell.gates if gate in named}
    if cell.states[cell.carousel] == "c":
        found["entry"] = entry_factor(system, step)
    recurrent = any((cell.candidate, source) not in cell.masked_blocks for source in cell.columns)
    return found | (exit_factors(system, step, named) if cell.carries and recurrent else {})


def activations(system: System, step: Step) -> dict[str, Values]:
    """What the forward pass saved under the names of gates, and of "i", which multiplies the candidate."""
    backend, cell, *_ = system
    saved = (
        dict(zip(cell.saves.split(), (*step.saved, *step.intermediate), strict=True)) if cell.saves else {}
    )
    like = backend.numpy(step.before[0]).astype(float)
    named = {
        gate: (backend.numpy(saved[gate]) if hasattr(saved[gate], "shape") else saved[gate]) + 0.0 * like
        for gate in ("i", *cell.gates)
        if gate in saved
    }
    return named if "i" in named or cell.forget not in named else {"i": 1 - named[cell.forget]} | named


def entry_factor(system: System, step: Step) -> Values:
    """d h / d c, as the ratio of two adjoints of the carousel before the step: from an error in h, and from one in c.

    Both pass the same forget gate, which cancels; where it is exactly 0, the ratio is not defined.
    """
    backend, carousel = system.backend, system.cell.carousel
    from_h, from_c = (
        system.vjp(step, unit_error(system, step, k), frozenset())[carousel] for k in (0, carousel)
    )
    return ratio(backend.numpy(from_h), backend.numpy(from_c))


def exit_factors(system: System, step: Step, named: dict[str, Values]) -> dict[str, Values]:
    """The exit factor, and its three parts where the input gate has a name."""
    backend, cell, params, *_ = system
    z, H = cell.gates.index(cell.candidate), step.before[0].shape[1]
    _, d_wx = system.error(step, unit_error(system, step, cell.carousel))
    net = abs(backend.numpy(d_wx[:, z])).astype(float)
    rows = backend.numpy(params.R).astype(float)[:, z * H : (z + 1) * H]
    affine = np.sqrt(np.square(rows).sum(2))[:, :, None] + 0.0 * net
    parts = {"exit_gate": named["i"], "exit_squash": ratio(net, named["i"])} if "i" in named else {}
    return {"exit": net * affine, "exit_affine": affine} | parts


def unit_error(system: System, step: Step, state: int) -> State:
    """An error of 1 in one of the states of every unit."""
    zeros = system.ops.zeros
    return tuple(zeros(s) + float(k == state) for k, s in enumerate(step.before))


def ratio(a: Array, b: Array) -> Values:
    """a / b; NaN where b is zero."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.where(b == 0, np.nan, a.astype(float) / b)


def summarised(
    name: str, axis: str, steps: Int[np.ndarray, " T"], values: Float[np.ndarray, "T M H B"]
) -> Summary:
    """Mean and quantiles of `values` along `axis`, over all others but the models."""
    T, M, H, _ = values.shape
    index, order = {
        "time": (steps, (1, 0, 2, 3)),
        "unit": (np.arange(1, H + 1), (1, 2, 0, 3)),
        "all": (np.zeros(1, int), (1, 0, 2, 3)),
    }[axis]
    samples = values.transpose(order).reshape(M, len(index), -1)
    found, n = statistics(samples)
    each = found.shape[-1]
    return Summary(
        name,
        axis,
        np.repeat(index, each),
        np.tile([np.nan, *QUANTILES], len(index)),
        found.reshape(M, -1),
        np.full((M, len(index) * each), np.nan),
        np.repeat(n, each, axis=1),
    )


def statistics(
    samples: Float[np.ndarray, "M I N"],
) -> tuple[Float[np.ndarray, "M I Q"], Int[np.ndarray, "M I"]]:
    """The mean and the QUANTILES (linear between two values) of the samples that are not NaN, and their number."""
    ordered = np.sort(samples, axis=2)  # NaN comes last
    n = (~np.isnan(ordered)).sum(2)
    place = np.multiply.outer(np.maximum(n - 1, 0), QUANTILES)
    low = place.astype(int)
    high = np.minimum(low + 1, np.maximum(n - 1, 0)[..., None])
    below, above = (np.take_along_axis(ordered, k, axis=2) for k in (low, high))
    mean = np.where(np.isnan(ordered), 0.0, ordered).sum(2) / np.maximum(n, 1)
    mean = np.where(n > 0, mean, np.nan)
    return np.concatenate([mean[..., None], below + (above - below) * (place - low)], axis=2), n

"""The ground truth of the calibration: networks whose weights are set by hand, and what must be measured of them."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from carousel.cells import CELLS, Params

Values = np.ndarray | float
Given = Mapping[str, Values]


class Check(NamedTuple):
    """One number that is to be measured. `predicted` broadcasts against [M N], models and sequences (or units).

    Exact checks must agree to rounding, every one of them. Of statistical ones the mean over models must agree
    within its standard error; `allowance` is a further standard error that the closed form itself states.
    """

    quantity: str
    path: str
    lag: int  # an exponent's number, the largest is 1, where that is what is measured
    predicted: Values
    statistical: bool = False
    allowance: float = 0.0


class Network(NamedTuple):
    """M models of one cell in NumPy's arrays, what drives them, and the covector on their last h."""

    cell: str
    params: Params
    xs: Float[np.ndarray, "T M D B"]
    state: tuple[Float[np.ndarray, "M _ B"], ...]
    covector: Float[np.ndarray, "M H B"]
    warm_up: int = 0  # steps, twice, before Lyapunov exponents are taken


class GroundTruth(NamedTuple):
    """A system whose answer is known: in words, where the answer is from, and how it is built."""

    statement: str
    source: str
    build: Callable[
        [np.random.Generator], tuple[Network, list[Check]]
    ]  # the stream is for what is drawn at random


def network(
    cell: str,
    steps: int,
    shape: tuple[int, int, int] = (1, 1, 1),
    *,
    R: Given = {},  # noqa: B006
    b: Given = {},  # noqa: B006
    W: Given = {},  # noqa: B006
    p: Given = {},  # noqa: B006
    xs: np.ndarray | None = None,
    state: Given = {},  # noqa: B006
    covector: Values = 1.0,
    warm_up: int = 0,
) -> Network:
    """The network with these weights: `R`, `b` and `W` by gate, `p` and `state` by name; what is not given is zero.

    `shape` is M, H, B.
    """
    M, H, B = shape
    xs = np.zeros((steps, M, 1, B)) if xs is None else xs
    params = Params(
        by_gate(cell, W, (M, H, xs.shape[2])),
        by_gate(cell, R, (M, H, H * len(CELLS[cell].columns))),
        by_gate(cell, b, (M, H, 1)),
        {name: filled(p.get(name, 0.0), (M, H, 1)) for name in CELLS[cell].pointwise},
    )
    sizes = zip(CELLS[cell].states, CELLS[cell].state_sizes(H), strict=True)
    states = tuple(filled(state.get(name, 0.0), (M, size, B)) for name, size in sizes)
    return Network(cell, params, xs, states, filled(covector, shape), warm_up)


def by_gate(cell: str, given: Given, shape: tuple[int, ...]) -> np.ndarray:
    """The gates' blocks one below the other."""
    return np.concatenate([filled(given.get(gate, 0.0), shape) for gate in CELLS[cell].gates], axis=1)


def filled(value: Values, shape: tuple[int, ...]) -> np.ndarray:
    """`value` for every model, unit and sequence."""
    return np.array(np.broadcast_to(value, shape), float)


def models(*values: float) -> Float[np.ndarray, "M 1 1"]:
    """One value per model."""
    return np.array(values)[:, None, None]


def haar(rng: np.random.Generator, M: int, H: int) -> Float[np.ndarray, "M H H"]:
    """Random orthogonal matrices."""
    Q, upper = np.linalg.qr(rng.standard_normal((M, H, H)))
    return Q * np.sign(np.diagonal(upper, axis1=1, axis2=2))[:, None]

"""Weight initialisations: each draws one gate's rows of W and R and of the bias, and its pointwise parameters.

Every gate draws from its own stream and the candidate's is the same in all cells, so that an RNN and the
candidate of an LSTM start from one matrix R. `gain` multiplies R alone. Biases are effective ones: a forget bias
of 1 means 1 (torch.nn adds two vectors; their sum is the bias here).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from carousel.cells import Cell, Params

Stream = Callable[[str], np.random.Generator]


class Rows(NamedTuple):
    """One gate's share of the parameters."""

    W: Float[np.ndarray, "H D"]
    R: Float[np.ndarray, "H H"]
    b: Float[np.ndarray, " H"]  # beside W
    b_R: Float[np.ndarray, " H"]  # beside R


Init = Callable[[np.random.Generator, int, int], Rows]


def uniform(rng: np.random.Generator, bound: float, *shape: int) -> np.ndarray:
    """Uniform on [-bound, bound]."""
    return rng.uniform(-bound, bound, shape)


def torch_default(rng: np.random.Generator, H: int, D: int) -> Rows:
    """U(-1/sqrt(H), 1/sqrt(H)) everywhere, in both biases: the default of torch.nn."""
    k = H**-0.5
    return Rows(uniform(rng, k, H, D), uniform(rng, k, H, H), uniform(rng, k, H), uniform(rng, k, H))


def glorot(rng: np.random.Generator, H: int, D: int) -> Rows:
    """Uniform with variance 2 / (fan in + fan out) (Glorot and Bengio 2010), zero bias."""
    return Rows(
        uniform(rng, (6 / (H + D)) ** 0.5, H, D), uniform(rng, (3 / H) ** 0.5, H, H), np.zeros(H), np.zeros(H)
    )


def orthogonal(rng: np.random.Generator, H: int, D: int) -> Rows:
    """R Haar-distributed orthogonal (Saxe et al. 2014), W as in `glorot`, zero bias."""
    Q, upper = np.linalg.qr(rng.standard_normal((H, H)))
    return glorot(rng, H, D)._replace(R=Q * np.sign(np.diag(upper)))


def identity(rng: np.random.Generator, H: int, D: int) -> Rows:
    """R the identity (Le et al. 2015), W as in `glorot`, zero bias."""
    return glorot(rng, H, D)._replace(R=np.eye(H))


def gaussian(rng: np.random.Generator, H: int, D: int) -> Rows:
    """R with variance 1 / H and W with variance 1 / D, as in mean-field theory; zero bias."""
    W, R = rng.standard_normal((H, D)) / D**0.5, rng.standard_normal((H, H)) / H**0.5
    return Rows(W, R, np.zeros(H), np.zeros(H))


INITS: dict[str, Init] = {
    "torch": torch_default,
    "glorot": glorot,
    "orthogonal": orthogonal,
    "identity": identity,
    "gaussian": gaussian,
}


def draw(
    init: str,
    cell: Cell,
    stream: Stream,
    *,
    H: int,
    D: int,
    gain: float,
    forget_bias: str,
    bias: float,
    length: int,
) -> Params:
    """The parameters of one model, its leading axis of length 1.

    The two biases of a gate add up to one, unless the cell keeps the one beside R apart (GRU). Peepholes are
    U(-1/sqrt(H), 1/sqrt(H)) in every init.

    `forget_bias` is a number, "chrono" or "none"; `bias` is added to the candidate's bias; `length` is the T_max of
    chrono (Tallec and Ollivier 2018).
    """
    rows = {
        gate: INITS[init](stream("candidate" if gate == cell.candidate else gate), H, D)
        for gate in cell.gates
    }
    apart = {gate for gate in cell.gates if cell.pointwise.get(f"p_{gate}") == "bias"}
    b = {gate: block.b + (0 if gate in apart else block.b_R) for gate, block in rows.items()}
    b[cell.candidate] = b[cell.candidate] + bias
    b |= forget_biases(cell, forget_bias, stream("forget bias"), H, length)
    p = {f"p_{gate}": rows[gate].b_R[None, :, None] for gate in apart}
    weights = [name for name, kind in cell.pointwise.items() if kind == "weight"]
    return Params(
        np.concatenate([block.W for block in rows.values()])[None],
        gain * np.concatenate([block.R for block in rows.values()])[None],
        np.concatenate([b[gate] for gate in cell.gates])[None, :, None],
        p | {name: uniform(stream(name), H**-0.5, 1, H, 1) for name in weights},
    )


def forget_biases(
    cell: Cell, forget_bias: str, rng: np.random.Generator, H: int, length: int
) -> dict[str, Float[np.ndarray, " H"]]:
    """The biases that `forget_bias` sets: the forget gate's; under chrono the input gate's too.

    Time scales of 1 to T - 1 steps; up to T = 3, where there is no such range, of 1 to 2.
    """
    if cell.forget is None or forget_bias == "none":
        return {}
    if forget_bias != "chrono":
        return {cell.forget: np.full(H, float(forget_bias))}
    b = np.log(rng.uniform(1, max(length - 1, 2), H))
    return {cell.forget: b} | ({cell.input: -b} if cell.input else {})

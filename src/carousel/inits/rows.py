"""Weight initialisations: each draws one gate's rows of W and R and its two biases."""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class Rows(NamedTuple):
    """One gate's share of the parameters."""

    W: Float[np.ndarray, "H D"]
    R: Float[np.ndarray, "H H"]
    b: Float[np.ndarray, " H"]  # added to W x
    b_R: Float[np.ndarray, " H"]  # added to R h


Init = Callable[[np.random.Generator, int, int], Rows]  # of H and D
JointInit = Callable[[np.random.Generator, int, int, int], list[Rows]]  # of the number of gates, H and D

IRNN_STD = 0.001  # of W, where R is a multiple of the identity (Le et al. 2015)
SMALL = 0.01  # their smaller identity, for tasks that need little memory
FAN_IN = 15  # entries per row of a sparse R (Martens 2010)
SPECTRAL_RADIUS = 1.1  # of a sparse R (Sutskever et al. 2013, for their memory tasks)
SPARSE_STD = 0.1  # the standard deviation of W beside a sparse R (as there)
CRITICAL_BIAS = 0.05  # variance of the biases of `critical` (the one that Schoenholz et al. 2017 take)
RANGE_97 = 0.1  # of all weights (Hochreiter and Schmidhuber 1997, experiment 3)


def uniform(rng: np.random.Generator, bound: float, *shape: int) -> np.ndarray:
    """Uniform on [-bound, bound]."""
    return rng.uniform(-bound, bound, shape)


def normal(rng: np.random.Generator, deviation: float, *shape: int) -> np.ndarray:
    """Gaussian of mean 0."""
    return deviation * rng.standard_normal(shape)


def orthonormal(rng: np.random.Generator, rows: int, columns: int) -> Float[np.ndarray, "rows columns"]:
    """Orthonormal columns, Haar-distributed; there are at least as many rows."""
    Q, upper = np.linalg.qr(rng.standard_normal((rows, columns)))
    return Q * np.sign(np.diag(upper))


def glorot(rng: np.random.Generator, H: int, D: int) -> Rows:
    """Uniform with variance 2 / (fan in + fan out) (Glorot and Bengio 2010), zero bias."""
    return Rows(
        uniform(rng, (6 / (H + D)) ** 0.5, H, D), uniform(rng, (3 / H) ** 0.5, H, H), np.zeros(H), np.zeros(H)
    )


def orthogonal(rng: np.random.Generator, H: int, D: int) -> Rows:
    """R Haar-distributed orthogonal (Saxe et al. 2014), W as in `glorot`, zero bias."""
    R = orthonormal(rng, H, H)
    return glorot(rng, H, D)._replace(R=R)


def identity(rng: np.random.Generator, H: int, D: int) -> Rows:
    """R the identity (Le et al. 2015), W as in `glorot`, zero bias."""
    return glorot(rng, H, D)._replace(R=np.eye(H))


def irnn(rng: np.random.Generator, H: int, D: int) -> Rows:
    """R the identity, W Gaussian with standard deviation 0.001, zero bias (Le et al. 2015, for ReLU)."""
    return Rows(normal(rng, IRNN_STD, H, D), np.eye(H), np.zeros(H), np.zeros(H))


def small_identity(rng: np.random.Generator, H: int, D: int) -> Rows:
    """As `irnn` with R = 0.01 times the identity (Le et al. 2015, for speech)."""
    return irnn(rng, H, D)._replace(R=SMALL * np.eye(H))


def gaussian(rng: np.random.Generator, H: int, D: int) -> Rows:
    """R with variance 1 / H and W with variance 1 / D, as in mean-field theory; zero bias."""
    W, R = rng.standard_normal((H, D)) / D**0.5, rng.standard_normal((H, H)) / H**0.5
    return Rows(W, R, np.zeros(H), np.zeros(H))


def sparse(rng: np.random.Generator, H: int, D: int) -> Rows:
    """R with 15 Gaussian entries per row, all H where there are fewer, scaled to the spectral radius 1.1.

    W Gaussian with standard deviation 0.1, zero bias (Sutskever et al. 2013, table 4).
    """
    R, chosen = np.zeros((H, H)), rng.random((H, H)).argsort(1)[:, :FAN_IN]
    np.put_along_axis(R, chosen, rng.standard_normal(chosen.shape), axis=1)
    R *= SPECTRAL_RADIUS / abs(np.linalg.eigvals(R)).max()
    return Rows(normal(rng, SPARSE_STD, H, D), R, np.zeros(H), np.zeros(H))


def critical(rng: np.random.Generator, H: int, D: int) -> Rows:
    """Gaussian at the edge of chaos of a driven tanh network, at gain 1.

    W has variance 1 / D, the bias 0.05, and R the variance `critical_variance` / H. What is critical: with inputs
    of mean square 1 per component, white in time, a step multiplies the mean square of the gradient of a wide
    ``rnn_tanh`` by 1. With weaker inputs it is chaotic, with stronger ones it contracts. None of this holds
    for gated cells.
    """
    W, b = normal(rng, D**-0.5, H, D), normal(rng, CRITICAL_BIAS**0.5, H)
    return Rows(W, normal(rng, (critical_variance(1 + CRITICAL_BIAS) / H) ** 0.5, H, H), b, np.zeros(H))


@cache
def critical_variance(drive: float) -> float:
    """H times the variance of R at which a wide tanh network that is driven with variance `drive` is critical.

    In mean-field theory the net inputs are Gaussian with the variance q = s E tanh^2 + drive, where s is H times the
    variance of R, and a step multiplies the mean square of the gradient by chi = s E tanh'^2 (Poole et al. 2016 and
    Schoenholz et al. 2017 with biases for drive; Molgedey et al. 1992 with noise). At chi = 1, s is 1 / E tanh'^2,
    and the first equation then gives q. (`analysis.theory` computes it in another way; were it imported here,
    every measurement would depend on its files.)
    """
    from scipy.optimize import brentq

    q = brentq(lambda q: q - drive - _mean(q, 0) / _mean(q, 1), 0, 4 * (1 + drive))
    return 1 / _mean(q, 1)


def _mean(q: float, slope: int) -> float:
    """The mean of tanh^2, or with `slope` 1 of tanh'^2, over a Gaussian of variance q: the trapezoidal rule."""
    z = np.linspace(-10, 10, 2001)
    y = np.tanh(q**0.5 * z) ** 2
    return np.average((1 - y) ** 2 if slope else y, weights=np.exp(-z * z / 2))


def hochreiter_97(rng: np.random.Generator, H: int, D: int) -> Rows:
    """All weights and the bias U(-0.1, 0.1) (Hochreiter and Schmidhuber 1997, experiment 3).

    The biases of the input and output gates are the paper's negative ones: see `GATE_BIASES`.
    """
    k = RANGE_97
    return Rows(uniform(rng, k, H, D), uniform(rng, k, H, H), uniform(rng, k, H), np.zeros(H))

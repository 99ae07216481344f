"""Linear networks: products of n matrices, independent or all the same, and how their logs grow with n.

Exponents are in decades per step. A random matrix of gain g has independent Gaussian entries of variance g^2 / H.
"""

import numpy as np
from jaxtyping import Float

from carousel.analysis.theory.scalar import LN10, Number, Real


def gaussian_exponents(hidden: int, gain: Number) -> Float[np.ndarray, " H"]:
    """Return all Lyapunov exponents of products of independent Gaussian matrices, largest first.

    (log 2 + psi((H - k + 1) / 2)) / 2 + log of the entries' deviation, for k = 1 .. H (Newman 1986, theorem 1):
    step by step the volume of k vectors is multiplied by independent chi variables of H, H - 1, ... degrees.
    The first is log10 gain - 1 / (2 H) nats or so; all of them, for H large, log10 gain + log(1 - k / H) / 2 nats.
    """
    from scipy.special import psi

    k = np.arange(hidden)
    nats = (np.log(2 / hidden) + psi((hidden - k) / 2)) / 2
    return np.log10(gain) + nats / LN10


def gaussian_variances(hidden: int) -> Float[np.ndarray, " H"]:
    """Return the variance per step, in decades squared, of the log that each exponent is the mean of.

    psi'((H - k + 1) / 2) / 4 nats squared, the variance of the log of a chi variable. After n steps the measured
    largest exponent has the standard error sqrt(first / n), and log10 |det| the variance n times the sum.
    """
    from scipy.special import polygamma

    return polygamma(1, (hidden - np.arange(hidden)) / 2) / 4 / LN10**2


def isometry_exponents(hidden: int, gain: Number) -> Float[np.ndarray, " H"]:
    """Return all exponents of an orthogonal matrix or the identity times ``gain``: log10 gain, every one."""
    return np.full(hidden, np.log10(gain))


def isometry_norms(hidden: int, gain: Number, lag: Real) -> tuple[np.ndarray, np.ndarray]:
    """Return log10 of the Frobenius and the spectral norm of the ``lag``-th power: sqrt(H) g^n and g^n."""
    spectral = np.asarray(lag * np.log10(gain))
    return np.asarray(np.log10(hidden) / 2 + spectral), spectral


def gaussian_norms(hidden: int, gain: Number, lag: Real) -> tuple[np.ndarray, np.ndarray]:
    """Return log10 of the Frobenius and the spectral norm of a product of n Gaussian matrices, for H much above n.

    The squared singular values follow the Fuss-Catalan law, with mean g^2n and upper edge
    g^2n (n + 1)^(n + 1) / n^n, about e n: at gain 1 the spectral norm still grows as sqrt(e n) (Banica, Belinschi,
    Capitaine and Collins 2011; the same law for powers of one matrix: Alexeev, Goetze and Tikhomirov 2010).
    """
    n = np.asarray(lag, float)
    growth = n * np.log10(gain)
    edge = (n + 1) * np.log10(n + 1) - n * np.log10(np.maximum(n, 1))
    return np.asarray(np.log10(hidden) / 2 + growth), np.asarray(growth + edge / 2)


def jordan_entry(value: Number, lag: Real, above: int) -> np.ndarray:
    """Return log10 of the entry of the ``lag``-th power of a Jordan block, ``above`` places over the diagonal.

    binomial(n, m) lambda^(n - m) (Horn and Johnson 2013, section 3.2): the norm first grows, however small the
    eigenvalue, which is what a spectral radius does not show. -inf where m > n.
    """
    from scipy.special import gammaln

    n = np.asarray(lag, float)
    with np.errstate(divide="ignore"):
        choices = gammaln(n + 1) - gammaln(above + 1) - gammaln(n - above + 1)
        return np.where(n < above, -np.inf, choices / LN10 + (n - above) * np.log10(abs(value)))

"""The product of forget gates, f_t = sigma(net input): in decades, for three kinds of net input."""

from typing import NamedTuple

import numpy as np

from carousel.analysis.theory.gaussian import gaussian_mean
from carousel.analysis.theory.scalar import LN10, Number, Real, log10_sigmoid

FADED = 60.0  # nats below its peak, from which an integrand is left out: 1e-26


class Moments(NamedTuple):
    """Mean and variance of a sum of logs, in decades and decades squared."""

    mean: float
    variance: float

    @property
    def deviation(self) -> float:
        """Return the standard deviation, in decades."""
        return float(np.sqrt(self.variance))


def forget_product(bias: Number, lag: Real) -> np.ndarray:
    """Return log10 of the product of ``lag`` forget gates whose net input is the constant ``bias``."""
    return np.asarray(lag * log10_sigmoid(bias))


def bias_for(lag: Real, left: Number = 0.5) -> np.ndarray:
    """Return the constant net input b at which a share ``left`` is left of sigma(b)^n over n = ``lag`` steps.

    b = -log(left^(-1/n) - 1), for left between 0 and 1.
    """
    return np.asarray(-np.log(np.expm1(-np.log(left) / np.asarray(lag, float))))


def bias_for_long(lag: Real, left: Number = 0.5) -> np.ndarray:
    """Return `bias_for` at long lags: log(n / log(1 / left)), for one half log(n / log 2).

    It is too large by log(1 / left) / 2n, and terms in the square of that: ten times the lag costs 2.3 of bias.
    """
    return np.asarray(np.log(np.asarray(lag, float) / -np.log(left)))


def gaussian_gate(bias: Number, deviation: Number) -> Moments:
    """Return the moments of log10 sigma(v), v Gaussian with mean ``bias`` and standard deviation ``deviation``.

    The mean is the rate, in decades per step, of a carousel whose gate sees white Gaussian noise. By Jensen's
    inequality it is below log10 sigma(bias): noise shortens memory.
    """
    mean = gaussian_mean(lambda v: log10_sigmoid(bias + v), deviation)
    spread = gaussian_mean(lambda v: (log10_sigmoid(bias + v) - mean) ** 2, deviation)
    return Moments(mean, spread)


def gaussian_product(bias: Number, deviation: Number, lag: int) -> Moments:
    """Return the moments of log10 of a product of ``lag`` independent such gates: both grow with the lag.

    The spread is then a share 1 / sqrt(lag) of the mean: the longer the lag, the better one rate describes all.
    """
    one = gaussian_gate(bias, deviation)
    return Moments(lag * one.mean, lag * one.variance)


def chrono_gate(u: Real) -> np.ndarray:
    """Return log10 sigma(log u) = log10(u / (1 + u)), the gate of a unit that chrono gave the bias log u."""
    return np.asarray(-np.log1p(1 / np.asarray(u, float)) / LN10)


def chrono_time(length: Number, share: Real) -> np.ndarray:
    """Return the time scale 1 / (1 - f), in steps, below which that share of the units lies.

    Chrono draws b = log u with u uniform on [1, T - 1] (Tallec and Ollivier 2018, section 2), so that
    1 / (1 - f) = 1 + u is uniform on [2, T]. ``length`` is T > 2; raises ValueError below.
    """
    return np.asarray(2 + (_slowest(length) - 1) * share)


def chrono_rate(length: Number) -> float:
    """Return the mean over chrono's units of log10 f, in decades per step.

    The mean of log u - log(1 + u) over [1, T - 1]: ((T - 1) log(T - 1) - T log T + 2 log 2) / (T - 2).
    It falls as log10(T) / T, while the slowest unit loses 1 / T.
    """
    last = _slowest(length)
    area = last * np.log(last) - (last + 1) * np.log(last + 1) + 2 * np.log(2)
    return float(area / (last - 1) / LN10)


def chrono_norm(length: Number, lag: Number) -> float:
    """Return log10 of the root mean square over chrono's units of f^lag: a norm, where chrono_rate is a mean of logs.

    The slowest units rule it. Over the first T steps it loses a factor of about five, where the mean of the logs
    loses about T; at lags n well beyond T it goes as ((T - 1) / T)^n sqrt(T / 2n).
    """
    from scipy.integrate import quad

    last = _slowest(length)
    peak = float(chrono_gate(last)) * LN10

    def over_peak(s: Number) -> float:
        return float(np.exp(2 * lag * (-np.log1p(np.exp(-s)) - peak) + s))

    faded = np.exp(peak - FADED / (2 * lag)) if lag else 0.0  # the gate whose units no longer count
    lowest = max(0.0, np.log(faded / (1 - faded))) if lag else 0.0
    area = quad(over_peak, lowest, np.log(last), epsabs=0, epsrel=1e-13, limit=200)[0]
    return float(lag * peak + np.log(area / (last - 1)) / 2) / LN10


def _slowest(length: Number) -> float:
    """Return T - 1, the largest u."""
    if length <= 2:
        raise ValueError(f"chrono's time scales lie between 2 and T; found T = {length}")
    return length - 1.0

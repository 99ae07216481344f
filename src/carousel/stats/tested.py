"""Tests of one value per repetition, and their correction for being many."""

from collections.abc import Sequence

import numpy as np

from carousel.stats.resampling import SEED

EXACT = 12  # repetitions up to which the signed-rank test runs through every flip of sign


def signed_rank(values: np.ndarray, margin: float) -> float:
    """Return Wilcoxon's two-sided signed-rank p for one value per repetition against ``margin``.

    Exact over all flips of sign up to EXACT repetitions, ties and infinities ranked; beyond, a random sample
    of flips. Zeros stay in with no sign (Pratt 1959).
    """
    from scipy.stats import rankdata

    values = np.asarray(values, float) - margin
    if len(values) == 0 or np.isnan(values).any() or not values.any():
        return 1.0
    ranks = rankdata(np.abs(values)) * (values != 0)
    if len(values) <= EXACT:
        flips = 1 - 2 * (np.arange(2 ** len(values))[:, None] >> np.arange(len(values)) & 1)
    else:
        flips = np.random.default_rng(SEED).choice([-1, 1], size=(2**EXACT, len(values)))
        flips[0] = np.sign(values)  # what was seen counts as one of the flips: p is never zero
    extreme = np.abs(flips @ ranks) >= np.abs(np.sign(values) @ ranks) - 1e-9
    return float(extreme.mean())


def holm(p: np.ndarray | Sequence[float]) -> np.ndarray:
    """Return Holm's adjusted p values over a family of comparisons (empty in, empty out)."""
    from statsmodels.stats.multitest import multipletests

    p = np.asarray(p, float)
    return multipletests(p, method="holm")[1] if len(p) else p

"""Intervals over repetitions, by resampling them.

The measurements have two levels, but crossed ones: a repetition is a set of seeds that runs through all settings.
The settings are those that a study asks about, so they are not drawn from anything and never resampled. Weights
are seeded by init, size and repetition, data by task, length and repetition: settings of one repetition share them,
and their errors go together (correlations up to 1 in the standard study). Drawing repetitions apart in every setting
would average that common error away as if it were each setting's own. So a hierarchical bootstrap here takes the
settings together within each repetition, and draws whole repetitions, which are independent of one another.
"""

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import pandas as pd

from carousel.analysis.stats.tables import by_repetition, lower_medians

LEVEL = 0.95
DRAWS = 2000  # bootstrap draws: the interval's ends move by about 2 % of its width
TOGETHER = 64  # samples resampled at a time: 10 MB of draws
SEED = 20150804  # of the bootstrap: same tables, same verdicts


def bootstrap(
    statistic: Callable[[np.ndarray], np.ndarray], repetitions: int, rng: np.random.Generator
) -> tuple[float, float]:
    """Return the 95 % interval of a statistic by resampling repetitions (expanded percentile bootstrap).

    ``statistic`` takes indices of shape (draws, repetitions) and returns (draws,). Settings share the seeds
    of a repetition, so whole repetitions are drawn. The tails are widened to those of Student's t, without
    which ten repetitions cover 90 % instead of 95 % (Hesterberg 2015, The American Statistician 69, 371).
    """
    if repetitions < 2:
        return np.nan, np.nan
    low, high = _ends(statistic(rng.integers(repetitions, size=(DRAWS, repetitions))), repetitions)
    return float(low), float(high)


def _ends(draws: np.ndarray, repetitions: int) -> np.ndarray:
    """Return the two ends [2, ...] of the interval by draws [..., draws]."""
    from scipy.special import ndtr, stdtrit

    tail = stdtrit(repetitions - 1, (1 - LEVEL) / 2) * np.sqrt(repetitions / (repetitions - 1))
    share = float(ndtr(tail))
    places = np.ceil(np.array([share, 1 - share]) * draws.shape[-1]).astype(int).clip(1) - 1
    return np.moveaxis(np.partition(draws, places, axis=-1)[..., places], -1, 0)


def hierarchical(
    table: pd.DataFrame, column: str, how: str = "median"
) -> tuple[float, float, float, np.ndarray]:
    """Return (effect, low, high) of ``column`` over settings and repetitions, and its value in each repetition.

    The lower level is the median (or mean) over the settings of a repetition, the upper one `interval` over
    repetitions drawn whole; the head of this module says why.
    """
    values = by_repetition(table, column, how)
    return *interval(values), values


def interval(values: np.ndarray | Sequence[float]) -> tuple[float, float, float]:
    """Return (effect, low, high) of one value per repetition: the mean, or the median if one is infinite."""
    effect, low, high = intervals([np.asarray(values, float)])[0].tolist()
    return effect, low, high


def sampled(table: pd.DataFrame, groups: np.ndarray, column: str) -> list[np.ndarray]:
    """Return ``column`` as one sample per group, in the order of the repetitions: the bootstrap draws by place.

    ``groups`` [rows] numbers each row's, from 0 without a gap.
    """
    order, count = np.lexsort([table["repetition"], groups]), np.bincount(groups)
    return np.split(table[column].to_numpy(float)[order], np.cumsum(count) - count)[1:]


def intervals(samples: Sequence[np.ndarray]) -> np.ndarray:
    """Return `interval` of each sample, shape (samples, 3): those of one size many at a time."""
    found = np.full((len(samples), 3), np.nan)
    sizes = np.array([len(sample) for sample in samples], int)
    finite = np.array([np.isfinite(sample).all() for sample in samples], bool)
    infinite = np.array([np.isinf(sample).any() and not np.isnan(sample).any() for sample in samples], bool)
    for (centre, kind), size in product(
        ((np.mean, finite), (_lower_median, infinite)), np.unique(sizes[sizes > 0])
    ):
        places = np.flatnonzero(kind & (sizes == size))
        for start in range(0, len(places), TOGETHER):
            part = places[start : start + TOGETHER]
            found[part] = _centred(np.stack([samples[i] for i in part.tolist()]), centre)
    return found


def _centred(values: np.ndarray, centre: Callable[..., np.ndarray]) -> np.ndarray:
    """Return (effect, low, high) of each row of values [samples, repetitions]."""
    repetitions = values.shape[1]
    if repetitions < 2:
        return np.pad(values, ((0, 0), (0, 2)), constant_values=np.nan)
    index = np.random.default_rng(SEED).integers(repetitions, size=(DRAWS, repetitions))
    low, high = _ends(centre(np.take(values, index, axis=1), axis=-1), repetitions)
    return np.stack([centre(values, axis=-1), low, high], axis=1)


def _lower_median(values: np.ndarray, axis: int) -> np.ndarray:
    return np.quantile(values, 0.5, axis=axis, method="inverted_cdf")


def centres(groups: np.ndarray, values: np.ndarray, size: int) -> np.ndarray:
    """Return the centre of each group, shape (size,), as `interval` takes it: ``groups`` numbers each value's."""
    count = np.bincount(groups, minlength=size)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(groups, values, size) / count
    infinite = np.bincount(groups, np.isinf(values), size) > 0
    unknown = np.bincount(groups, np.isnan(values), size) > 0
    return np.where(infinite & ~unknown, lower_medians(groups, values, size), mean)


def spread(table: pd.DataFrame, by: Sequence[str], column: str = "rate") -> pd.DataFrame:
    """Return per group and backend: effect, low, high over repetitions; repetitions; n (models)."""
    rows = []
    for key, group in table.groupby([*by, "backend"], observed=True):
        effect, low, high, values = hierarchical(group, column)
        rows.append((*key, effect, low, high, len(values), len(group)))
    return pd.DataFrame(rows, columns=[*by, "backend", "effect", "low", "high", "repetitions", "n"])

"""Rates, intervals and tests: functions from the measured tables to smaller tables.

A rate is the slope of log10 of a norm against lag, in decades per step: negative = the gradient decays on its
way back. -inf = exactly zero. Tables of rates have one row per model (the columns MODEL).
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

MODEL = ["backend", "device", "dtype", "slice", "cell", "init", "gain", "forget_bias", "bias", "hidden",
         "length", "repetition", "trained", "step", "gradient"]  # fmt: skip
PAIR = [name for name in MODEL if name not in ("backend", "device")]  # the same model on either backend
SETTING = [name for name in PAIR if name != "repetition"]
RUN = ["backend", "device", "dtype", "slice", "cell", "init", "gain", "forget_bias", "hidden", "task",
       "repetition", "gradient"]  # fmt: skip

FIT_WINDOW = (0.1, 0.9)  # of the length: before it the readout's transient, after it the initial state's
STEADY = float(np.log10(2) / 100)  # decades per step: less than a factor of 2 in 100 steps is "constant"
FITTED = 2 / 3  # of the window: models of decay are fitted on it and judged on the rest
PARSIMONY = 0.8  # a richer model must leave less than this share of the simpler one's held-out error ...
RESOLUTION = 1e-3  # ... and less than this many decades below it: smaller gains are rounding or noise
LEVEL = 0.95
DRAWS = 2000  # bootstrap draws: the interval's ends move by about 2 % of its width
EXACT = 12  # repetitions up to which the signed-rank test runs through every flip of sign
SEED = 20150804  # of the bootstrap: same tables, same verdicts


def select(table: pd.DataFrame, **wanted: object) -> pd.DataFrame:
    """Return the rows whose columns equal the values given (a list or tuple: any of them)."""
    keep = np.ones(len(table), bool)
    for name, value in wanted.items():
        values = list(value) if isinstance(value, (list, tuple)) else [value]
        keep &= table[name].isin(values).to_numpy()
    return table[keep]


def rates(decay: pd.DataFrame, quantity: str, path: str) -> pd.DataFrame:
    """Return one row per model with ``rate`` (decades per step), ``intercept``, ``points`` and ``zero_share``.

    Least squares over the lags in FIT_WINDOW. Where more than half of the sequences are exactly zero at some
    lag of the window, the typical gradient is zero and the rate is -inf; otherwise the slope is that of the
    sequences still alive and ``zero_share`` tells how many were not.
    """
    rows = _window(select(decay, quantity=quantity, path=path))
    codes, models = _models(rows)
    zero = (rows["n_zero"] / rows["n"]).to_numpy(float)
    zero_share = _extreme(codes, zero, len(models))
    y = np.where(zero > 0.5, 0.0, rows["log10_norm"].to_numpy(float))
    slope, intercept = _least_squares(codes, rows["lag"].to_numpy(float), y, len(models))
    dead, points = zero_share > 0.5, np.bincount(codes, minlength=len(models))
    return models.assign(
        rate=np.where(dead, -np.inf, np.where(points < 2, np.nan, slope)),
        intercept=np.where(dead, -np.inf, intercept),
        points=points,
        zero_share=zero_share,
    )


def _window(rows: pd.DataFrame) -> pd.DataFrame:
    low, high = FIT_WINDOW
    return rows[(rows["lag"] >= low * rows["length"]) & (rows["lag"] <= high * rows["length"])]


def _models(rows: pd.DataFrame) -> tuple[np.ndarray, pd.DataFrame]:
    """Return each row's model number and the table of models, one row each."""
    codes = rows.groupby(MODEL, observed=True, sort=False, dropna=False).ngroup().to_numpy()
    _, first = np.unique(codes, return_index=True)
    return codes, rows[MODEL].iloc[first].reset_index(drop=True)


def _extreme(codes: np.ndarray, values: np.ndarray, size: int) -> np.ndarray:
    largest = np.zeros(size)
    np.maximum.at(largest, codes, values)
    return largest


def _least_squares(
    codes: np.ndarray, x: np.ndarray, y: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return slope and intercept per group by centred sums; the slope is 0 where x does not vary."""
    with np.errstate(invalid="ignore", divide="ignore"):
        n = np.bincount(codes, minlength=size)
        x_mean = np.bincount(codes, x, size) / n
        y_mean = np.bincount(codes, y, size) / n
        dx = x - x_mean[codes]
        dx2 = np.bincount(codes, dx * dx, size)
        slope = np.where(dx2 > 0, np.bincount(codes, dx * (y - y_mean[codes]), size) / dx2, 0.0)
        return slope, y_mean - slope * x_mean


def half_life(rate: np.ndarray | pd.Series | float) -> np.ndarray:
    """Return the steps in which the gradient halves; 0 for a rate of -inf, inf where it does not decay."""
    rate = np.asarray(rate, float)
    with np.errstate(divide="ignore"):
        return np.where(rate < 0, np.log10(2) / np.abs(rate), np.where(np.isnan(rate), np.nan, np.inf))


def regime(rate: np.ndarray | pd.Series | float) -> np.ndarray:
    """Return "vanishing", "steady" or "exploding" by the margin STEADY ("unknown" for NaN)."""
    rate = np.asarray(rate, float)
    return np.select(
        [rate < -STEADY, rate > STEADY, np.isnan(rate)], ["vanishing", "exploding", "unknown"], "steady"
    )


def best_model(decay: pd.DataFrame, quantity: str, path: str) -> pd.DataFrame:
    """Return one row per model with the held-out errors (decades, root mean square) and the ``best`` of them.

    Constant, exponential (log10 norm linear in lag) and power law (linear in log lag) are fitted on the first
    two thirds of FIT_WINDOW and judged on the last third. A slope must earn its place: see PARSIMONY. ``best``
    is "none" where fewer than two lags are left on either side, or the gradient is exactly zero there.
    """
    rows = _window(select(decay, quantity=quantity, path=path))
    codes, models = _models(rows)
    x, y = rows["lag"].to_numpy(float), rows["log10_norm"].to_numpy(float)
    low, high = FIT_WINDOW
    early = x <= (low + FITTED * (high - low)) * rows["length"].to_numpy(float)
    flat = np.zeros_like(x)
    for name, column in (("constant", flat), ("exponential", x), ("power", np.log10(np.maximum(x, 1)))):
        models[name] = _held_out(codes, column, y, early, len(models))
    models["best"] = _simplest(models)
    return models


def _held_out(codes: np.ndarray, x: np.ndarray, y: np.ndarray, early: np.ndarray, size: int) -> np.ndarray:
    slope, intercept = _least_squares(codes[early], x[early], y[early], size)
    late = ~early
    with np.errstate(invalid="ignore", divide="ignore"):
        residual = y[late] - (intercept[codes[late]] + slope[codes[late]] * x[late])
        count = np.bincount(codes[late], minlength=size)
        return np.sqrt(np.bincount(codes[late], residual**2, size) / count)


def _simplest(models: pd.DataFrame) -> np.ndarray:
    constant = models["constant"].to_numpy()
    sloped = models[["exponential", "power"]].to_numpy()
    name = np.where(sloped[:, 0] <= sloped[:, 1], "exponential", "power")
    least = sloped.min(axis=1)
    earned = (least < PARSIMONY * constant) & (least < constant - RESOLUTION)
    return np.where(np.isfinite(constant) & np.isfinite(least), np.where(earned, name, "constant"), "none")


def bootstrap(
    statistic: Callable[[np.ndarray], np.ndarray], repetitions: int, rng: np.random.Generator
) -> tuple[float, float]:
    """Return the 95 % interval of a statistic by resampling repetitions (expanded percentile bootstrap).

    ``statistic`` takes indices of shape (draws, repetitions) and returns (draws,). Settings share the seeds
    of a repetition, so whole repetitions are drawn. The tails are widened to those of Student's t, without
    which ten repetitions cover 90 % instead of 95 % (Hesterberg 2015, The American Statistician 69, 371).
    """
    from scipy.stats import norm, t

    if repetitions < 2:
        return np.nan, np.nan
    draws = statistic(rng.integers(repetitions, size=(DRAWS, repetitions)))
    tail = t.ppf((1 - LEVEL) / 2, repetitions - 1) * np.sqrt(repetitions / (repetitions - 1))
    share = float(norm.cdf(tail))
    low, high = np.quantile(draws, [share, 1 - share], method="inverted_cdf")
    return float(low), float(high)


def interval(values: np.ndarray | Sequence[float]) -> tuple[float, float, float]:
    """Return (effect, low, high) of one value per repetition: the mean, or the median if one is infinite."""
    values = np.asarray(values, float)
    if len(values) == 0 or np.isnan(values).any():
        return np.nan, np.nan, np.nan
    centre = np.mean if np.isfinite(values).all() else _lower_median
    rng = np.random.default_rng(SEED)
    low, high = bootstrap(lambda index: centre(values[index], axis=-1), len(values), rng)
    return float(centre(values, axis=-1)), low, high


def _lower_median(values: np.ndarray, axis: int) -> np.ndarray:
    return np.quantile(values, 0.5, axis=axis, method="inverted_cdf")


def by_repetition(table: pd.DataFrame, column: str, how: str = "median") -> np.ndarray:
    """Return one value per repetition: the median (or mean) of ``column`` over that repetition's settings.

    Where the median would be the mean of two opposite infinities it is the lower one.
    """
    groups = table.dropna(subset=[column]).groupby("repetition", observed=True)[column]
    values = groups.agg(how)
    return values.where(values.notna(), groups.min()).to_numpy(float)


def repeated(table: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """Return the rows of settings measured in at least ``minimum`` repetitions, backend by backend."""
    keys = [name for name in ["backend", *SETTING, "task", "rival"] if name in table]
    counts = table.groupby(keys, observed=True, dropna=False)["repetition"].transform("nunique")
    return table[counts >= minimum]


def spread(table: pd.DataFrame, by: Sequence[str], column: str = "rate") -> pd.DataFrame:
    """Return per group and backend: effect, low, high over repetitions; repetitions; n (models)."""
    rows = []
    for key, group in table.groupby([*by, "backend"], observed=True):
        values = by_repetition(group, column)
        effect, low, high = interval(values)
        rows.append((*key, effect, low, high, len(values), len(group)))
    return pd.DataFrame(rows, columns=[*by, "backend", "effect", "low", "high", "repetitions", "n"])


def paired(table: pd.DataFrame, left: str, right: str, column: str = "rate") -> pd.DataFrame:
    """Return the models of cell ``left`` with ``column`` of cell ``right`` beside it as ``column_right``.

    Paired on everything but cell and forget bias: both cells saw the same seeds, data and length.
    """
    on = [name for name in [*MODEL, "task"] if name in table and name not in ("cell", "forget_bias")]
    other = select(table, cell=right)[[*on, column]].drop_duplicates(on)
    return select(table, cell=left).merge(other, on=on, suffixes=("", "_right"))


def difference(left: pd.Series, right: pd.Series) -> np.ndarray:
    """Return left - right, where two equal infinities differ by nothing."""
    left, right = np.asarray(left, float), np.asarray(right, float)
    with np.errstate(invalid="ignore"):
        return np.where(left == right, 0.0, left - right)


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


def longest_solved(accuracy: pd.DataFrame) -> pd.DataFrame:
    """Return one row per RUN with the longest length solved at any evaluation, censoring included.

    ``longest`` is 0 where no length was solved; ``shortest_tried`` and ``longest_tried`` bound what could be
    seen; ``censored``: "below" (nothing solved), "above" (the longest tried was solved: it may reach further)
    or "". ``octaves`` is log2(longest), with one octave below the shortest tried for a run that solved none.
    """
    keys = [*RUN, "length"]
    solved = accuracy.groupby(keys, observed=True)["solved"].any().reset_index()
    solved["longest"] = solved["length"].where(solved["solved"], 0)
    runs = solved.groupby(RUN, observed=True).agg(
        longest=("longest", "max"), shortest_tried=("length", "min"), longest_tried=("length", "max")
    )
    above, below = runs["longest"] == runs["longest_tried"], runs["longest"] == 0
    runs["censored"] = np.select([above, below], ["above", "below"], "")
    runs["octaves"] = np.log2(runs["longest"].where(~below, runs["shortest_tried"] / 2))
    return runs.reset_index()

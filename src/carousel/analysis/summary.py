"""The decay of every setting on one line: rate, half-life, reach, shape and regime.

`summarise` reads the decay table and nothing else. A setting is one line of the study on one backend; its
repetitions are what the intervals run over. Fewer than ten repetitions make intervals that cover less than
they say, and one makes none.
"""

import numpy as np
import pandas as pd

from carousel.analysis.prediction import predicted
from carousel.analysis.stats.curves import best_model
from carousel.analysis.stats.resampling import centres, intervals, sampled
from carousel.analysis.stats.slopes import FIT_WINDOW, half_life, margin, rates, regime_between
from carousel.analysis.stats.tables import MODEL, SETTING, grouped, heads, select
from carousel.tables.runs import Runs
from carousel.tables.schemas import names

KEYS = ["backend", "device", *SETTING]
READ = [
    *names("decay", "factor", "condition", "place"),
    "quantity",
    "path",
    "lag",
    "log10_norm",
    "n_zero",
    "n",
    "cosine",
]
"""The columns of the decay table that are summed up, here and in `routes`."""
SUMMARISED = (  # quantity, path: what a setting is summarised by
    ("loss_state", "full"),  # the gradient itself, h and c together
    ("cec", "cell"),  # the carousel alone, from c to c
    ("factor_product", "formula"),  # the product of forget gates, or of w phi' in a chain
)
# Decades that a plain program has, below and above 1, before it loses a number. Below: the smallest normal one.
# Smaller ones have fewer digits the smaller they are, and flags and GPU kernels set them to zero.
PRECISIONS = {
    name: (float(np.log10(float(np.finfo(name).tiny))), float(np.log10(float(np.finfo(name).max))))
    for name in ("float32", "float64")
}
SHAPES = (
    "constant",
    "exponential",
    "power",
    "none",
)  # the simpler one first: it is taken where two are as frequent


def summarise(decay: pd.DataFrame | Runs) -> pd.DataFrame:
    """Return one row per setting, backend, and quantity of SUMMARISED, sorted by them.

    rate, low, high: decades per step, mean over repetitions with its 95 % interval (`stats.interval`: the lower
    median where a repetition's rate is infinite), NaN where the window holds fewer than two lags.
    window_low, window_high: the first and the last lag that the rate was fitted on.
    half_life, half_life_low, half_life_high: steps; the rate's own and those of its interval's ends.
    float32_lag, float64_lag: the lag at which the mean gradient, relative to lag 0, leaves the normal numbers
    of that precision. float32_end: how, "underflow" or "overflow"; "steady" (lag inf) for a rate so small that
    it is not extrapolated; "unclear" (lag NaN) where the regime is unclear or unknown. float32_extrapolated: no
    lag that was measured gets there, and the lag follows from the rate.
    best, best_share: the model that predicts held-out lags best in most repetitions, and their share.
    regime: vanishing, steady or exploding, where the whole interval is; unclear where it straddles -STEADY or
    STEADY, unknown without an interval. margin: the interval's distance from the nearer of the two.
    law, theory: the closed form that applies, and the rate that it predicts ("" and NaN: there is none).
    zero_share: the largest share of exactly zero sequences at a lag of the window, mean over repetitions.
    """
    selected = {key: select(decay, quantity=key[0], path=key[1]) for key in SUMMARISED}
    parts = [_summary(rows, *key) for key, rows in selected.items() if len(rows)]
    if not parts:
        return pd.DataFrame(columns=names("summary"))
    table = pd.concat(parts, ignore_index=True).sort_values(["quantity", "path", *KEYS], ignore_index=True)
    return table.join(predicted(table.assign(input_size=input_sizes(decay, table["slice"]))))[
        names("summary")
    ]


def input_sizes(decay: pd.DataFrame | Runs, slices: pd.Series) -> pd.Series:
    """Return each row's ``input_size``: that of its slice, NaN where the table has none."""
    known = (
        heads(decay)
        .reindex(columns=["slice", "input_size"])
        .groupby("slice", observed=True)["input_size"]
        .first()
    )
    return known.reindex(slices.astype(str)).set_axis(slices.index)


def _summary(rows: pd.DataFrame, quantity: str, path: str) -> pd.DataFrame:
    """Return the summary of one quantity, whose rows of the decay table are given."""
    codes, models = grouped(rows, MODEL)
    setting, table = grouped(models, KEYS)
    fitted = rates(rows, quantity, path).assign(best=best_model(rows, quantity, path)["best"])
    models = models.merge(fitted, on=MODEL, how="left")  # those too short for a rate stay, with NaN
    curve = mean_curve(rows, codes, setting)
    table = table.assign(
        quantity=quantity, path=path, **_rates(models, setting), **_window(curve, table["length"])
    )
    for name, (smallest, largest) in PRECISIONS.items():
        lost = reach(curve, table, smallest, largest)
        table = table.assign(**{f"{name}_{what}": values for what, values in lost.items()})
    return table.assign(**_shapes(models["best"], setting, len(table)))


def _rates(models: pd.DataFrame, setting: np.ndarray) -> dict[str, np.ndarray]:
    """Return all columns that follow from the rates of a setting's models."""
    count = np.bincount(setting)
    rate, low, high = intervals(sampled(models, setting, "rate")).T
    zero = np.bincount(setting, models["zero_share"].to_numpy()) / count
    names = ("half_life", "half_life_low", "half_life_high")
    lives = dict(zip(names, map(half_life, (rate, low, high)), strict=True))
    words = {"regime": regime_between(low, high), "margin": margin(low, high)}
    return {
        "rate": rate,
        "low": low,
        "high": high,
        **lives,
        **words,
        "zero_share": zero,
        "repetitions": count,
    }


def _shapes(best: pd.Series, setting: np.ndarray, size: int) -> dict[str, np.ndarray]:
    """Return the most frequent of SHAPES among a setting's models, and its share."""
    codes = pd.Categorical(best.fillna("none"), SHAPES).codes
    counts = np.bincount(setting * len(SHAPES) + codes, minlength=size * len(SHAPES)).reshape(size, -1)
    return {
        "best": np.array(SHAPES)[counts.argmax(axis=1)],
        "best_share": counts.max(axis=1) / counts.sum(axis=1),
    }


def mean_curve(rows: pd.DataFrame, codes: np.ndarray, setting: np.ndarray) -> pd.DataFrame:
    """Return one row per setting and lag, sorted: setting, lag, and y, the mean over repetitions.

    y: decades relative to lag 0. -inf where the typical gradient is exactly zero: in more than half of the
    sequences, in the lower median of the repetitions. ``codes`` [rows]: each row's model; ``setting`` [models].
    """
    lag = rows["lag"].to_numpy(int)
    y = np.where(rows["n_zero"] > rows["n"] / 2, -np.inf, rows["log10_norm"])
    start = np.full(len(setting), np.nan)
    start[codes[lag == 0]] = y[lag == 0]
    with np.errstate(invalid="ignore"):
        y = np.where(np.isneginf(y), y, y - start[codes])
    width = lag.max(initial=0) + 1
    points, point = np.unique(setting[codes] * width + lag, return_inverse=True)
    return pd.DataFrame(
        {"setting": points // width, "lag": points % width, "y": centres(point, y, len(points))}
    )


def _window(curve: pd.DataFrame, length: pd.Series) -> dict[str, np.ndarray]:
    """Return the first and last lag in FIT_WINDOW of each setting's length, and y there (NaN: there is none)."""
    share = curve["lag"].to_numpy() / length.to_numpy()[curve["setting"]]
    inside = curve[(share >= FIT_WINDOW[0]) & (share <= FIT_WINDOW[1])]
    ends = inside.groupby("setting").agg(low=("lag", "first"), high=("lag", "last"), y=("y", "last"))
    ends = ends.reindex(range(len(length))).to_numpy(float)
    return dict(zip(("window_low", "window_high", "window_y"), ends.T, strict=True))


def reach(curve: pd.DataFrame, table: pd.DataFrame, smallest: float, largest: float) -> dict[str, np.ndarray]:
    """Return ``lag``, ``end`` and ``extrapolated`` of each setting, for numbers of so many decades around 1.

    Where the mean curve leaves them, by interpolation; otherwise from the end of the window on at the setting's
    rate, if its regime says that it gets there at all.
    """
    under = _first_below(curve, curve["y"].to_numpy(), smallest, len(table))
    over = _first_below(curve, -curve["y"].to_numpy(), -largest, len(table))
    measured = np.isfinite(np.minimum(under, over))
    vanishing, exploding, steady = (table["regime"] == name for name in ("vanishing", "exploding", "steady"))
    limit = np.select([vanishing, exploding], [smallest, largest], np.nan)
    further = table["window_high"] + (limit - table["window_y"]) / table["rate"].where(~steady)
    further = np.maximum(further, table["length"]).mask(steady, np.inf).to_numpy()
    lag = np.where(measured, np.minimum(under, over), further)
    down = np.where(measured, under < over, vanishing)
    end = np.select([np.isnan(lag), np.isinf(lag), down], ["unclear", "steady", "underflow"], "overflow")
    return {"lag": lag, "end": end, "extrapolated": ~measured & np.isfinite(lag)}


def _first_below(curve: pd.DataFrame, y: np.ndarray, limit: float, size: int) -> np.ndarray:
    """Return the lag at which each setting's ``y`` first crosses ``limit``, inf where it does not.

    Between two recorded lags y is a straight line; it is zero from the first recorded lag on that says so.
    """
    setting, lag = curve["setting"].to_numpy(), curve["lag"].to_numpy(float)
    place = np.flatnonzero(y < limit)
    found, first = np.unique(setting[place], return_index=True)
    here = place[first]
    before = here - ((here > 0) & (setting[here - 1] == found))
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (limit - y[before]) / (y[here] - y[before])
    share = np.where(np.isfinite(y[here]) & (before < here), share, 1.0)
    crossed = np.full(size, np.inf)
    crossed[found] = lag[before] + share * (lag[here] - lag[before])
    return crossed

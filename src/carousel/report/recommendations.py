"""What a practitioner should set for the lag that is needed, read from the summary and from what was learned.

`recommend` looks at gradients before training: for each lag and cell, the setting closest to a library's own that
carries the gradient so far. `learned` looks at training: for each setting and length, how many seeds solved the task.
"""

import numpy as np
import pandas as pd

from carousel.analysis.stats.tables import select
from carousel.analysis.text import bias_order
from carousel.axes import BACKENDS, LAGS, NOISE
from carousel.tables.schemas import names

KEPT = 1.0  # decades: a gradient that stays within a factor of ten is one that training can follow
WINDOW = 0.9  # of the length: the last lag that rates are fitted on
USUAL = ("torch", "orthogonal", "glorot", "gaussian", "identity")  # inits, a library's own first
PLACE = ["cell", "init", "forget_bias"]
TRAINED = ["task", *PLACE, "length"]


def recommend(summary: pd.DataFrame, driven: list[str]) -> pd.DataFrame:
    """Return one row per lag (steps) and cell: the setting to take, and how many of the cell's settings would do.

    `driven`: the slices that are driven by white noise, of the drives of NOISE. rate, low, high: decades per step, the
    widest interval of the backends; half_life: steps; decades: of the gradient after the lag. kept: within KEPT at
    both ends of the interval. Where no setting keeps it (kept False) the one that loses or gains least is given.
    """
    table = untrained(summary, driven)
    rows = [
        best(part, lag) for lag in LAGS for _, part in reaching(table, lag).groupby("cell", observed=True)
    ]
    return pd.DataFrame(rows, columns=names("advice"))


def untrained(summary: pd.DataFrame, driven: list[str]) -> pd.DataFrame:
    """Return the settings to recommend from, one row each: gain one, no bias, more than one unit, no training."""
    usual = {"trained": "no", "gain": 1.0, "bias": 0.0, "slice": driven, "drive": [*NOISE]}
    rows = select(summary, quantity="loss_state", path="full", **usual)
    keys = ["slice", *PLACE, "drive", "hidden", "length"]
    both = rows[rows["hidden"] > 1].groupby(keys, observed=True)
    table = both.agg(rate=("rate", "mean"), low=("low", "min"), high=("high", "max"),
                     half_life=("half_life", "mean"), backends=("backend", "nunique")).reset_index()  # fmt: skip
    table = table.assign(place=table["drive"].astype(str).map(NOISE.index))
    table = table[table["backends"] == len(BACKENDS)].sort_values(
        ["hidden", "place", "slice"], ascending=[False, True, True]
    )
    return table.drop_duplicates([*PLACE, "length"]).astype(dict.fromkeys(PLACE, str))


def reaching(table: pd.DataFrame, lag: int) -> pd.DataFrame:
    """Return each setting at the shortest of its lengths on which a rate was fitted at this lag."""
    rows = table[table["length"] * WINDOW >= lag].sort_values("length", kind="stable")
    return rows.drop_duplicates(PLACE)


def best(settings: pd.DataFrame, lag: int) -> dict:
    """Return the row of one cell and lag: of those that keep the gradient, the first by `order`."""
    worst = np.maximum(settings["low"].abs(), settings["high"].abs()) * lag
    kept = (worst <= KEPT).to_numpy()
    chosen = order(settings[kept]).iloc[0] if kept.any() else settings.loc[worst.fillna(np.inf).idxmin()]
    found = {name: chosen[name] for name in names("advice") if name in chosen}
    decades = chosen["rate"] * lag
    return found | {
        "lag": lag,
        "decades": decades,
        "kept": kept.any(),
        "n_kept": kept.sum(),
        "n": len(settings),
    }


def order(settings: pd.DataFrame) -> pd.DataFrame:
    """Return the settings, those closest to a library's own first: by init, then from the smallest forget bias up."""
    inits = {name: place for place, name in enumerate(USUAL)}
    biases = {name: place for place, name in enumerate(bias_order(settings["forget_bias"]))}
    return settings.assign(
        a=settings["init"].map(inits).fillna(len(USUAL)), b=settings["forget_bias"].map(biases)
    ).sort_values(["a", "init", "b"])


def learned(accuracy: pd.DataFrame, summary: pd.DataFrame) -> pd.DataFrame:
    """Return one row per task, setting and length: the seeds that solved it on every backend, of those tried.

    share, low, high: with Wilson's 95 % interval. rate, half_life: of the gradient at the same length before the
    first step of training (decades per step; steps).
    """
    full = select(accuracy, gradient="full")
    runs = full.groupby([*TRAINED, "slice", "repetition", "backend"], observed=True)["solved"].any()
    seeds = runs.groupby([*TRAINED, "slice", "repetition"], observed=True).all()
    table = seeds.groupby([*TRAINED, "slice"], observed=True).agg(solved="sum", seeds="size").reset_index()
    table = table.sort_values(["seeds", "slice"], ascending=[False, True]).drop_duplicates(TRAINED)
    shares = [share(row.solved, row.seeds) for row in table.itertuples()]
    table[["share", "low", "high"]] = np.reshape(shares, (-1, 3))
    table = table.astype(dict.fromkeys(["task", *PLACE], str))
    return table.merge(at_the_start(summary), "left").sort_values(TRAINED, ignore_index=True)[
        names("learned")
    ]


def by_bias(summary: pd.DataFrame, driven: list[str]) -> pd.DataFrame:
    """Return the half-life of every cell with a forget gate by forget bias, in order, all else equal.

    At the init and the length that have most forget biases: a library's own init, the longest, where as many do.
    """
    table = untrained(summary, driven)
    table = table[(table["forget_bias"] != "none") & ~table["forget_bias"].str.contains(":")]
    parts = [fullest(part) for _, part in table.groupby("cell", observed=True)]
    return pd.concat([order(part) for part in parts] or [table])[names("half_lives")].reset_index(drop=True)


def fullest(part: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of one cell at the init and length with most forget biases."""
    inits = {name: place for place, name in enumerate(USUAL)}
    sizes = part.groupby(["init", "length"], observed=True).size().rename("size").reset_index()
    sizes = sizes.assign(place=sizes["init"].map(inits).fillna(len(USUAL)))
    best = sizes.sort_values(["size", "place", "length"], ascending=[False, True, False]).iloc[0]
    return part[(part["init"] == best["init"]) & (part["length"] == best["length"])]


def share(solved: int, tried: int) -> tuple[float, float, float]:
    """Return a share and its 95 % interval (Wilson 1927, JASA 22, 209)."""
    from statsmodels.stats.proportion import proportion_confint

    return solved / tried, *proportion_confint(solved, tried, method="wilson")


def at_the_start(summary: pd.DataFrame) -> pd.DataFrame:
    """Return rate and half-life of the full gradient of each training setting at step 0, backends averaged."""
    rows = select(summary, quantity="loss_state", path="full", step=0, gradient="full")
    rows = rows.rename(columns={"trained": "task"})
    table = rows.groupby([*TRAINED, "slice"], observed=True)[["rate", "half_life"]].mean().reset_index()
    return table.astype(dict.fromkeys(["task", "slice", *PLACE], str))

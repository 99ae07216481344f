"""The decay curves as one compact document, for a page that draws the one that its reader asks for."""

import json
from typing import Any

import numpy as np
import pandas as pd

from carousel.analysis.stats.resampling import centres
from carousel.analysis.stats.tables import MODEL, grouped, heads, numbered, select
from carousel.analysis.text import bias_order
from carousel.axes import BACKENDS, NOISE, TASK_DRIVE
from carousel.tables.runs import Runs

FACTORS = ["cell", "init", "forget_bias", "length", "training"]  # what a reader chooses, beside the path
PATHS = ["full", "cell", "candidate", "gates", "truncated"]
SOURCE = ["slice", "hidden", "drive", "dtype"]  # what differs between two measurements of the same choice
SCALE = 1000  # numbers are whole thousandths of a decade: a line is a pixel wide at a hundredth
LEVEL = 0.95
READ = [*MODEL, "gradient", "quantity", "path", "lag", "log10_norm", "n_zero", "n"]  # of the decay table
SAME = 1e-6  # decades: a path that is the full gradient is not another curve
LAW_OF = {("loss_state", "full"): "full", ("cec", "cell"): "cell"}  # which path a law's rate belongs to


def explore(decay: pd.DataFrame | Runs, summary: pd.DataFrame) -> dict[str, Any]:
    """Return the document: factors and their levels, lags, and per setting the curve of each path.

    A curve is the mean over repetitions of log10 of the gradient's norm (decades), as differences from one recorded
    lag to the next, with half the width of Student's 95 % interval; null where the typical gradient is exactly
    zero. The first of BACKENDS that measured it; `apart` is the largest difference of another from it in decades.
    """
    table = curves(chosen(shown(decay)))
    predicted, found = theories(summary), levels(table)
    lags: dict[tuple[int, ...], int] = {}
    groups: dict[tuple, dict[str, pd.DataFrame]] = {}
    for key, group in table.groupby([*FACTORS, *SOURCE, "path"], observed=True):
        groups.setdefault(key[:-1], {})[key[-1]] = group
    settings = [setting(key, paths, found, lags, predicted.get(key, {})) for key, paths in groups.items()]
    return {"scale": SCALE, "factors": found, "paths": PATHS, "lags": [*lags], "settings": settings}


def text(document: dict[str, Any]) -> str:
    """Return the document as JSON in one line. Raises ValueError for NaN and infinity."""
    return json.dumps(document, separators=(",", ":"), allow_nan=False) + "\n"


def driven(decay: pd.DataFrame | Runs) -> list[str]:
    """Return the slices measured before training on white noise of one of the drives of NOISE; none of a search."""
    _, kinds = grouped(heads(decay), ["slice", "drive"])
    names = kinds.loc[kinds["drive"].isin(NOISE), "slice"].astype(str)
    return sorted(name for name in set(names) if not name.startswith("search"))


def shown(decay: pd.DataFrame | Runs) -> pd.DataFrame:
    """Return the rows that a reader may choose: gain one, no bias, usual input, full gradients; and `training`."""
    drives = [*NOISE, TASK_DRIVE]
    rows = select(
        decay, quantity="loss_state", gain=1.0, bias=0.0, drive=drives, gradient=["none", "full"], path=PATHS
    )
    trained = rows["trained"] != "no"
    rows = rows[(rows["hidden"] > 1) & (trained | rows["slice"].isin(driven(decay)))]
    return staged(rows)


def staged(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with `training`: "no", or the task and the step of training, as in "adding:300"."""
    codes, kinds = grouped(rows, ["trained", "step"])
    names = [
        trained if trained == "no" else f"{trained}:{step}" for trained, step in kinds.itertuples(index=False)
    ]
    return rows.assign(training=pd.Categorical(names).take(codes))


def chosen(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one measurement per choice: that of most units, then at the first drive of NOISE, then of most
    repetitions, then the first by name."""
    keys = [*FACTORS, *SOURCE]
    codes, table = grouped(rows, keys)
    place = table["drive"].astype(str).map([*NOISE, TASK_DRIVE].index)
    table = table.assign(repetition=rows["repetition"].groupby(codes).nunique(), place=place)
    order = ["hidden", "place", "repetition", "slice", "dtype"]
    table = table.sort_values(order, ascending=[False, True, False, True, False]).drop_duplicates(FACTORS)
    return rows[np.isin(codes, table.index)]


def curves(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per choice, path and lag: y, half, n (repetitions) of the first of BACKENDS that measured it.

    ``apart``: the largest difference of another backend's y from it, over the repetitions that both measured, in
    decades; NaN where there are none.
    """
    keys = [*FACTORS, *SOURCE, "path", "lag"]
    table, shared = by_backend(rows, keys), by_backend(measured_again(rows, keys), keys)
    again = shared.duplicated(keys)
    others = shared.loc[again, [*keys, "y"]].merge(shared[~again], on=keys, suffixes=("", "_first"))
    with np.errstate(invalid="ignore"):
        others = others.assign(apart=(others["y"] - others["y_first"]).abs())
    apart = others.groupby(keys, observed=True)["apart"].max().reset_index()
    return table.drop_duplicates(keys).merge(apart, "left", on=keys)


def by_backend(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Return one row per group and backend, sorted by them, with y, half and n as `summed` gives them."""
    codes, table = grouped(rows, [*keys, "backend"])
    table = table.assign(**summed(codes, rows, len(table)))
    return table.sort_values([*keys, "backend"], key=in_order)


def measured_again(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Return the rows of those repetitions that more than one backend measured."""
    codes = numbered(rows, [*keys, "repetition"])
    return rows[np.bincount(codes)[codes] > 1]


def in_order(column: pd.Series) -> pd.Series:
    """Return what rows are sorted by: backends by their place in BACKENDS, all else by itself."""
    return column.astype(str).map([*BACKENDS].index) if column.name == "backend" else column


def summed(codes: np.ndarray, rows: pd.DataFrame, size: int) -> dict[str, np.ndarray]:
    """Return y and half the width of its interval per group of repetitions, and how many there are.

    y is -inf where the typical gradient is exactly zero; half is NaN there and for fewer than two repetitions.
    """
    from scipy.special import stdtrit

    y = np.where(rows["n_zero"] > rows["n"] / 2, -np.inf, rows["log10_norm"].to_numpy(float))
    n, mean = np.bincount(codes, minlength=size), centres(codes, y, size)
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = np.bincount(codes, (y - mean[codes]) ** 2, size) / (n - 1)
        half = stdtrit(np.maximum(n - 1, 1), (1 + LEVEL) / 2) * np.sqrt(variance / n)
    return {"y": mean, "half": np.where(np.isfinite(half), half, np.nan), "n": n}


def levels(table: pd.DataFrame) -> dict[str, list]:
    """Return the levels of each factor, in the order in which a list should show them."""
    found: dict[str, list] = {name: sorted(table[name].unique().tolist()) for name in FACTORS}
    found["forget_bias"] = bias_order(table["forget_bias"])
    found["training"] = sorted(found["training"], key=stage)
    return found


def stage(training: str) -> tuple[str, int]:
    """Where a stage of training belongs: before all, then by task and step."""
    task, _, step = training.partition(":")
    return ("", 0) if task == "no" else (task, int(step))


NUMBERS = ["rate", "low", "high", "half_life"]
Law = dict[str, Any]  # rate, low, high, law, theory of a path


def setting(
    key: tuple, groups: dict[str, pd.DataFrame], found: dict[str, list], lags: dict, predicted: dict[str, Law]
) -> dict[str, Any]:
    """Return one choice as the page reads it; a list of lags that is new joins `lags`."""
    places = [found[name].index(value) for name, value in zip(FACTORS, key, strict=False)]
    name, hidden, drive, _ = key[len(FACTORS) :]
    here = tuple(groups["full"]["lag"].tolist())
    paths = {path: curve(groups[path], predicted.get(path, {})) for path in PATHS if differs(groups, path)}
    document = {"at": places, "lags": lags.setdefault(here, len(lags)), "n": int(groups["full"]["n"].max())}
    source = {"slice": name, "hidden": int(hidden), "drive": drive}
    return document | source | rated(predicted.get("full", {})) | {"paths": paths}


def differs(groups: dict[str, pd.DataFrame], path: str) -> bool:
    """Is this path a curve of its own: measured, not zero throughout, not the full gradient again?"""
    if path == "full" or path not in groups:
        return path == "full"
    y, full = groups[path]["y"].to_numpy(), groups["full"]["y"].to_numpy()
    later = groups[path]["lag"].to_numpy() > 0
    with np.errstate(invalid="ignore"):
        same = (y == full) | (np.abs(y - full) < SAME)
    return bool(np.isfinite(y[later]).any() and not same.all())


def curve(group: pd.DataFrame, law: Law) -> dict[str, Any]:
    """Return y and half of one path; beside them the law that predicts its rate, where there is one."""
    y, half, apart = (group[name].to_numpy(float) for name in ("y", "half", "apart"))
    document: dict[str, Any] = {"y": whole(steps(y)), "half": whole(half * SCALE)}
    if not np.isnan(apart).all():
        document["apart"] = float(f"{np.nanmax(apart):.1e}")
    if law.get("law") and np.isfinite(law["theory"]):
        document |= {"law": law["law"], "theory": law["theory"]}
    return document


def steps(y: np.ndarray) -> np.ndarray:
    """Return y in units of 1 / SCALE as differences, each from the last finite value before it; NaN where infinite."""
    scaled = np.round(y * SCALE)
    finite = np.isfinite(scaled)
    out = np.full(len(y), np.nan)
    out[finite] = np.diff(scaled[finite], prepend=0)
    return out


def whole(values: np.ndarray) -> list[int | None]:
    """Return whole numbers for JSON, None for NaN."""
    return [round(value) if np.isfinite(value) else None for value in values.tolist()]


def theories(summary: pd.DataFrame) -> dict[tuple, dict[str, Law]]:
    """Return by choice and source, and by path: rate, its interval, the law that applies and the rate it predicts."""
    rows = select(summary, gain=1.0, bias=0.0, gradient=["none", "full"], quantity=["loss_state", "cec"])
    rows = staged(rows).sort_values("backend", key=in_order, ascending=False)  # the last one stays
    columns = [*FACTORS, *SOURCE, "quantity", "path", *NUMBERS, "law", "theory"]
    found: dict[tuple, dict[str, Law]] = {}
    for *key, quantity, path, rate, low, high, half_life, law, theory in rows[columns].itertuples(
        False, None
    ):
        of = {"rate": rate, "low": low, "high": high, "half_life": half_life, "law": law, "theory": theory}
        if drawn := LAW_OF.get((quantity, path)):
            found.setdefault(tuple(key), {})[drawn] = of
    return found


def rated(law: Law) -> dict[str, float]:
    """Return rate, low, high (decades per step) and half-life (steps) of the full gradient, where they are finite."""
    values = {name: law.get(name, np.nan) for name in NUMBERS}
    return {name: float(f"{value:.4g}") for name, value in values.items() if np.isfinite(value)}

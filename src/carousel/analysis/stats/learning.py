"""How long a sequence a run learned and how soon, read from its evaluations; what was not seen is censored."""

import numpy as np
import pandas as pd

from carousel.analysis.stats.tables import RUN


def longest_solved(accuracy: pd.DataFrame) -> pd.DataFrame:
    """Return one row per RUN with the longest length solved at any evaluation, censoring included.

    ``longest`` is 0 where no length was solved; ``shortest_tried`` and ``longest_tried`` bound what the run itself
    tried, which of a run that climbs ends at the first length that it did not solve; ``censored``: "below" (nothing
    solved), "above" (the longest tried was solved: it may reach further) or "". ``octaves`` is log2(longest), with one
    octave below the shortest tried for a run that solved none. ``least`` and ``most``: between what octaves the longest
    length is that would have been solved of all lengths, each twice the one before; infinite on the censored side.
    """
    keys = [*RUN, "length"]
    solved = accuracy.groupby(keys, observed=True)["solved"].any().reset_index()
    solved["longest"] = solved["length"].where(solved["solved"], 0)
    runs = solved.groupby(RUN, observed=True).agg(
        longest=("longest", "max"), shortest_tried=("length", "min"), longest_tried=("length", "max")
    )
    above, below = runs["longest"] == runs["longest_tried"], runs["longest"] == 0
    octaves = np.log2(runs["longest"].where(~below, runs["shortest_tried"] / 2))
    return runs.assign(
        censored=np.select([above, below], ["above", "below"], ""), octaves=octaves,
        least=octaves.mask(below, -np.inf), most=octaves.mask(above, np.inf),
    ).reset_index()  # fmt: skip


def time_to_solve(accuracy: pd.DataFrame) -> pd.DataFrame:
    """Return one row per RUN and length with ``time``, the first evaluated step at which the task was solved.

    ``last``: the run's own last evaluation, which is its first solved one where training then stops. ``horizon``: the
    latest evaluation of any run of the slice, up to which all of them were trained unless they solved their task or
    were no longer finite. ``solved`` is False for a run that did not: its time is censored at the
    horizon, which means that it takes longer than that; one that is no longer finite never will. A run counts as
    solved from then on, whatever comes later.
    """
    keys = [*RUN, "length"]
    last = accuracy.groupby(keys, observed=True)["step"].max().rename("last")
    first = accuracy[accuracy["solved"]].groupby(keys, observed=True)["step"].min().rename("time")
    runs = last.to_frame().join(first).reset_index()
    horizon = runs.groupby("slice", observed=True)["last"].transform("max")
    return runs.assign(solved=runs["time"].notna(), time=runs["time"].fillna(horizon), horizon=horizon)


def restricted_mean(time: np.ndarray | pd.Series, solved: np.ndarray | pd.Series, horizon: float) -> float:
    """Return the mean time to solve within ``horizon`` steps, the area under the Kaplan-Meier curve up to there.

    A run that takes longer counts as ``horizon``; one censored before it counts as the others that it was among
    (Royston and Parmar 2013, BMC Med Res Methodol 13, 152). NaN where nobody was watched so long, or no run is
    given.
    """
    from scipy.stats import CensoredData, ecdf

    time, solved = np.asarray(time, float), np.asarray(solved, bool)
    if len(time) == 0 or (time.max() < horizon and not solved[time == time.max()].all()):
        return np.nan
    alive = ecdf(CensoredData(uncensored=time[solved], right=time[~solved])).sf
    steps = alive.quantiles < horizon
    ends = np.concatenate([[0.0], alive.quantiles[steps], [horizon]])
    return float(np.concatenate([[1.0], alive.probabilities[steps]]) @ np.diff(ends))


def gehan(left: pd.DataFrame, right: pd.DataFrame) -> np.ndarray:
    """Return per pair of runs 1 where ``left`` is known to take longer, -1 where ``right`` is, else 0.

    Row by row of two tables of `time_to_solve`. A censored run takes longer than one solved by then; of two
    censored runs, or one censored earlier, nothing is known (Gehan 1965, Biometrika 52, 203).
    """
    return _longer(left, right).astype(int) - _longer(right, left).astype(int)


def _longer(left: pd.DataFrame, right: pd.DataFrame) -> np.ndarray:
    """Return the rows in which ``left`` surely takes longer: solved later, or still unsolved when right was."""
    a, b = left["time"].to_numpy(float), right["time"].to_numpy(float)
    return right["solved"].to_numpy() & np.where(left["solved"], a > b, a >= b)

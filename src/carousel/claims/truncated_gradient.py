"""The truncated gradient against the full one: its direction, its size, and what is learned with it.

Truncated at the gates and at the cell's input, as in 1997: what is left is the carousel. Not truncated in time.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from carousel.analysis import names
from carousel.analysis.stats.learning import gehan, time_to_solve
from carousel.analysis.stats.slopes import STEADY, in_window, rates
from carousel.analysis.stats.tables import MODEL, RUN, difference, joined, repeated, select
from carousel.axes import LIBRARIES
from carousel.claims import defaults
from carousel.claims.claim import Tables
from carousel.claims.evidence import ALONG_BIAS, planned, reference, stack
from carousel.claims.rules import LONG, MIN_REPETITIONS
from carousel.claims.settings_text import labelled
from carousel.tables.runs import Runs

TRAINED = ("lstm97", "lstm")  # the cells that are trained with either gradient
STATE, SIZE = "direction of the state's gradient", "size of the state's gradient"
WEIGHTS, LENGTH = "direction of the weights' gradient", "size of the weights' gradient"
ACCURACY, TIME, LOSS = "accuracy", "time to solve", "loss on the way"
LEARNING = (ACCURACY, TIME, LOSS)
GATES = "decay of the flow along the gates"
DEFAULTS = {init: names.default(init, "lstm") for init in LIBRARIES}
MIN_SOLVED = (
    0.2  # of the pairs of a length: where neither solves it, accuracy and time cannot tell them apart
)
TWO = float(np.log10(2))


class Counted(NamedTuple):
    """Something that truncation may cost: what there is of it without, and how much less of it is little."""

    whole: float
    little: float
    words: str  # with {} for the least that is kept


COUNTED = {
    GATES: Counted(0.0, -STEADY, "{} decades per step that the flow along the gates loses (a factor of two in 100)"),
    STATE: Counted(1.0, 0.1, "{} as the cosine of truncated and full gradient of the state, mean over lags (a step "
                   "makes so much of the full one's progress)"),
    SIZE: Counted(0.0, TWO, "{} as minus the decades between their norms (a learning rate makes up for that)"),
    WEIGHTS: Counted(1.0, 0.1, "{} as the cosine of all weights' gradients"),
    LENGTH: Counted(0.0, TWO, "{} as minus the decades between their norms"),
    ACCURACY: Counted(0.0, 0.05, "{} as the accuracy less that of the full gradient (one answer in twenty)"),
    TIME: Counted(0.0, 0.1, "{} as the share of training that is saved until the first solved evaluation (unsolved: "
                  "all of it), about the grid on which runs are evaluated"),
    LOSS: Counted(0.0, TWO, "{} as the decades by which the test loss is lower, mean over the evaluations of training"),
}  # fmt: skip


def least(name: str, factor: float = 1.0) -> float:
    """Return how much the truncated gradient must keep of something for the cost to be little."""
    return COUNTED[name].whole - factor * COUNTED[name].little


def rows(tables: Tables) -> pd.DataFrame:
    """Return the truncated and the full gradient of the state's joint adjoint, and the flow along the gates.

    Before training, in float64.
    """
    paths = ("truncated", "full", "gates")
    found = select(tables.decay, cell=TRAINED, quantity="loss_state", path=paths, trained="no",
                   dtype="float64", gain=1.0, bias=0.0)  # fmt: skip
    return planned(found[(found["length"] >= LONG) & (found["hidden"] > 1)])


def states(found: pd.DataFrame) -> pd.DataFrame:
    """Return one row per model: ``cosine`` of the truncated with the full gradient and log10 of the norms' ``ratio``.

    Both are means over the lags of stats.FIT_WINDOW.
    """
    found = in_window(found)
    keys = [*MODEL, "lag"]
    truncated = select(found, path="truncated")[[*keys, "log10_norm", "cosine"]]
    both = joined(truncated, select(found, path="full")[[*keys, "log10_norm"]], keys, "_full")
    both = both.assign(ratio=difference(both["log10_norm"], both["log10_norm_full"]))
    return both.groupby(MODEL, observed=True)[["cosine", "ratio"]].mean().reset_index()


def weights(dynamics: pd.DataFrame | Runs) -> pd.DataFrame:
    """Return ``cosine`` and ``ratio`` of the gradient of all weights, one row per model and snapshot of training."""
    names = {"truncated_cosine": "cosine", "truncated_norm": "ratio"}
    found = select(dynamics, cell=TRAINED, quantity=list(names))
    cosine, ratio = (select(found, quantity=name)[[*MODEL, "value"]] for name in names)
    both = joined(cosine, ratio, MODEL, "_ratio")
    once = both.drop_duplicates([name for name in MODEL if name != "slice"])  # two slices train the same runs
    return once.rename(columns={"value": "cosine", "value_ratio": "ratio"})


def flow(found: pd.DataFrame) -> pd.DataFrame:
    """Return one row per model with the ``rate`` of the flow along the gates, of the slices along the forget bias."""
    return rates(select(found, slice=ALONG_BIAS), "loss_state", "gates")


def runs(accuracy: pd.DataFrame) -> pd.DataFrame:
    """Return each run with the truncated gradient paired with that of the full one, the same seed and data.

    Columns: accuracy (at the last step), time (steps, censored at ``horizon``), loss (log10, mean over the evaluations
    of training that both runs have) and _full of each; ``later``: 1 where the truncated run surely took longer, -1
    where the full one did; ``solved_by_either``: one of both solved it.
    """
    keys = [*RUN, "length"]
    on = [name for name in keys if name != "gradient"]
    found = select(accuracy, cell=TRAINED)
    ends = found.rename(columns={"step": "last"})[[*keys, "last", "accuracy"]]
    with np.errstate(divide="ignore"):
        way = found[found["step"] > 0].assign(loss=lambda table: np.log10(table["loss"]))
    shared = way.groupby([*on, "step"], observed=True)["gradient"].transform("nunique") > 1
    way = way[shared].groupby(keys, observed=True)["loss"].mean().reset_index()
    times = time_to_solve(found).merge(ends, on=[*keys, "last"]).merge(way, "left", keys)
    truncated, full = (
        select(times, gradient=name).drop(columns="gradient") for name in ("truncated", "full")
    )
    both = truncated.merge(full, on=on, suffixes=("", "_full"))
    other = both[["time_full", "solved_full"]].set_axis(["time", "solved"], axis=1)
    return both.assign(later=gehan(both, other), solved_by_either=both["solved"] | both["solved_full"])


def told_apart(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs at lengths that MIN_SOLVED of the reference's solve, of one cell and forget bias.

    If there is no such length, all of them, with ``informative`` False.
    """
    solved = reference(pairs).groupby("length")["solved_by_either"].mean()
    enough = pairs["length"].isin(solved.index[solved >= MIN_SOLVED])
    return pairs[enough | ~enough.any()].assign(informative=bool(enough.any()))


def named_settings(table: pd.DataFrame) -> pd.Series:
    """Return "cell/forget bias" for each row, or whose default it is, where it is of the slice of libraries."""
    return defaults.named(table).fillna(labelled(table))


def gradients(tables: Tables) -> pd.DataFrame:
    """Return what is kept of the gradients: measure, ``value``, and MODEL."""
    tables_of = {(STATE, SIZE): states(rows(tables)), (WEIGHTS, LENGTH): weights(tables.dynamics)}
    return stack([
        table.assign(measure=name, value=table["cosine"] if name in (STATE, WEIGHTS) else -table["ratio"].abs())
        for names, table in tables_of.items() for name in names
    ])  # fmt: skip


def learning(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return what is kept of learning, of paired `runs`: measure, ``value``, and RUN."""
    values = {
        ACCURACY: pairs["accuracy"] - pairs["accuracy_full"],
        TIME: (pairs["time_full"] - pairs["time"]) / pairs["horizon"],
        LOSS: difference(pairs["loss_full"], pairs["loss"]),
    }
    return stack([pairs.assign(measure=name, value=value) for name, value in values.items()])


def retained(tables: Tables) -> pd.DataFrame:
    """Return everything that is counted, more is better: measure, label, ``value``, and MODEL or RUN.

    Of what is learned, what `told_apart` leaves; of the flow along the gates the loss per step, in decades.
    """
    along = flow(rows(tables))
    flows = along.assign(measure=GATES, value=-along["rate"])
    found = [flows, gradients(tables), learning(runs(tables.accuracy))]
    found = [repeated(table.dropna(subset=["value"]), MIN_REPETITIONS) for table in found if len(table)]
    table = stack([each.assign(label=named_settings(each)) for each in found if len(each)])
    if table.empty:
        return table
    groups = table.groupby(["measure", "label"], sort=False)
    return stack([told_apart(group) if name in (ACCURACY, TIME) else group for (name, _), group in groups])

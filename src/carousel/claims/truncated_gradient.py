"""The truncated gradient against the full one: its direction, its size, and what is learned with it."""

import pandas as pd

from carousel.analysis.stats.learning import gehan, time_to_solve
from carousel.analysis.stats.slopes import in_window
from carousel.analysis.stats.tables import MODEL, RUN, difference, joined, repeated, select
from carousel.claims.evidence import labelled, planned, stack
from carousel.claims.rules import LONG, MIN_REPETITIONS, Tables

TRAINED = ("lstm97", "lstm")  # the cells that are trained with either gradient
STATE, SIZE = "direction of the state's gradient", "size of the state's gradient"
WEIGHTS, LENGTH = "direction of the weights' gradient", "size of the weights' gradient"
ACCURACY, TIME = "accuracy", "time to solve"
LEARNING = (ACCURACY, TIME)


def rows(tables: Tables) -> pd.DataFrame:
    """Return the truncated and the full gradient of the state's joint adjoint before training, in float64."""
    found = select(tables.decay, cell=TRAINED, quantity="loss_state", path=("truncated", "full"), trained="no",
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


def weights(dynamics: pd.DataFrame) -> pd.DataFrame:
    """Return ``cosine`` and ``ratio`` of the gradient of all weights, one row per model and snapshot of training."""
    names = {"truncated_cosine": "cosine", "truncated_norm": "ratio"}
    found = select(dynamics, cell=TRAINED, quantity=list(names))
    cosine, ratio = (select(found, quantity=name)[[*MODEL, "value"]] for name in names)
    both = joined(cosine, ratio, MODEL, "_ratio")
    return both.rename(columns={"value": "cosine", "value_ratio": "ratio"})


def runs(accuracy: pd.DataFrame) -> pd.DataFrame:
    """Return each run with the truncated gradient paired with that of the full one, the same seed and data.

    Columns: accuracy, time (at the last step; steps, censored at ``last``) and _full of both; ``later``: 1 where
    the truncated run surely took longer, -1 where the full one did; ``solved_by_either``: one of both solved it.
    """
    keys = [*RUN, "length"]
    found = select(accuracy, cell=TRAINED)
    times = time_to_solve(found).merge(
        found.rename(columns={"step": "last"})[[*keys, "last", "accuracy"]], on=[*keys, "last"]
    )
    on = [name for name in keys if name != "gradient"]
    truncated, full = (
        select(times, gradient=name).drop(columns="gradient") for name in ("truncated", "full")
    )
    both = truncated.merge(full, on=on, suffixes=("", "_full"))
    other = both[["time_full", "solved_full"]].set_axis(["time", "solved"], axis=1)
    return both.assign(later=gehan(both, other), solved_by_either=both["solved"] | both["solved_full"])


def retained(tables: Tables) -> pd.DataFrame:
    """Return everything that is counted, more is better: measure, label, ``value``, and MODEL or RUN."""
    tables_of = {(STATE, SIZE): states(rows(tables)), (WEIGHTS, LENGTH): weights(tables.dynamics)}
    gradients = [
        table.assign(measure=name, value=table["cosine"] if name in (STATE, WEIGHTS) else -table["ratio"].abs())
        for names, table in tables_of.items() for name in names
    ]  # fmt: skip
    pairs = runs(tables.accuracy)
    learning = [
        pairs.assign(measure=ACCURACY, value=pairs["accuracy"] - pairs["accuracy_full"]),
        pairs.assign(measure=TIME, value=(pairs["time_full"] - pairs["time"]) / pairs["last"]),
    ]
    everything = [
        repeated(table.dropna(subset=["value"]), MIN_REPETITIONS) for table in [*gradients, *learning]
    ]
    return stack([table.assign(label=labelled(table)) for table in everything if len(table)])

"""The learning rates that were chosen, each for a cell on a task, and whether the grid went far enough."""

from types import SimpleNamespace

import pandas as pd

from carousel.analysis.text import counted
from carousel.report import names
from carousel.report.page.markup import escape, number, table

KEYS = ["slice", "task", "cell"]


def tuning(data: SimpleNamespace) -> str:
    """A row per slice and cell with the rate chosen on each task, of which rates, and on how many seeds."""
    if not hasattr(data, "tuning"):
        return "Every slice trains at a learning rate of its own; none was chosen."
    rows = data.tuning.astype(dict.fromkeys(KEYS, str))
    chosen = rows[rows["chosen"]].drop_duplicates(KEYS).set_index(KEYS)["learning_rate"]
    wide = chosen.unstack("task")
    head = ("Slice", "Cell", *(names.task(task) for task in wide.columns))
    lines = [
        (
            escape(names.spelled(slice_)),
            escape(names.cell(cell)),
            *("" if pd.isna(rate) else number(rate) for rate in rates),
        )
        for (slice_, cell), rates in zip(wide.index, wide.to_numpy(), strict=True)
    ]
    return (
        f"{tried(rows, chosen)}\n\n{table('Learning rates', head, lines, (7, 6, *[5] * len(wide.columns)))}"
    )


def tried(rows: pd.DataFrame, chosen: pd.Series) -> str:
    """Between which rates the choice was, on what, and how many choices are at an end of the grid."""
    grid = sorted(set(rows["learning_rate"]))
    ends = rows.groupby(KEYS)["learning_rate"].agg(["min", "max"]).reindex(chosen.index)
    edge = int(((chosen == ends["min"]) | (chosen == ends["max"])).sum())
    lengths, seeds = sorted(set(rows["length"])), rows["repetition"].nunique()
    return (
        f"Chosen of {', '.join(map(number, grid))}, on sequences of {', '.join(map(str, lengths))} steps and "
        f"{counted(seeds, 'seed')} that train nothing else: the rate at which most networks of the cell solve the "
        "task, "
        f"then that at which they do so soonest. {edge} of {len(chosen)} choices are at an end of the rates tried: a "
        "rate "
        "beyond it may do better."
    )

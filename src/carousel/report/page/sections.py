"""What the cells of index.qmd print: tables -> Markdown. Nothing here computes a result."""

import json
import os
import re
from collections.abc import Collection
from pathlib import Path
from types import SimpleNamespace

import pandas as pd

from carousel.analysis.stats.tables import MODEL
from carousel.analysis.text import count
from carousel.report import names as said
from carousel.report.page.markup import escape, number, table, verdict
from carousel.report.page.measurements import drawn
from carousel.report.page.slices import values
from carousel.tables import machine_folders, parquet, runs
from carousel.tables.provenance import brief
from carousel.tables.schemas import names

SHOWN = ("claims.parquet", "evidence.parquet", "agreement.parquet", "decay.parquet", "accuracy.parquet",
         "calibration.parquet", "dynamics.parquet", "depth.parquet", "summary.parquet", "routes.parquet",
         "advice.parquet", "half_lives.parquet", "learned.parquet", "explorer.json", "diagnosed.json",
         "published.parquet", "timings.parquet", "machines.parquet")  # fmt: skip
STANDARD = "standard"  # the register of the package's claims, of which the page speaks as of the Q&A's
OPTIONAL = "stability.parquet", "tuning.parquet"  # made by a command of its own; of studies that choose rates
COLUMNS = {  # of the large tables, those that the page reads
    "decay.parquet": [*names("decay", "factor", "condition", "place"), "quantity"],
    "dynamics.parquet": [*MODEL, "quantity", "axis", "quantile", "value"],
}


def load(left_out: Collection[str] = ()) -> SimpleNamespace:
    """The tables of the results folder that the environment names, but those `left_out`; their provenance by file."""
    results = Path(os.environ["CAROUSEL_RESULTS"])
    tables = [name for name in SHOWN if name.endswith(".parquet") and name not in left_out]
    tables += [name for name in OPTIONAL if (results / name).is_file()]
    frames = {Path(name).stem: read(results / name) for name in tables}
    validate(frames["claims"])
    origins = {name: brief(parquet.provenance(results / name)) for name in tables}
    standard = frames["claims"]["register"] == STANDARD
    brought, frames["claims"] = frames["claims"][~standard], frames["claims"][standard]
    curves = json.loads((results / "explorer.json").read_text("utf-8"))
    found = frames | {"brought": brought, "explorer": curves, "renderer": os.environ["CAROUSEL_RENDERER"]}
    return SimpleNamespace(results=results, origins=origins, other_machines=other_machines(results), **found)


def read(path: Path) -> pd.DataFrame:
    """A table as the page reads it; of the decay, of which it says what was measured, a row per run of equal rows."""
    columns = COLUMNS.get(path.name)
    if path.name == "decay.parquet":
        return runs.read(path, "decay", columns).heads
    return parquet.read(path, columns)


def other_machines(results: Path) -> dict[str, tuple[pd.DataFrame | None, list[str]]]:
    """Of each other machine the claims judged from its tables alone, or None and the tables that are lacking."""
    found = {}
    for folder in machine_folders.folders(results):
        path, lacking = folder / "claims.parquet", machine_folders.lacking(folder)
        found[folder.name] = None if lacking else parquet.read(path), lacking
    return found


def validate(claims: pd.DataFrame) -> None:
    """Raise ValueError for a claim whose id cannot be an anchor, or whose verdict is none."""
    for claim in claims.itertuples():
        verdict(claim.verdict)
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", claim.id):
            raise ValueError(f"{claim.id!r} cannot be a claim's id: letters and digits only")


def story(data: SimpleNamespace) -> str:
    """The one picture."""
    return drawn(data, "story")


def baselines(data: SimpleNamespace) -> str:
    """What the best predictor without memory scores, per task."""
    rows = [
        (escape(said.task(task)), escape(values(part["length"])), spread(part["baseline_loss"]),
         spread(part["baseline_accuracy"]))
        for task, part in data.accuracy.groupby("task", observed=True)
    ]  # fmt: skip
    head = ("Task", "Sequence length", "Baseline loss", "Baseline accuracy")
    return table("Baselines", head, rows, (4, 4, 4, 4))


def spread(column: pd.Series) -> str:
    """One value, or the smallest and the largest."""
    low, high = number(column.min()), number(column.max())
    return low if low == high else f"{low} to {high}"


def agreement(data: SimpleNamespace) -> str:
    """How far the backends are apart."""
    rows = [
        (escape(row.measure), number(row.value), escape(row.unit), count(row.n), escape(row.where))
        for row in data.agreement.itertuples()
    ]
    head = ("Measure", "Value", "Unit", "n", "Where")
    return table("Agreement of the backends", head, rows, (6, 3, 2, 2, 9))

"""What the cells of index.qmd print: tables -> Markdown. Nothing here computes a result."""

import json
import os
import re
from pathlib import Path
from types import SimpleNamespace

import pandas as pd

from carousel.analysis.stats.tables import MODEL, grouped
from carousel.analysis.text import count
from carousel.axes import BACKENDS
from carousel.report import names as said
from carousel.report.page.answers import Claim, answers, depends_on, half_lives, measured
from carousel.report.page.markup import definitions, div, escape, number, picture, table, verdict
from carousel.report.page.measurements import drawn
from carousel.tables import machine_folders, parquet
from carousel.tables.columns import FACTORS
from carousel.tables.provenance import brief
from carousel.tables.schemas import names

SHOWN = ("claims.parquet", "agreement.parquet", "decay.parquet", "accuracy.parquet", "calibration.parquet",
         "dynamics.parquet", "summary.parquet", "advice.parquet", "half_lives.parquet", "learned.parquet",
         "explorer.json", "timings.parquet", "machines.parquet")  # fmt: skip
OPTIONAL = ("stability.parquet",)  # made by a command of its own
SWEPT = [name for name in FACTORS if name != "slice"]
COLUMNS = {  # of the large tables, those that the page reads
    "decay.parquet": [*names("decay", "factor", "condition", "place"), "quantity"],
    "dynamics.parquet": [*MODEL, "quantity", "value"],
}


def load() -> SimpleNamespace:
    """The tables of the results folder that the environment names, and their provenance by file."""
    results = Path(os.environ["CAROUSEL_RESULTS"])
    tables = [name for name in SHOWN if name.endswith(".parquet")]
    tables += [name for name in OPTIONAL if (results / name).is_file()]
    frames = {Path(name).stem: parquet.read(results / name, COLUMNS.get(name)) for name in tables}
    validate(frames["claims"])
    origins = {name: brief(parquet.provenance(results / name)) for name in tables}
    curves = json.loads((results / "explorer.json").read_text("utf-8"))
    found = frames | {"explorer": curves, "renderer": os.environ["CAROUSEL_RENDERER"]}
    return SimpleNamespace(results=results, origins=origins, other_machines=other_machines(results), **found)


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


def counted(data: SimpleNamespace) -> str:
    """How many claims there are and how many have each verdict."""
    counts = data.claims["verdict"].value_counts()
    parts = ", ".join(f"{counts[word]} {verdict(word)}" for word in counts.index)
    title = data.origins["claims.parquet"].get("title", data.results.name)
    return f"{escape(title)}, {len(data.claims)} claims: {parts}."


def answer(data: SimpleNamespace) -> str:
    """The five sentences as a list."""
    return "\n".join(f"1. {text}" for text in answers(data.claims, half_lives(data)))


def verdicts(data: SimpleNamespace) -> str:
    """The table of verdicts; every id links to its section."""
    rows = [
        (
            f"[{claim.id}](#{claim.id})",
            escape(claim.statement),
            verdict(claim.verdict),
            measured(claim),
            depends_on(claim),
        )
        for claim in data.claims.itertuples()
    ]
    head = ("Id", "Claim", "Verdict", "Effect and interval", "Depends on")
    return div("verdicts", table("Verdicts", head, rows, (6, 44, 13, 26, 11)), colons=4)


def story(data: SimpleNamespace) -> str:
    """The one picture."""
    return drawn(data, "story")


def sections(data: SimpleNamespace) -> str:
    """A section per claim, in the order of the table."""
    return "\n".join(section(claim, data.results) for claim in data.claims.itertuples())


def section(claim: Claim, results: Path) -> str:
    """One claim: statement, what settles it, picture, verdict and figures, takeaway."""
    fixed = definitions([
        ("Who said it", escape(claim.who)),
        ("Kind", escape(claim.kind)),
        ("Formal reading", escape(claim.reading)),
        ("Predicted", escape(claim.prediction)),
        ("What settles it", escape(claim.rule)),
    ])  # fmt: skip
    found = definitions([
        ("Verdict", verdict(claim.verdict)),
        ("Effect", f"{measured(claim)}, n = {count(claim.n)}"),
        ("By backend", by_backend(claim)),
        ("Threshold", escape(claim.boundary)),
        ("Condition", escape(claim.condition)),
        ("Settings", escape(claim.settings)),
    ])  # fmt: skip
    head = f"### {claim.id}: {verdict(claim.verdict)} {{#{claim.id}}}\n"
    image = picture(results / "figures" / claim.figure, claim.alt)
    statement, takeaway = escape(claim.statement), f"**In practice:** {escape(claim.takeaway)}"
    blocks = (head, div("statement", statement), div("facts", fixed), image, div("facts", found))
    return "\n".join((*blocks, div("takeaway", takeaway)))


def by_backend(claim: Claim) -> str:
    """The effect on each backend."""
    return ", ".join(f"{entry.label} {number(getattr(claim, name))}" for name, entry in BACKENDS.items())


def values(column: pd.Series) -> str:
    """The distinct values of a factor: all of them if few, otherwise their range and number."""
    found = sorted(column.dropna().unique())
    if len(found) > 8 and pd.api.types.is_numeric_dtype(column.dtype):
        return f"{found[0]:g} to {found[-1]:g} ({len(found)} values)"
    return ", ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in found)


def slices(frame: pd.DataFrame) -> str:
    """What the study swept, one entry per slice, read from the columns of a table."""
    pairs = []
    found = grouped(frame, [name for name in FACTORS if name in frame])[1]
    for name, part in found.groupby("slice", observed=True, sort=False):
        swept = {factor: values(part[factor]) for factor in SWEPT if factor in part}
        words = (f"*{escape(factor)}* {escape(text)}" for factor, text in swept.items() if text)
        pairs.append((escape(name), "; ".join(words)))
    return definitions(pairs)


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

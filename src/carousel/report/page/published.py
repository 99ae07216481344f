"""What others published, and whether this study repeats it; or else the record of the study that was made for it."""

import math
from types import SimpleNamespace
from typing import Any

import pandas as pd

from carousel.report.page.markup import escape, interval, number, table
from carousel.report.page.source import PROJECT

RECORD = PROJECT / "docs" / "published" / "published.csv"
"""The published table of a run of config/published.yaml; the README beside it has machine, commit and cost."""
NOT_TRIED = "not tried"
LACKING = (
    "This study tries none of them, for it lacks the slices that they are read from: `make report STUDY=published` "
    "does. "
)


def published(data: SimpleNamespace) -> str:
    """How many findings are reproduced, and a row per finding; where this study tries none, those of the record."""
    if (data.published["outcome"] != NOT_TRIED).any():
        return by_finding(data.published)
    if not RECORD.is_file():
        return LACKING + "\n\n" + by_finding(data.published)
    recorded = pd.read_csv(RECORD)
    return (
        f"{LACKING}What follows is the record of such a run, in `docs/published`.\n\n{by_finding(recorded)}"
    )


def by_finding(found: pd.DataFrame) -> str:
    """The table, behind a sentence that counts its outcomes."""
    counts = ", ".join(
        f"{n} {escape(outcome)}" for outcome, n in found["outcome"].value_counts(sort=False).items()
    )
    head = ("Finding", "Reported", "Tried here", "To be", "Effect", "n", "p", "Outcome")
    body = table("Published findings", head, map(line, found.itertuples()), (10, 16, 16, 9, 10, 3, 5, 8))
    return f"Of {len(found)} findings: {counts}.\n\n{body}"


def line(finding: Any) -> tuple[str, ...]:
    """One finding."""
    sign = "above " if finding.relation == "order" else "within ±"
    wanted = f"{sign}{number(finding.tolerance)} {escape(finding.unit)} ({escape(finding.why)})"
    tried = finding.outcome != NOT_TRIED
    known = f"{number(finding.effect)} {interval(finding.low, finding.high)}"
    effect = ("not known" if math.isnan(finding.effect) else known) if tried else ""
    p = "" if math.isnan(finding.p) else number(finding.p)
    return (f"{escape(finding.finding)} [@{finding.source}]", escape(finding.found), escape(finding.tried), wanted,
            effect, str(finding.n), p, escape(finding.outcome))  # fmt: skip

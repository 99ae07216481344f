"""What a claim is: what it says, how it is read, what measures and decides it, and what comes out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from carousel.analysis.stats.tables import MODEL
from carousel.analysis.stats.tested import holm
from carousel.analysis.text import number, with_interval
from carousel.axes import REFERENCE
from carousel.tables.runs import Runs

READ = {
    "decay": [*MODEL, "quantity", "path", "lag", "log10_norm", "n_zero", "n", "cosine"],
    "dynamics": [*MODEL, "quantity", "axis", "index", "quantile", "value"],
}
"""The columns that claims read, of the tables with millions of rows."""


class Tables(NamedTuple):
    """What was measured: the gathered tables, of the large ones the columns in READ at least."""

    decay: pd.DataFrame | Runs
    accuracy: pd.DataFrame
    dynamics: pd.DataFrame | Runs


class Margin(NamedTuple):
    """What counts as a difference: below it, things are the same."""

    value: float
    unit: str
    why: str

    @property
    def words(self) -> str:
        """The margin with its reason, in words."""
        return f"{number(self.value)} {self.unit}: {self.why}"


class Boundary(NamedTuple):
    """The value of one factor of the sweep at which a verdict changes, with its 95 % interval."""

    factor: str  # a column, in words
    at: float
    low: float
    high: float

    @property
    def value(self) -> str:
        """The value with its interval, in words."""
        return with_interval(self.at, self.low, self.high)


@dataclass(frozen=True)
class Verdict:
    """What the data say of one claim; the numbers of a part that was not measured are NaN."""

    verdict: str
    condition: str
    alt: str
    effect: float = np.nan
    low: float = np.nan
    high: float = np.nan
    n: int = 0  # models, each counted once
    by_backend: Mapping[str, float] = field(
        default_factory=dict
    )  # the effect, over the repetitions that all measured
    boundary: Boundary | None = None
    states: Mapping[str, str] = field(default_factory=dict)  # of the parts


class Source(NamedTuple):
    """Who said a claim, where, and in which words."""

    who: str
    url: str
    quote: str


@dataclass(frozen=True)
class Claim:
    """One claim, of the Q&A or of a file: what it says, how we read it, what decides it."""

    id: str
    who: str
    kind: str
    statement: str  # in the project's own words
    reading: str  # the formal statement that is decided
    prediction: str  # of the verdict, before data
    unit: str  # of effect, low, high and the effect by backend
    rule: str
    takeaway: Mapping[str, str] = field(repr=False)  # verdict -> a sentence for a practitioner
    measure: Callable[..., pd.DataFrame] = field(
        repr=False
    )  # of `models`, and of the margin where there is one
    decide: Callable[[pd.DataFrame], Verdict] = field(repr=False)
    rows: Callable[[Tables], pd.DataFrame] = field(repr=False)  # the measured rows that it rests on
    margin: Margin | None = None
    models: Callable[[Tables], Any] = field(
        default=lambda tables: tables, repr=False
    )  # what is read of the tables whatever the margin
    register: str = "standard"  # which claims it is among: those of the package, or of a file
    source: Source | None = None  # of a claim that a file brings

    def evidence(self, tables: Tables, factor: float = 1.0) -> pd.DataFrame:
        """Return the evidence at ``factor`` times the margin, p corrected over the claim's parts."""
        return self.at(self.models(tables), factor)

    def at(self, models: Any, factor: float = 1.0) -> pd.DataFrame:
        """Return the `evidence` of what ``models`` found in the tables."""
        margin = () if self.margin is None else (factor * self.margin.value,)
        return corrected(self.measure(models, *margin))


def corrected(evidence: pd.DataFrame) -> pd.DataFrame:
    """Return the evidence with ``p_holm``: p, corrected over the reference's parts of this one claim that have one."""
    if "p" not in evidence:
        return evidence
    own = evidence[(evidence["backend"].astype(str) == REFERENCE) & evidence["p"].notna()]
    adjusted = dict(zip(own["part"], holm(own["p"].to_numpy(float)), strict=True))
    return evidence.assign(p_holm=evidence["part"].map(adjusted).astype(float))

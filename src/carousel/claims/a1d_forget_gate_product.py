"""A1d: is the LSTM's cell-to-cell derivative the product of its forget gates?"""

import numpy as np
import pandas as pd

from carousel.analysis.stats.slopes import rates
from carousel.analysis.stats.tables import MODEL, difference, joined, select
from carousel.analysis.text import number
from carousel.claims.evidence import missing, planned, relative_error
from carousel.claims.rules import (
    INCONCLUSIVE,
    LONG,
    MIN_CHECKED,
    SUPPORTED,
    WITH_FORGET_GATE,
    Claim,
    Tables,
    Verdict,
    combine,
    identity,
)


def rows(tables: Tables) -> pd.DataFrame:
    """Return the derivative along the cell, the product of forget gates and the full gradient of every LSTM."""
    return _rows(tables.decay)


def _rows(decay: pd.DataFrame) -> pd.DataFrame:
    quantities = {"cec": "cell", "factor_product": "formula", "loss_state": "full"}
    return select(
        decay, cell=WITH_FORGET_GATE, trained="no", dtype="float64", quantity=tuple(quantities),
        path=tuple(quantities.values()),
    )  # fmt: skip


def products(decay: pd.DataFrame) -> pd.DataFrame:
    """Return per model and lag log10 of the derivative along the cell (``measured``) and of the ``formula``."""
    found = _rows(decay)
    keys = [*MODEL, "lag"]
    measured = select(found, quantity="cec", path="cell")[[*keys, "log10_norm"]]
    formula = select(found, quantity="factor_product", path="formula")[[*keys, "log10_norm"]]
    both = joined(measured, formula, keys, "_formula")
    return both.rename(columns={"log10_norm": "measured", "log10_norm_formula": "formula"})


def gap(decay: pd.DataFrame) -> pd.DataFrame:
    """Return per model how much the full gradient's ``rate`` exceeds that of the product: ``gap``."""
    found = planned(_rows(decay))
    full = rates(found, "loss_state", "full")
    product = rates(found, "factor_product", "formula")[[*MODEL, "rate"]]
    both = joined(full, product, MODEL, "_product")
    both = both[both["length"] >= LONG] if (both["length"] >= LONG).any() else both
    return both.assign(gap=difference(both["rate"], both["rate_product"]))


def measure(tables: Tables) -> pd.DataFrame:
    """Return per cell and backend the largest ``error``, and the median and 95 % quantile of the gap."""
    both = products(tables.decay)
    both = both.assign(error=relative_error(both["measured"], both["formula"]), part=both["cell"].astype(str))
    evidence = both.groupby(["part", "backend"], observed=True).agg(
        error=("error", "max"), checked=("error", "size")
    )
    apart = gap(tables.decay).assign(
        gap=lambda table: table["gap"].abs(), part=lambda table: table["cell"].astype(str)
    )
    groups = apart.groupby(["part", "backend"], observed=True)["gap"]
    gaps = groups.agg(
        gap="median", widest=lambda values: values.quantile(0.95, interpolation="lower")
    ).reset_index()
    return evidence.reset_index().merge(gaps, "left", ["part", "backend"])


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict with the largest error as its effect and the gap of the full gradient beside it."""
    word = combine(identity(evidence))
    if word == INCONCLUSIVE:
        what = f"{MIN_CHECKED} derivatives of each LSTM with a forget gate, in float64 on every backend"
        return Verdict(word, missing(evidence, what), _alt(evidence))
    error = evidence.groupby(evidence["backend"].astype(str))["error"].max()
    sides = {name: float(error[name]) for name in error.index}
    held = "With the gates held fixed. " if word == SUPPORTED else ""
    worst, least, n = float(error.max()), float(error.min()), int(evidence["checked"].sum())
    return Verdict(word, held + _apart(evidence), _alt(evidence), worst, least, worst, n, by_backend=sides)


def _apart(evidence: pd.DataFrame) -> str:
    median, widest = evidence["gap"].median(), evidence["widest"].max()
    if not np.isfinite(median):
        return "The full gradient was not measured beside it, or is exactly zero."
    return (
        f"The full gradient's rate differs from the product's by {number(median)} decades per step in the median and "
        f"by more than {number(widest)} in one of twenty."
    )


def _alt(evidence: pd.DataFrame) -> str:
    if evidence.empty:
        return "No cell-to-cell derivative was measured."
    return (
        "Derivative along the cell (dots) and product of forget gates (lines) against lag, by forget bias: they "
        f"coincide to {number(evidence['error'].max())}; dashed, the full gradient. {_apart(evidence)}"
    )


CLAIM = Claim(
    id="A1d",
    who="answer 1",
    kind="identity",
    statement="For the LSTM the cell-to-cell derivative is the product of the forget gates.",
    reading="Per unit and lag, the derivative of c_T by c_t with the gates' own dependence held fixed is the product "
    "of the forget gates between them.",
    prediction="supported, with the full derivative some way off",
    unit="relative error, largest",
    rule="Largest relative error of the derivative at most 1e-9 on every backend in float64.",
    takeaway={
        "supported": "The forget gates give the cell's own path exactly; the gradient that trains has more paths.",
        "refuted": "The product of forget gates is not the derivative along the cell.",
        "depends": "The product of forget gates is the derivative along the cell only in some LSTMs.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)

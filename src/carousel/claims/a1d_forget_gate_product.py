"""A1d: is the LSTM's cell-to-cell derivative the product of its forget gates?"""

import pandas as pd

from carousel.analysis import names
from carousel.analysis.stats.left import left
from carousel.analysis.stats.tables import MODEL, SETTING, difference, joined, select
from carousel.analysis.text import listed, number
from carousel.claims import defaults
from carousel.claims.claim import Claim, Tables, Verdict
from carousel.claims.evidence import missing, planned, reference, relative_error
from carousel.claims.half_left import LAG
from carousel.claims.rules import (
    INCONCLUSIVE,
    MIN_CHECKED,
    SUPPORTED,
    TOLERANCE,
    WITH_FORGET_GATE,
    combine,
    identity,
)


def rows(tables: Tables) -> pd.DataFrame:
    """Return the derivative along the cell, the product of gates, and the gradient in full and along the cell."""
    return _rows(tables.decay)


def _rows(decay: pd.DataFrame) -> pd.DataFrame:
    return select(
        decay, cell=WITH_FORGET_GATE, trained="no", dtype="float64",
        quantity=("cec", "factor_product", "loss_state"), path=("cell", "formula", "full"),
    )  # fmt: skip


def products(decay: pd.DataFrame) -> pd.DataFrame:
    """Return per model and lag log10 of the derivative along the cell (``measured``) and of the ``formula``."""
    found = _rows(decay)
    keys = [*MODEL, "lag"]
    measured = select(found, quantity="cec", path="cell")[[*keys, "log10_norm"]]
    formula = select(found, quantity="factor_product", path="formula")[[*keys, "log10_norm"]]
    both = joined(measured, formula, keys, "_formula")
    return both.rename(columns={"log10_norm": "measured", "log10_norm_formula": "formula"})


def measure(tables: Tables) -> pd.DataFrame:
    """Return per cell and backend the largest ``error``, and decades that the total keeps ``more`` than the cell alone.

    more: at LAG, median over settings and repetitions, ``least`` and ``most`` of the medians of a setting, and
    ``default``, that of PyTorch's default LSTM; NaN where it was not measured. n: models.
    """
    both = products(tables.decay)
    both = both.assign(
        error=relative_error(both["measured"], both["formula"]), part=both["cell"].astype(str).map(names.cell)
    )
    groups = both.groupby(["part", "backend"], observed=True)
    evidence = groups.agg(error=("error", "max"), checked=("error", "size")).reset_index()
    models = both.drop_duplicates(MODEL).groupby(["part", "backend"], observed=True).size()
    evidence = evidence.merge(models.rename("n").reset_index(), on=["part", "backend"])
    return evidence.merge(excess(tables.decay), "left", ["part", "backend"])


def excess(decay: pd.DataFrame) -> pd.DataFrame:
    """Return per cell and backend by how many decades the full gradient at LAG exceeds its part along the cell.

    Both are norms over the same units, and both have entered the cell: what is between them is what other paths add.
    """
    found = planned(_rows(decay))
    full, along = (left(found, "loss_state", path, (LAG,)) for path in ("full", "cell"))
    both = full.merge(along, on=[*MODEL, "lag"], suffixes=("", "_along"))
    both = both.assign(
        more=difference(both["left"], both["left_along"]), part=both["cell"].astype(str).map(names.cell)
    )
    both = both.assign(default=both["more"].where(defaults.named(both) == defaults.LSTM)).dropna(
        subset=["more"]
    )
    each = both.groupby(["part", "backend", *SETTING], observed=True, dropna=False)["more"].median()
    spread = each.groupby(["part", "backend"]).agg(more="median", least="min", most="max")
    whole = each.groupby("backend").median().rename("middle")
    spread = spread.reset_index().merge(whole.reset_index(), on="backend").set_index(["part", "backend"])
    default = both.groupby(["part", "backend"], observed=True)["default"].median()
    return spread.join(default).reset_index()


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict with the largest error as its effect and how far the full gradient is from the cell's own."""
    states = identity(evidence)
    word = combine(states)
    if word == INCONCLUSIVE:
        what = f"{MIN_CHECKED} derivatives of each LSTM with a forget gate, in float64 on every backend"
        return Verdict(word, missing(evidence, what), _alt(evidence), states=dict(states))
    error = evidence.groupby(evidence["backend"].astype(str))["error"].max()
    sides = {name: float(error[name]) for name in error.index}
    held = "Along the cell alone, with the gates frozen. " if word == SUPPORTED else ""
    worst, least, n = float(error.max()), float(error.min()), int(reference(evidence)["n"].sum())
    return Verdict(word, held + _apart(evidence), _alt(evidence), worst, least, worst, n, by_backend=sides,
                   states=dict(states))  # fmt: skip


def _apart(evidence: pd.DataFrame) -> str:
    """Say how far the full gradient is from its part along the cell, in PyTorch's default and over all settings."""
    own = reference(evidence)
    if not own["more"].notna().any():
        return f"The full gradient at lag {LAG} was not measured beside it, or is exactly zero."
    default = own["default"].dropna()
    words = [f"{number(default.iloc[0])} decades in {defaults.LSTM}"] if len(default) else []
    least, most, middle = own["least"].min(), own["most"].max(), own["middle"].iloc[0]
    words += [f"{number(least)} to {number(most)} decades by setting (median {number(middle)})"]
    return (
        f"After {LAG} steps the full gradient, which has more paths, exceeds its part along the cell by "
        f"{listed(words)}."
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
    statement="For the LSTM the cell-to-cell derivative, along the cell alone, is the product of the forget gates.",
    reading="Per unit and lag, the derivative of c_T by c_t with the gates frozen is the "
    "product of the forget gates between them. Both sides come from the same code: this checks the instrument. How "
    "far the full gradient is from its part along the cell, norm by norm, is reported beside it and decides nothing.",
    prediction="supported, with the full derivative some way off",
    unit="relative error, largest",
    rule=f"A cell holds where the largest relative error of the derivative is at most {number(TOLERANCE)} on every "
    f"backend in float64, over at least {MIN_CHECKED} values on each. All hold: supported; some: depends; none: "
    "refuted.",
    takeaway={
        "supported": "The forget gates give the cell's own path exactly; the gradient that trains has more paths.",
        "refuted": "The product of forget gates is not the derivative along the cell.",
        "depends": "The product of forget gates is the derivative along the cell only in some LSTMs.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)

"""A1d: is the LSTM's cell-to-cell derivative the product of its forget gates?"""

import pandas as pd

from carousel.analysis import names
from carousel.analysis.stats.left import left
from carousel.analysis.stats.tables import MODEL, SETTING, difference, select
from carousel.analysis.text import listed, number
from carousel.claims import defaults
from carousel.claims.claim import Claim, Tables
from carousel.claims.evidence import planned, reference
from carousel.claims.form import Form
from carousel.claims.form_text import Words
from carousel.claims.form_verdict import by_form
from carousel.claims.half_left import LAG
from carousel.claims.rules import HOLDS, MIN_CHECKED, TOLERANCE, WITH_FORGET_GATE


def excess(tables: Tables) -> pd.DataFrame:
    """Return per cell and backend by how many decades the full gradient at LAG exceeds its part along the cell.

    more: their median over settings and repetitions; ``least`` and ``most`` of the medians of a setting; ``default``,
    that of PyTorch's default LSTM; NaN where it was not measured; ``usual``, its forget bias. Both
    are norms over the same units, and both have entered the cell: what is between them is what other paths add.
    """
    found = select(tables.decay, cell=WITH_FORGET_GATE, trained="no", dtype="float64", quantity="loss_state")
    found = planned(found)
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
    usual = both.loc[both["default"].notna(), "forget_bias"].astype(str)
    return spread.join(default).reset_index().assign(usual=usual.iloc[0] if len(usual) else "")


def condition(evidence: pd.DataFrame, states: pd.Series) -> str:
    """Return in words how far the full gradient is from its part along the cell."""
    held = "Along the cell alone, with the gates frozen. " if set(states) == {HOLDS} else ""
    return held + _apart(evidence)


def _apart(evidence: pd.DataFrame) -> str:
    """Say how far the full gradient is from its part along the cell, in PyTorch's default and over all settings."""
    own = reference(evidence)
    if not own["more"].notna().any():
        return f"The full gradient at lag {LAG} was not measured beside it, or is exactly zero."
    default = own["default"].dropna()
    usual = f"{defaults.LSTM} (forget bias {own['usual'].iloc[0]})"
    words = [f"{number(default.iloc[0])} decades in {usual}"] if len(default) else []
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


FORM = Form(
    "identity", "decay", "cec", {"path": "cell", "cell": WITH_FORGET_GATE, "trained": "no", "dtype": "float64"}, (),
    "equal", TOLERANCE, {"quantity": "factor_product", "path": "formula"}, ("cell",),
)  # fmt: skip
WORDS = Words(
    condition,
    _alt,
    f"{MIN_CHECKED} derivatives of each LSTM with a forget gate, in float64 on every backend",
    excess,
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
    **by_form(FORM, WORDS),
)

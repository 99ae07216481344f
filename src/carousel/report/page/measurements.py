"""What the sections on single measurements print: theory, the Jacobian, exponents, gates and factors."""

from types import SimpleNamespace

import pandas as pd

from carousel.analysis.text import count
from carousel.report.figures.exponents import determinants
from carousel.report.figures.theory import gaps
from carousel.report.page.figure_texts import figure
from carousel.report.page.markup import escape, fold, number, table
from carousel.tables.quantities import of_kind

DRAWN = (
    "theory",
    "phase",
    "jacobian",
    "exponents",
    "gates",
    "factors",
    "learned",
    "depth",
)  # each an .svg, and its words in a .txt
ASSUMES = {  # law -> what it assumes
    "isometry": "A linear network whose recurrent matrix is the gain times an orthogonal one. Exact.",
    "scalar chain": "One unit without input, on the fixed point or cycle where it settles. Exact for long sequences.",
    "state at rest": "A gated cell without input that starts at zero: the spectral radius of its "
    "Jacobian there. Exact for long sequences.",
    "Gaussian product": "A linear network with a Gaussian recurrent matrix of many more units than steps.",
    "mean field": "A vanilla network with many units and many inputs per step, and a random recurrent matrix.",
    "forget gates": "The product of forget gates that receive a Gaussian input and no state, its mean over the units.",
}


def drawn(data: SimpleNamespace, name: str) -> str:
    """One of DRAWN, and the same in numbers, which were written with it."""
    numbers = (data.results / "figures" / f"{name}.txt").read_text("utf-8")
    return f"{figure(data, name)}\n\n{fold('The figure in numbers', escape(numbers))}"


def absent(what: str) -> str:
    """What is said of a slice that the study lacks."""
    return f"This study did not measure {what}."


def theory(data: SimpleNamespace) -> str:
    """The picture of the laws, how many settings are not in it, and the table of gaps."""
    found = gaps(data.summary)
    if found.empty:
        return absent("a rate that a closed form predicts")
    rows = [
        (escape(row.law), ASSUMES.get(row.law, ""), count(row.settings - row.left_out), number(row.median),
         number(row.largest))
        for row in found.itertuples()
    ]  # fmt: skip
    head = ("Law", "What it assumes", "Settings", "Median gap", "Largest gap")
    text = table("Theory and measurement", head, rows, (9, 36, 8, 10, 10))
    return "\n\n".join(filter(None, [drawn(data, "theory"), left_out(found), text]))


def phase(data: SimpleNamespace) -> str:
    """The map of gain against forget bias."""
    here = (data.summary["slice"] == "phase").any()
    return drawn(data, "phase") if here else absent("gain against forget bias")


def left_out(found: pd.DataFrame) -> str:
    """How many settings have no finite rate, and for how many of them theory says the same."""
    n, alike = found["left_out"].sum(), found["alike"].sum()
    if not n:
        return ""
    return f"Neither drawn nor counted: {count(n)} without a finite rate; in {count(alike)} theory says the same."


def jacobian(data: SimpleNamespace) -> str:
    """The picture of the Jacobian's norms."""
    here = of_kind(data.decay["quantity"].unique(), "jacobian")
    return drawn(data, "jacobian") if here else absent("the Jacobian")


def exponents(data: SimpleNamespace) -> str:
    """The picture of the spectra, and their sum beside the determinant."""
    if not has(data, "lyapunov"):
        return absent("Lyapunov exponents")
    return f"{drawn(data, 'exponents')}\n\n{sums(data.dynamics)}"


def sums(dynamics: pd.DataFrame) -> str:
    """How far the sum of all exponents is from the mean log |det J|."""
    found = determinants(dynamics)
    if not found.models:
        return "No model has all its exponents measured, so that their sum cannot be checked."
    compared = found.models - found.lost - found.apart
    text = [f"In {count(compared)} of {count(found.models)} models both are finite."]
    text += [f"There they differ by at most {number(found.largest)} decades per step."] if compared else []
    text += [f"In {count(found.lost)} both are −∞: a step loses a direction, as a dead ReLU does."] * bool(
        found.lost
    )
    text += [f"**In {count(found.apart)} one is finite and the other is not.**"] * bool(found.apart)
    return " ".join(text)


def gates(data: SimpleNamespace) -> str:
    """The picture of the gates."""
    return drawn(data, "gates") if has(data, "gate_i") or has(data, "gate_f") else absent("gates")


def factors(data: SimpleNamespace) -> str:
    """The picture of the entry and exit factors."""
    return (
        drawn(data, "factors")
        if has(data, "entry") or has(data, "exit")
        else absent("entry and exit factors")
    )


def has(data: SimpleNamespace, quantity: str) -> bool:
    """Does the dynamics table hold this quantity?"""
    return bool((data.dynamics["quantity"] == quantity).any())

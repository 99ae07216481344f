"""Every quantity that is measured: its name, table, what measures it, path, unit and meaning."""

import re
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple


class QuantityEntry(NamedTuple):
    """What the column ``quantity`` names; a name with {state} or {gate} in it stands for one per state or gate."""

    name: str
    table: str
    kind: str  # what measures it, as in a study's `measures`; "factors" of gates have no axis of time
    paths: tuple[str, ...]  # of the decay table; the dynamics table has none
    unit: str
    meaning: str


PATHS = {
    "full": "all routes",
    "candidate": "the carousel and the candidate, the gates held",
    "gates": "the full gradient less that of candidate",
    "cell": "the carousel alone",
    "truncated": "as the rule of 1997 lets errors pass (Hochreiter and Schmidhuber)",
    "formula": "none: a product of factors",
}
LOSS = "full", "candidate", "gates", "cell", "truncated"
FULL = ("full",)
QUANTITIES = (
    QuantityEntry("loss_state", "decay", "gradient", LOSS, "decades", "norm of the loss's gradient by all states"),
    QuantityEntry("loss_{state}", "decay", "gradient", LOSS, "decades", "norm of the loss's gradient by one state"),
    QuantityEntry("loss_x", "decay", "gradient", FULL, "decades", "norm of the loss's gradient by the input"),
    QuantityEntry("cec", "decay", "gradient", ("cell",), "decades", "derivative of c by an earlier c of the same unit"),
    QuantityEntry("factor_product", "decay", "gradient", ("formula",), "decades",
             "product of the Q&A's factors: the forget gates, or the slopes in a network without gates"),
    QuantityEntry("slopes", "decay", "gradient", FULL, "decades",
             "what the slopes of a network without gates make of the gradient"),
    QuantityEntry("weights", "decay", "gradient", FULL, "decades",
             "what the recurrent weights of a network without gates make of the gradient"),
    QuantityEntry("jacobian_fro", "decay", "jacobian", FULL, "decades", "Frobenius norm of the joint state's Jacobian"),
    QuantityEntry("jacobian_spec", "decay", "jacobian", FULL, "decades", "spectral norm of the joint state's Jacobian"),
    QuantityEntry("jacobian_fro_hh", "decay", "jacobian", FULL, "decades", "Frobenius norm of its block from h to h"),
    QuantityEntry("jacobian_spec_hh", "decay", "jacobian", FULL, "decades", "spectral norm of its block from h to h"),
    QuantityEntry("jacobian_fro_cc", "decay", "jacobian", FULL, "decades", "Frobenius norm of its block from c to c"),
    QuantityEntry("jacobian_spec_cc", "decay", "jacobian", FULL, "decades", "spectral norm of its block from c to c"),
    QuantityEntry("jacobian_fro_x", "decay", "jacobian", FULL, "decades", "Frobenius norm of d h / d x, x the input"),
    QuantityEntry("jacobian_spec_x", "decay", "jacobian", FULL, "decades", "spectral norm of d h / d x, x the input"),
    QuantityEntry("lyapunov", "dynamics", "exponents", (), "decades per step", "Lyapunov exponent, the largest first"),
    QuantityEntry("lyapunov_sum", "dynamics", "exponents", (), "decades per step", "sum of all exponents"),
    QuantityEntry("log_det", "dynamics", "exponents", (), "decades per step",
             "mean of log10 |det| of a step's Jacobian, which the sum is to equal"),
    QuantityEntry("gate_{gate}", "dynamics", "gates", (), "1", "activation of a gate, or of the candidate"),
    QuantityEntry("entry", "dynamics", "factors", (), "1", "d h / d c of a unit, the gates held"),
    QuantityEntry("exit", "dynamics", "factors", (), "1",
             "norm of the error that an error of 1 in c sends back through the candidate"),
    QuantityEntry("exit_gate", "dynamics", "factors", (), "1", "the input gate's factor of exit"),
    QuantityEntry("exit_squash", "dynamics", "factors", (), "1", "the slope of the candidate's factor of exit"),
    QuantityEntry("exit_affine", "dynamics", "factors", (), "1", "the factor of exit that is the norm of a row of R"),
    QuantityEntry("truncated_cosine", "dynamics", "truncation", (), "1",
             "cosine of the truncated gradient by all parameters with the full one"),
    QuantityEntry("truncated_norm", "dynamics", "truncation", (), "decades",
             "log10 of the truncated gradient's norm over the full one's"),
)  # fmt: skip
EXIT_PARTS = "exit_gate", "exit_squash", "exit_affine"
"""The three factors whose product is ``exit``."""
BY_INPUT = "loss_x", "jacobian_fro_x", "jacobian_spec_x"
"""What is measured by the input of a step, not by a state."""


@cache
def quantity(name: str) -> QuantityEntry:
    """The entry that a name in the tables belongs to: its own, or that of the pattern it is built from.

    Raises KeyError for a name that is not measured.
    """
    own = [entry for entry in QUANTITIES if entry.name == name]
    built = [entry for entry in QUANTITIES if filled(entry.name, name)]
    if not own + built:
        allowed = ", ".join(entry.name for entry in QUANTITIES)
        raise KeyError(f"quantity: found {name[:60]!r}; allowed: {allowed}")
    return (own + built)[0]


def member(name: str) -> str:
    """The state or the gate that a name is built for; "" for a name that is built for none."""
    return filled(quantity(name).name, name)


def filled(pattern: str, name: str) -> str:
    """What stands in `name` where `pattern` has {state} or {gate}; "" where it is not built so."""
    start, brace, end = re.split(r"(\{\w+\})", pattern) if "{" in pattern else (pattern, "", "")
    found = re.fullmatch(f"{re.escape(start)}([^_]+){re.escape(end)}", name) if brace else None
    return found[1] if found else ""


def of_kind(names: Iterable[str], *kinds: str) -> list[str]:
    """Those of the names of quantities that something of `kinds` measures."""
    return [name for name in names if quantity(name).kind in kinds]

"""What begins at which forget bias, in one table: thresholds that are of different things, and a window."""

from types import SimpleNamespace
from typing import NamedTuple

from carousel.analysis.stats.left import VANISHED
from carousel.analysis.text import bias_order, listed, span
from carousel.claims.q2_must_vanish import INSIDE
from carousel.claims.rules import LAG
from carousel.report import names
from carousel.report.page.facts import Lacking, advised, at_fixed_biases, crossed, of_lstms, said, threshold
from carousel.report.page.markup import escape, link, table

TANH = "beyond its margin against the tanh RNN"  # how the parts begin that the essay speaks of


class Begins(NamedTuple):
    """A threshold along the forget bias: the claim and the parts of its evidence that have it, what holds beyond it."""

    claim: str
    part: str
    what: str
    digits: int = 1


EACH = (
    Begins("K2", TANH, f"More is left after {LAG} steps than in a tanh RNN of the same weights", 2),
    Begins("A2a", TANH, "The gradient lasts three times as long as in that tanh RNN", 2),
    Begins("Q2", "the total stops vanishing", f"Of what was left at lag {INSIDE}, once inside the cell, a tenth is "
           f"left at lag {LAG}"),
    Begins("M2", "a tenth along the carousel", f"A tenth of what is left at lag {LAG} came along the carousel alone"),
    Begins("A1e", f"threshold over {LAG} steps", f"Half of what runs along the carousel is left after {LAG} steps"),
)  # fmt: skip


def thresholds(data: SimpleNamespace) -> str:
    """The table, the lowest bias first, and where enough is left; raises Lacking for fewer than two thresholds."""
    found = sorted(row for each in EACH if (row := _row(data, each)))
    if len(found) < 2:
        raise Lacking("two thresholds along the forget bias")
    head = ("Forget bias from", "What holds from there on", "Claim", "On")
    rows = table("Thresholds along the forget bias", head, [cells for _, cells in found], (9, 34, 6, 20))
    first = "Each threshold along the forget bias that is told here is of another thing."
    return f"#### Several thresholds {{#thresholds}}\n\n{first}{said(window, data)}{said(_advice, data)}\n\n{rows}"


def _row(data: SimpleNamespace, each: Begins) -> tuple[float, tuple[str, ...]] | None:
    """The lowest bias, to sort by, and the row of the table; none where no line passes the threshold."""
    try:
        ends, lines = threshold(data, each.claim, each.part), crossed(data, each.claim, each.part)
    except Lacking:
        return None
    return ends[0], (span(*ends, each.digits), each.what, link(each.claim), lines)


def window(data: SimpleNamespace) -> str:
    """At which fixed biases a tenth of the whole gradient is left at the standard lag, by init."""
    rows = at_fixed_biases(of_lstms(data, LAG, "full"))
    if rows.empty:
        raise Lacking(f"what is left at lag {LAG} by forget bias")
    tried = bias_order(rows["forget_bias"].astype(str).unique())
    each = [
        f"{listed(bias_order(own.loc[own['left'] >= VANISHED, 'forget_bias'].astype(str))) or 'none'} "
        f"({escape(names.init(str(init)))} init)"
        for init, own in rows.groupby("init", observed=True)
    ]
    return (
        f" Of the whole gradient, entering the cell included, a tenth or more is left at lag {LAG} by the mean at "
        f"{listed(each)}, of the fixed biases from {tried[0]} to {tried[-1]}: below such a window the gate forgets, "
        "above it too little enters the cell."
    )


def _advice(data: SimpleNamespace) -> str:
    """The bias that is recommended for the standard lag: the lower end of the window of its init."""
    row = advised(data, "lstm")
    bias, init = names.forget_bias(str(row["forget_bias"])), escape(names.init(str(row["init"])))
    return f" The bias that the gradient [recommends](#recommended) for {LAG} steps is {bias} on {init} init."

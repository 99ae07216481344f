"""What begins at which forget bias, in one list: thresholds that are of different things."""

from types import SimpleNamespace
from typing import NamedTuple

from carousel.analysis.text import span
from carousel.claims.q2_must_vanish import INSIDE
from carousel.claims.rules import LAG
from carousel.report import names
from carousel.report.page.facts import Lacking, advised, crossed, said, threshold
from carousel.report.page.markup import escape, link

SAME = "against the tanh RNN: orthogonal"  # how the parts of one init begin that the essay speaks of


class Begins(NamedTuple):
    """A threshold along the forget bias: the claim and the parts of its evidence that have it, what holds beyond it."""

    claim: str
    part: str
    what: str
    digits: int = 1


EACH = (
    Begins("K2", f"beyond its margin {SAME}", f"more is left after {LAG} steps than in a tanh RNN of the same "
           "orthogonal weights", 2),
    Begins("A2a", f"beyond its margin {SAME}", "the gradient lasts three times as long as in that tanh RNN", 2),
    Begins("Q2", "the total stops vanishing", f"of what was left at lag {INSIDE}, once inside the cell, a tenth is "
           f"left at lag {LAG}"),
    Begins("M2", "a tenth along the carousel", f"a tenth of what is left at lag {LAG} came along the carousel alone"),
    Begins("A1e", f"threshold over {LAG} steps", f"half of what runs along the carousel is left after {LAG} steps"),
)  # fmt: skip


def thresholds(data: SimpleNamespace) -> str:
    """The list, the lowest bias first, and which bias is recommended; raises Lacking for fewer than two thresholds."""
    found = [row for each in EACH if (row := _row(data, each))]
    if len(found) < 2:
        raise Lacking("two thresholds along the forget bias")
    rows = [line for _, line in sorted(found)]
    first = "Several thresholds along the forget bias are told here; each is of another thing."
    return "\n".join([f"{first}{said(_advice, data)} From a forget bias of", "", *rows])


def _row(data: SimpleNamespace, each: Begins) -> tuple[float, str] | None:
    """The lowest bias, to sort by, and the line of the list; none where no line passes the threshold."""
    try:
        ends, lines = threshold(data, each.claim, each.part), crossed(data, each.claim, each.part)
    except Lacking:
        return None
    text = (
        f"- **{span(*ends, each.digits)}** on, {each.what} ({link(each.claim)}, {lines} lines along the bias)"
    )
    return ends[0], text


def _advice(data: SimpleNamespace) -> str:
    """The bias that is recommended for the standard lag, which is no threshold."""
    row = advised(data, "lstm")
    bias, init = names.forget_bias(str(row["forget_bias"])), escape(names.init(str(row["init"])))
    return (
        f" The one that the gradient [recommends](#recommended) for {LAG} steps ({bias}) is no threshold: "
        f"on {init} init it leaves at least a tenth of the gradient with respect to the last state, entering the cell "
        "included."
    )

"""The two ways in which a gradient counts as vanished, side by side."""

from types import SimpleNamespace

from carousel.analysis.stats.left import VANISHED
from carousel.analysis.stats.tables import select
from carousel.analysis.text import as_number, bias_order, share
from carousel.claims.defaults import FIRST
from carousel.claims.q2_must_vanish import INSIDE
from carousel.claims.rules import LAG
from carousel.report import names
from carousel.report.page.facts import Lacking, route, said
from carousel.report.page.markup import escape, link


def counted_twice(data: SimpleNamespace) -> str:
    """Both counts, with a forget bias at which they differ where there is one."""
    return (
        f"*Vanished* is counted in two ways here, both at a tenth. {link('K1')} counts from the last state, so that "
        f"what an error loses on entering the cell counts. {link('Q2')} counts from lag {INSIDE}, once it is inside. "
        f"{said(_apart, data)}"
    ).strip()


def _apart(data: SimpleNamespace) -> str:
    """The highest forget bias at which a gradient has vanished by the one count and not by the other."""
    own = select(data.routes, slice="reach", cell="lstm", init=FIRST, trained="no")["forget_bias"].astype(str)
    for bias in reversed([name for name in bias_order(own.unique()) if as_number(name) == as_number(name)]):
        inside, far = (route(data, "reach", bias, lag, "loss_state", "full") for lag in (INSIDE, LAG))
        if far < VANISHED < far - inside:
            return (
                f"At a forget bias of {bias}, {share(far)} is left at lag {LAG} ({escape(names.init(FIRST))} init): "
                f"vanished by the first count. But {share(inside)} was left at lag {INSIDE}, and of that "
                f"{share(far - inside)} stays: not vanished by the second."
            )
    raise Lacking("a forget bias at which the two counts differ")

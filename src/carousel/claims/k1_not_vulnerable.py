"""K1: are LSTMs not vulnerable to vanishing gradients?"""

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd

from carousel.analysis import names
from carousel.analysis.stats.left import VANISHED, left
from carousel.analysis.stats.tables import PAIR, by_repetition, select
from carousel.analysis.text import bias_order, listed, number
from carousel.axes import LIBRARIES, REFERENCE, STANDARD_DRIVE
from carousel.claims import defaults
from carousel.claims.claim import Claim, Margin, Tables
from carousel.claims.evidence import DEFAULTS, planned
from carousel.claims.form import Form
from carousel.claims.form_text import Words
from carousel.claims.form_verdict import by_form
from carousel.claims.routes import few_and_drawn
from carousel.claims.rule_text import words_of_universal
from carousel.claims.rules import LAG, LSTMS, MIN_SEARCHED
from carousel.claims.settings_text import named

EARLY = 10  # steps: by then error has entered the cell, and what it loses later it loses on the way

LOST = Margin(
    -VANISHED, f"decade of the total gradient lost at lag {LAG}", "less than a tenth left is called vanished"
)


def early(tables: Tables) -> pd.DataFrame:
    """Return ``early``, decades left at EARLY on the reference backend. What is lost by then was lost on entering."""
    rows = select(tables.decay, cell=LSTMS, quantity="loss_state", path="full", backend=REFERENCE)
    return left(rows, "loss_state", "full", (EARLY,))[[*PAIR, "left"]].rename(columns={"left": "early"})


def condition(space: pd.DataFrame, witness: pd.Series, seen: pd.Series) -> str:
    """Return in words which LSTM has least left, what libraries' defaults have, and how many vanish."""
    begin = "Counterexample" if seen.any() else "Least is left"
    said = f"{begin}: {_named(witness)}, of which {_share(witness)} is left at lag {LAG}."
    return " ".join([said, *_libraries(space), _shares(space, few_and_drawn)])


def _named(witness: pd.Series) -> str:
    return f"{named(witness)}, {witness['hidden']} units"


def _share(witness: pd.Series) -> str:
    return f"10^{number(witness[REFERENCE])}" if np.isfinite(witness[REFERENCE]) else "nothing"


def _libraries(space: pd.DataFrame) -> list[str]:
    """Return in words how much each library's default LSTM has left, the mean over repetitions."""
    usual = select(space, slice=DEFAULTS, cell="lstm", trained="no").assign(backend=REFERENCE)
    words = [
        f"10^{number(np.mean(by_repetition(own, REFERENCE)))} ({LIBRARIES[init]})"
        for init, own in defaults.by_library(usual)
    ]
    return [f"By default there is left, in the mean, {listed(words)}."] if words else []


def _shares(space: pd.DataFrame, shown: Callable[[Iterable[str]], list[str]] = bias_order) -> str:
    """Return in words how many vanish on the reference backend, by forget bias, after training and in a search.

    shown: which of the forget biases are said.
    """
    found, by_plan = space[REFERENCE] < space["margin"], planned(space)
    usual = select(by_plan, drive=STANDARD_DRIVE, step=0)
    early = usual["early"] < usual["margin"]
    bias = usual["forget_bias"].astype(str)
    share, soon = (100 * each.groupby(bias).mean() for each in (found[usual.index], early))
    words = [f"{share[b]:.0f} % ({soon[b]:.0f} %) {names.at_biases([b])}" for b in shown(share.index)]
    after = space["step"] > 0
    trained = f"; after training in {found[after].sum()} of {after.sum()}" if after.any() else ""
    by_search = found.drop(by_plan.index)
    searched = f"; in a search in {by_search.sum()} of {len(by_search)}" if len(by_search) else ""
    begin = (
        f"Less than a tenth of the gradient by the last state is left at lag {LAG} (vanished; Q2 counts from lag "
        f"{EARLY})"
    )
    counts = f"{begin} in {found[by_plan.index].sum()} of {len(by_plan)} LSTMs"
    where = (
        f" At drive {STANDARD_DRIVE}, before training, it has in: {'; '.join(words)}. In brackets: those in which it "
        f"had by lag {EARLY}, on entering the cell."
    )
    return f"{counts}{trained}{searched}.{where if words else ''}"


def _alt(space: pd.DataFrame) -> str:
    if space.empty:
        return "No LSTM was measured."
    middle = space[REFERENCE].median()
    return (
        f"Dots of what is left of the total gradient of an LSTM at lag {LAG}, by forget bias, at the start and after "
        f"training; the median is {number(middle)} decades. {_shares(space)}"
    )


FORM = Form(
    "universal", "decay", "loss_state", {"path": "full", "cell": LSTMS, "length": {"from": LAG}}, (LAG,),
    "above", -LOST.value, {}, (), shown={"slice": DEFAULTS, "init": defaults.FIRST, "cell": "lstm", "trained": "no"},
)  # fmt: skip
WORDS = Words(
    condition,
    _alt,
    f"a search of at least {MIN_SEARCHED} settings on every backend, without one-sided findings",
    early,
)
CLAIM = Claim(
    id="K1",
    who="comment",
    kind="universal",
    statement="LSTMs are not vulnerable to vanishing gradients.",
    reading="Of the total gradient of every LSTM (any init, forget bias, gain, width, drive and length from "
    f"{LAG} steps on, before and after training) at least a tenth is left at lag {LAG}, relative to the last state's: "
    "what is lost on entering the cell counts like what is lost on the way.",
    prediction="refuted",
    unit=f"decades left at lag {LAG} (the witness)",
    rule=words_of_universal(f"One LSTM with more than {LOST.value:g} {LOST.unit}"),
    takeaway={
        "supported": "No LSTM of the study lost its gradient.",
        "refuted": "An LSTM can lose its gradient, and with a library's default it does: measure your own.",
    },
    margin=LOST,
    **by_form(FORM, WORDS),
)

"""What the pictures of single measurements show, in a line, and over how many settings and repetitions they are."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pandas as pd

from carousel.analysis.depth import against_one
from carousel.analysis.stats.slopes import STEADY
from carousel.analysis.stats.tables import select
from carousel.analysis.text import count, counted, fixed, power, share, span
from carousel.claims.defaults import FIRST
from carousel.claims.rules import LAG
from carousel.report.figures import depth, gates, learned, phase, theory
from carousel.report.figures.data import sample, usual
from carousel.report.figures.exponents import main_cells
from carousel.report.figures.story import STORY
from carousel.report.page.facts import Lacking, Wording, above
from carousel.tables.quantities import of_kind

HALF = 0.5  # of the seeds: what counts as solved


class Text(NamedTuple):
    """Of a picture its finding, and how many settings and repetitions it is over."""

    title: Wording
    n: Wording


def _story(data: SimpleNamespace) -> str:
    left = _shown(data).set_index(["cell", "forget_bias"])["left"]
    try:
        plain, low, drawn = (left[at] for at in (("rnn_tanh", "none"), ("lstm", "0"), ("lstm", "chrono")))
    except KeyError as error:
        raise Lacking(str(error)) from error
    return (
        f"After {LAG} steps {share(plain)} is left in a tanh RNN, {share(low)} in an LSTM at forget bias 0, "
        f"{share(drawn)} with chrono biases"
    )


def _shown(data: SimpleNamespace) -> pd.DataFrame:
    """What is left at LAG in the settings that the story shows."""
    rows = select(data.routes, quantity="loss_state", path="full", cell=STORY, init=FIRST, lag=LAG)
    rows = sample(usual(rows)) if len(rows) else rows
    return rows.astype({"cell": str, "forget_bias": str})


def _theory(data: SimpleNamespace) -> str:
    gap = theory.covered(data.summary)["gap"].dropna()
    if gap.empty:
        raise Lacking("a rate beside that of theory")
    return f"Half of {counted(len(gap), 'measured rate')} are within {power(above(gap.median()))} of theory’s"


def _phase(data: SimpleNamespace) -> str:
    grid = phase.grids(data.summary).get("lstm", pd.DataFrame())
    lowest = grid.min()
    held = [bias for bias in lowest.index if (lowest[lowest.index >= bias] > -STEADY).all()]
    if not held or len(held) == len(lowest) or (grid.idxmin()[lowest.index < held[0]] != grid.index[0]).any():
        raise Lacking(
            "a forget bias from which on no gain lets the gradient decay, and below it the lowest does"
        )
    return f"From a forget bias of {held[0]:g} on an LSTM’s gradient decays at no gain tried; below it a low gain does"


def _exponents(data: SimpleNamespace) -> str:
    own = _spectra(data)
    own = own[own["cell"].astype(str) == "lstm97"]
    if own.empty:
        raise Lacking("exponents of the LSTM of 1997")
    place = own.groupby("repetition")["value"].rank(ascending=False, method="first")
    middle = own["value"].groupby(place).median()
    near = int((middle.abs() < STEADY).sum())
    cells = int(own["hidden"].iloc[0])
    if not 0.5 * cells < near <= cells:
        raise Lacking("about as many exponents near zero as memory cells")
    return f"In the LSTM of 1997, with {cells} memory cells, {near} of {len(middle)} exponents are near zero"


def _spectra(data: SimpleNamespace) -> pd.DataFrame:
    return main_cells(sample(usual(select(data.dynamics, quantity="lyapunov"))))


def middle(bands: pd.DataFrame) -> pd.Series:
    """The medians of rows of quantiles. Raises Lacking where none was measured."""
    if HALF not in bands:
        raise Lacking("a median")
    return bands[HALF]


def _gates(data: SimpleNamespace) -> str:
    table = gates.bands(gates.first_and_last(data.dynamics), gates.GATES)
    own = middle(select(table, cell="lstm", forget_bias="1", quantity="gate_f").sort_values("step"))
    if len(own) < 2:
        raise Lacking("forget gates before and after training")
    first, last = (share(np.log10(value)) for value in (own.iloc[0], own.iloc[-1]))
    return f"At a forget bias of 1 the LSTM’s forget gates are {first} open before training, {last} after"


def _factors(data: SimpleNamespace) -> str:
    table = gates.bands(gates.before(data.dynamics), gates.FACTORS)
    own = middle(select(table, cell="lstm", forget_bias="1").set_index("quantity")) if len(table) else {}
    if not {"entry", "exit"} <= {*getattr(own, "index", ())}:
        raise Lacking("entry and exit factors")
    entry, leave = (share(np.log10(own[name])) for name in ("entry", "exit"))
    return (
        f"In one step of an LSTM at forget bias 1, {entry} of the error enters the cell and {leave} leaves it"
    )


def _learned(data: SimpleNamespace) -> str:
    rows = learned.lost(data.learned)
    most = rows.loc[rows["share"] >= HALF, "lost"].max()
    beyond = int((rows["lost"] > most).sum())
    if not beyond:
        raise Lacking("settings that lose more than any that is solved")
    return (
        f"No setting that loses more than {fixed(most, 0)} decades on its way is solved by half of its seeds"
    )


def _depth(data: SimpleNamespace) -> str:
    found = against_one(sample(data.depth))
    found = found[(found["layers"] == found["layers"].max()) & (found["layers"] > 1)]
    far = found[(found["lag"] == found["lag"].max()) & found["residual"]]
    if far.empty:
        raise Lacking("stacks beside single layers")
    return (
        f"With residual connections more arrives at the lowest of {far['layers'].iloc[0]} layers than at a single one, "
        f"in {(far['change'] == 'more').sum()} of {len(far)} settings at lag {far['lag'].iloc[0]}"
    )


def _repeated(rows: pd.DataFrame) -> str:
    """Of how many repetitions a line, or a mark, is the median."""
    if rows.empty:
        raise Lacking("rows")
    column = "repetitions" if "repetitions" in rows else "repetition"
    several = int(rows[column].max()) if column == "repetitions" else rows[column].nunique()
    return f"Medians of {counted(several, 'repetition')}"


def _summed(rows: pd.DataFrame) -> str:
    """Settings and repetitions of rows that are one per setting."""
    if rows.empty:
        raise Lacking("rows")
    low, high = int(rows["repetitions"].min()), int(rows["repetitions"].max())
    several = counted(high, "repetition") if low == high else f"{count(low)} to {count(high)} repetitions"
    return f"{counted(len(rows), 'setting')} × {several}"


def _phases(data: SimpleNamespace) -> pd.DataFrame:
    return sample(select(data.summary, slice=phase.SLICE, quantity="loss_state", path="full", trained="no"))


def _covered(data: SimpleNamespace) -> pd.DataFrame:
    rows = theory.covered(data.summary)
    return rows[rows["finite"]]


def _jacobians(data: SimpleNamespace) -> pd.DataFrame:
    return sample(usual(select(data.decay, quantity=of_kind(data.decay["quantity"].unique(), "jacobian"))))


def _runs(data: SimpleNamespace) -> str:
    rows = learned.lost(data.learned)
    if rows.empty:
        raise Lacking("settings that were trained")
    low, high = int(rows["seeds"].min()), int(rows["seeds"].max())
    return f"{counted(len(rows), 'setting')} and lengths × {span(low, high, 0)} seeds"


def _none(data: SimpleNamespace) -> str:
    raise Lacking("a finding")


PICTURE_TEXTS: Mapping[str, Text] = {
    "story": Text(_story, lambda data: _repeated(_shown(data))),
    "theory": Text(_theory, lambda data: _summed(_covered(data))),
    "phase": Text(_phase, lambda data: _summed(_phases(data))),
    "jacobian": Text(_none, lambda data: _repeated(_jacobians(data))),
    "exponents": Text(_exponents, lambda data: _repeated(_spectra(data))),
    "gates": Text(_gates, lambda data: _repeated(gates.first_and_last(data.dynamics))),
    "factors": Text(_factors, lambda data: _repeated(gates.before(data.dynamics))),
    "learned": Text(_learned, _runs),
    "depth": Text(_depth, lambda data: _repeated(depth.shown(data.depth))),
}

"""A4g: in the basic RNN, is the error smaller the longer the distance?"""

import pandas as pd

from carousel.analysis.stats.resampling import spread
from carousel.analysis.stats.slopes import STEADY, rates
from carousel.analysis.stats.tables import repeated, select
from carousel.analysis.text import listed, number
from carousel.claims.evidence import (
    ALONG_GAIN,
    boundary,
    main,
    missing,
    planned,
    stack,
    threshold,
    with_crossing,
)
from carousel.claims.rules import (
    DEPENDS,
    FAILS,
    INCONCLUSIVE,
    LONG,
    MIN_REPETITIONS,
    VANILLA,
    Boundary,
    Claim,
    Tables,
    Verdict,
    combine,
    trend,
)


def rows(tables: Tables) -> pd.DataFrame:
    """Return the gradient of every vanilla RNN at initialisation, driven by noise over LONG steps or more."""
    return _rows(tables.decay)


def _rows(decay: pd.DataFrame) -> pd.DataFrame:
    found = select(decay, cell=VANILLA, trained="no", quantity="loss_h", path="full")
    return planned(found[(found["length"] >= LONG) & (found["hidden"] > 1)])


def slopes(decay: pd.DataFrame) -> pd.DataFrame:
    """Return the rate of every vanilla RNN, one row per model."""
    return rates(_rows(decay), "loss_h", "full")


def measure(tables: Tables) -> pd.DataFrame:
    """Return per cell, init, gain and backend the rate with its interval, and the gain at which it stops vanishing."""
    rate = repeated(slopes(tables.decay).dropna(subset=["rate"]), MIN_REPETITIONS)
    return stack([_cell(rate, cell) for cell in VANILLA])


def _cell(rate: pd.DataFrame, cell: str) -> pd.DataFrame:
    rate = select(rate, cell=cell)
    evidence = spread(rate, ["cell", "init", "gain"])
    evidence = with_crossing(evidence, select(rate, slice=ALONG_GAIN), "gain", -STEADY, log=True)
    names = evidence["cell"].astype(str) + ", " + evidence["init"].astype(str)
    return evidence.assign(name=names, part=names + ", gain " + evidence["gain"].map("{:g}".format))


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict and, per cell and init, the gains at which the gradient is flat or rises."""
    states = trend(evidence, decays=True)
    word = combine(states)
    if word == INCONCLUSIVE:
        what = f"{MIN_REPETITIONS} repetitions of vanilla RNNs at T of at least {LONG}, on every backend"
        return Verdict(word, missing(evidence, what), _alt(evidence))
    at = _boundary(evidence) if word == DEPENDS else None
    return Verdict(word, _condition(evidence, states), _alt(evidence), **main(_usual(evidence)), boundary=at)


def _boundary(evidence: pd.DataFrame) -> Boundary | None:
    """Return the gain at which the tanh RNN stops vanishing, or else the first cell that does."""
    cells = sorted(VANILLA, key=lambda cell: cell != "rnn_tanh")
    found = (boundary(select(evidence, cell=cell), "gain") for cell in cells)
    return next((at for at in found if at), None)


def _usual(evidence: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that stand for the claim: the tanh RNN as a library starts it, or the first part."""
    usual = select(evidence, name="rnn_tanh, torch", gain=1.0)
    return usual if len(usual) else evidence[evidence["part"] == evidence["part"].iloc[0]]


def _condition(evidence: pd.DataFrame, states: pd.Series) -> str:
    seen = evidence.drop_duplicates("part").assign(state=lambda table: table["part"].map(states))
    flat = seen[seen["state"] == FAILS].groupby("name", sort=False)["gain"]
    words = [f"{name} from gain {gains.min():g}" for name, gains in flat]
    thresholds = {
        cell: threshold(select(evidence, cell=cell), "gain") for cell in seen["cell"].astype(str).unique()
    }
    said = listed([f"{cell} {where}" for cell, where in thresholds.items() if where])
    return (
        f"Flat or rising in {(states == FAILS).sum()} of {len(states)} settings: {'; '.join(words) or 'none'}."
        + (f" As the gain alone rises, the decay ends: {said}." if said else "")
    )


def _alt(evidence: pd.DataFrame) -> str:
    if evidence.empty:
        return "No vanilla RNN was measured."
    low, high = evidence["effect"].min(), evidence["effect"].max()
    return (
        "Rate of the gradient of vanilla RNNs against the gain of the recurrent weights, by cell and init, from "
        f"{number(low)} to {number(high)} decades per step."
    )


CLAIM = Claim(
    id="A4g",
    who="answer 4",
    kind="trend",
    statement="In the basic RNN each step applies an affine map and a nonlinearity, so the longer the distance the "
    "smaller the error.",
    reading="At initialisation the gradient of the sigmoid, tanh and ReLU RNN decays with lag, whatever the init "
    "and the gain of its recurrent weights.",
    prediction="depends: on the gain; it is flat near criticality and rises beyond",
    unit="decades per step (rnn_tanh, torch init, gain 1)",
    rule="A cell, init and gain decays (does not) where the 95 % interval of its rate lies below (above) a loss of a "
    f"factor of 2 in 100 steps on every backend, with at least {MIN_REPETITIONS} repetitions. "
    "All: supported; some: depends.",
    takeaway={
        "supported": "In a vanilla RNN the error shrinks with distance.",
        "refuted": "In a vanilla RNN the error does not shrink with distance.",
        "depends": "Distance shrinks the error of a vanilla RNN only below a critical weight scale; tune the gain.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)

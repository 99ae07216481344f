"""A2c: can weights be learned that hold the forget gate near one, at 0.99995 per step?"""

import numpy as np
import pandas as pd

from carousel.analysis.stats.resampling import interval
from carousel.analysis.stats.slopes import rates
from carousel.analysis.stats.tables import select
from carousel.analysis.text import as_number, bias_order, count, counted, number
from carousel.analysis.theory.scalar import log10_sigmoid
from carousel.axes import BACKENDS, LAGS, REFERENCE
from carousel.claims.claim import Claim, Tables, Verdict
from carousel.claims.evidence import stack, unsearched, wide
from carousel.claims.numbers import witnessed
from carousel.claims.rules import (
    DEPENDS,
    FAILS,
    HOLDS,
    INCONCLUSIVE,
    MIN_REPETITIONS,
    REFUTED,
    ROUNDING,
    SUPPORTED,
    UNCLEAR,
    WITH_FORGET_GATE,
    confirmed,
)
from carousel.claims.settings_text import named

NET = 10.0  # the claim's net input: w = 10, x = 1
FACTOR = 0.99995  # as printed in the Q&A
NEAR = float(0.5 ** (1 / LAGS[-1]))  # per step: leaves a half over the longest lag that is asked about
LEARNING_RATES = {"held": 0.1}  # the slice with a budget; the studies train every other one at
LEARNING_RATE = 0.01
RUN = ["slice", "cell", "init", "forget_bias", "trained", "gradient"]  # what a training run is found by, and
WHEN = ["length", "repetition", "step"]
MEAN, SLOWEST = (
    "mean",
    "slowest",
)  # of a layer's units: the geometric mean, and the norm, which the slowest rules


def rows(tables: Tables) -> pd.DataFrame:
    """Return the derivative along the cell of every LSTM with a forget gate, before and after training."""
    return select(tables.decay, cell=WITH_FORGET_GATE, quantity=("cec", "loss_state"), path="cell")


def mean(tables: Tables) -> pd.DataFrame:
    """Return the rate along the cell, geometric mean over units, on every backend: one row per model."""
    return wide(rates(rows(tables), "cec", "cell"))


def measure(tables: Tables) -> pd.DataFrame:
    """Return the rate along the cell on every backend: a row per model ``of`` the mean unit, one of the slowest."""
    both = stack(
        [mean(tables).assign(of=MEAN), wide(rates(rows(tables), "loss_state", "cell")).assign(of=SLOWEST)]
    )
    return both.assign(solved=_solved(both, tables.accuracy)) if len(both) else both


def _solved(space: pd.DataFrame, accuracy: pd.DataFrame | None) -> np.ndarray:
    """Return per model 1 where the reference's run solved its task by that step, 0 where not, NaN where unknown."""
    if accuracy is None or accuracy.empty:
        return np.full(len(space), np.nan)
    runs = select(accuracy, backend=REFERENCE)
    runs = runs.assign(trained=runs["task"]).astype(dict.fromkeys(RUN, str)).drop_duplicates([*RUN, *WHEN])
    keyed = space[[*RUN, *WHEN]].astype(dict.fromkeys(RUN, str))
    return keyed.merge(runs[[*RUN, *WHEN, "solved"]], "left", [*RUN, *WHEN])["solved"].to_numpy(float)


def holds(space: pd.DataFrame) -> pd.DataFrame:
    """Return per backend whether the factor per step is at least FACTOR."""
    return space[list(BACKENDS)] >= np.log10(FACTOR)


def near(space: pd.DataFrame) -> pd.DataFrame:
    """Return per backend whether the factor per step is at least NEAR."""
    return space[list(BACKENDS)] >= np.log10(NEAR)


def able(space: pd.DataFrame) -> pd.DataFrame:
    """Return the trained models that began below NET and whose forget bias could have come there.

    Adam moves a weight by about its learning rate in a step, hardly more. The least chrono bias is zero.
    """
    trained = space[(space["trained"].astype(str) != "no") & (space["step"] > 0)]
    rate = trained["slice"].astype(str).map(LEARNING_RATES).astype(float).fillna(LEARNING_RATE)
    way = NET - trained["forget_bias"].astype(str).map(as_number).astype(float).fillna(0.0)
    return trained[(way > 0) & (rate * trained["step"] >= way)]


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict: such weights exist, and training reached them from below with a budget that allows it."""
    if evidence.empty:
        return Verdict(INCONCLUSIVE, "Undecided: no derivative along the cell was measured.", _alt(evidence))
    first, runs = evidence[evidence["of"] == MEAN], able(evidence)
    found, states = confirmed(first, holds(first)), {"exists": exists(first), "learned": learned(runs)}
    word = _word(*states.values())
    models = int(first[REFERENCE].notna().sum())
    if word == INCONCLUSIVE:
        what = f"an LSTM with forget bias {NET:g}, and {MIN_REPETITIONS} trained with a budget that could reach it,"
        return Verdict(word, unsearched(first, what), _alt(evidence), n=models, states=states)
    own = first[_at_net(first)]
    shown = (first[found] if found.any() else own).dropna(subset=list(BACKENDS))
    row = shown.loc[(shown[REFERENCE] - np.log10(FACTOR)).abs().idxmin()]
    numbers = {name: 10**value for name, value in witnessed(row).items() if name != "by_backend"}
    sides = {name: float(10 ** row[name]) for name in BACKENDS}
    condition = f"{_witness(row, found, word)} {_learned(evidence)}"
    return Verdict(word, condition, _alt(evidence), **numbers, n=models, by_backend=sides, states=states)


def exists(space: pd.DataFrame) -> str:
    """Return the state of the first half: the number is right, and a model has it on every backend."""
    right = round(float(10 ** log10_sigmoid(NET)), 5) == FACTOR
    tried = space[_at_net(space)][list(BACKENDS)].notna().all(axis=1).any()
    return HOLDS if right and confirmed(space, holds(space)).any() else FAILS if tried else UNCLEAR


def learned(runs: pd.DataFrame) -> str:
    """Return the state of the second half: a run of the reference brought a unit NEAR one, or none did.

    Every other backend confirms it: of the runs that all of them trained it brings as many there, to within the
    sampling error of their share.
    """
    own = runs[(runs["of"] == SLOWEST) & runs[REFERENCE].notna()]
    both = own[own[list(BACKENDS)].notna().all(axis=1)]
    if both.empty or own["repetition"].nunique() < MIN_REPETITIONS:
        return UNCLEAR
    _, low, high = interval(near(own)[REFERENCE].groupby(own["repetition"]).mean().to_numpy())
    share = near(both).mean()
    if (share - share[REFERENCE]).abs().max() > max((high - low) / 2, ROUNDING):
        return UNCLEAR
    return HOLDS if near(own)[REFERENCE].any() else FAILS


def _word(exist: str, learn: str) -> str:
    if exist == FAILS:
        return REFUTED
    words = {(HOLDS, HOLDS): SUPPORTED, (HOLDS, FAILS): DEPENDS}
    return words.get((exist, learn), INCONCLUSIVE)


def _at_net(space: pd.DataFrame) -> pd.Series:
    return space["forget_bias"].astype(str).map(as_number) == NET


def _witness(row: pd.Series, found: pd.Series, word: str) -> str:
    if word == REFUTED:
        return f"No LSTM has it; the nearest is {named(row)}."
    gate = 10 ** float(log10_sigmoid(NET))
    return (
        f"sigma(10) = {gate:.5f}. Such weights exist: {named(row)}, and {count(found.sum() - 1)} more models."
    )


def _learned(space: pd.DataFrame) -> str:
    """Return in words how near training came to such gates from each forget bias, where its budget reached so far."""
    runs = able(space)
    if runs.empty:
        return "No training whose budget could reach it was measured."
    bias = runs["forget_bias"].astype(str)
    words = [_nearest(name, runs[bias == name]) for name in bias_order(bias)]
    budget = f"a budget in which the bias could have come to {NET:g}"
    said = f"Training with {budget} brought a unit's factor to {NEAR:.5f}: {'; '.join(words)}."
    return f"{said} {_of_these(runs)}".strip()


def _of_these(runs: pd.DataFrame) -> str:
    """Return in words how many of the runs that came there solved their task."""
    own = runs[(runs["of"] == SLOWEST) & runs[REFERENCE].notna()]
    known = own[near(own)[REFERENCE]]["solved"].dropna()
    return f"Of these {counted(len(known), 'run')} {known.sum():.0f} solved the task." if len(known) else ""


def _nearest(bias: str, runs: pd.DataFrame) -> str:
    """Return in words how many runs from one forget bias came there, and the nearest that any came."""
    own = runs[runs[REFERENCE].notna()]
    slowest = own[own["of"] == SLOWEST]
    came, exact = (int(flags(slowest)[REFERENCE].sum()) for flags in (near, holds))
    best = [f"{what} unit {_as_gate(group[REFERENCE].max())}" for what, group in own.groupby("of")]
    runs_ = f"{came} of {counted(len(slowest), 'run')}, to {FACTOR} in {exact}"
    return f"from forget bias {bias} in {runs_} (largest: {', '.join(best)})"


def _as_gate(rate: float) -> str:
    """Return a factor per step and the net input of the gate that has it."""
    value = 10.0 ** float(rate)
    return f"{value:.5f}, net input {number(np.log(value / (1 - value)))}" if value < 1 else f"{value:.5f}"


def _alt(space: pd.DataFrame) -> str:
    if space.empty:
        return "No derivative along the cell was measured."
    first = space[space["of"] == MEAN]
    return (
        "How far the factor per step along the cell stays below one, on a log axis, by forget bias, at the start and "
        f"after training; lines at one less {FACTOR} and one less {NEAR:.5f}. "
        f"{count(confirmed(first, holds(first)).sum())} of {counted(len(first), 'LSTM')} reach {FACTOR}. "
        f"{_learned(space)}"
    )


CLAIM = Claim(
    id="A2c",
    who="answer 2",
    kind="existence",
    statement="Weights can be learned that hold the gate near one: w = 10, x = 1 gives 0.99995 per step.",
    reading="Two things. There are such weights: sigma(10) = 0.99995 to five digits, and some LSTM's derivative "
    "along the cell shrinks by no more than that per step, in the geometric mean over its units. They can be "
    "learned: training brings a unit's gate near one from a smaller forget bias, so near that half is left over "
    f"{LAGS[-1]} steps. The norm along the cell shows it, which the slowest units rule. How often it reaches the "
    "example's own 0.99995, and whether the task was solved by it, is reported and does not decide.",
    prediction="supported; training seldom gets there from a low bias",
    unit="factor per step (the witness)",
    rule="There are: the number is right and one model has it, confirmed on every backend (refuted if LSTMs with "
    f"forget bias {NET:g} were measured on every backend and none has). Learned (not learned): in at least "
    f"{MIN_REPETITIONS} repetitions one run (no run) of the reference backend that began below {NET:g} reaches a "
    f"factor of {NEAR:.5f}; of the runs that every backend trained each brings as many there, to within half the "
    "width of the interval of their share. Only runs count whose learning rate times steps is at least the distance "
    f"that the bias had to go (Adam moves a weight by about the learning rate per step: {LEARNING_RATES['held']:g} "
    f"in the slice held, else {LEARNING_RATE:g}). Both: supported; there are, but none was learned: depends.",
    takeaway={
        "supported": "Such gates exist and training can bring a unit there; how often, and whether the task was solved "
        "then, is in the condition. A large forget bias starts all units there.",
        "refuted": "A forget bias of 10 did not hold the gate at 0.99995.",
        "depends": "Such gates exist; do not wait for training to find them, start with a large forget bias.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)

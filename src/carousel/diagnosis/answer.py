"""What the tables of a diagnosis say to its reader, a line for each subject.

What arrives, the forget bias, what a higher one or chrono's does, the study's recommendation, and whether the
recurrence can be evaluated in parallel over time.
"""

import math
from typing import Any

import pandas as pd

from carousel.analysis import names
from carousel.analysis.stats.tables import select
from carousel.analysis.text import MINUS, as_number, listed, power, share
from carousel.diagnosis.shares import LAGS
from carousel.report.recommendations import INPUT_LOST, LARGEST

MANY = 3.0  # decades: growth beyond is told as a power of ten
GATES = {"f": "forget gate", "u": "update gate, which keeps the state where it is open"}
PARALLEL = "(Gonzalez et al. 2025, arXiv 2508.16817)"
FEW = "A tenth"  # of the gradient; no more than ten times of it either, as in the study's recommendations
SHUT = 10 ** (INPUT_LOST + LARGEST)
"""A smaller d h / d c shuts the entrance: with a tenth of the gradient left, less than a hundredth would arrive."""
LOSES = "the gradient by the state is kept and the input shut out"


def arriving(shares: pd.DataFrame) -> str:
    """The shares that arrive at a layer; "" where none is told."""
    rows = [row for row in shares.itertuples() if row.added == 0]
    if not rows:
        return ""
    told = ", ".join(f"{arrives(row)} at lag {row.lag:,}" for row in rows)
    beyond = [f"{lag:,}" for lag in LAGS if lag > max(row.lag for row in rows)]
    rest = f"; of lag {listed(beyond)} these sequences do not tell" if beyond else ""
    return f"Of the gradient arrives {told}{rest}."


def arrives(row: Any) -> str:
    """A share with its interval, whether it was extrapolated, and what it leaves out."""
    notes = [] if math.isnan(row.low) else [span(row.low, row.high, share_text(row.log10_share))]
    zero = (
        f"{row.n_zero} of {row.n} sequences exactly zero"
        if row.n_zero and math.isfinite(row.log10_share)
        else ""
    )
    notes = [note for note in (*notes, "extrapolated" if row.extrapolated else "", zero) if note]
    return share_text(row.log10_share) + (f" ({', '.join(notes)})" if notes else "")


def span(low: float, high: float, middle: str) -> str:
    """An interval of shares; "" where both ends read as the value does."""
    ends = share_text(low), share_text(high)
    return "" if set(ends) == {middle} else f"{ends[0]} to {ends[1]}"


def share_text(decades: float) -> str:
    """A share in per cent, or as a power of ten where it is small or has grown."""
    return f"{power(decades)} times" if MANY < decades < math.inf else share(decades)


def bias(biases: pd.DataFrame) -> str:
    """The bias of a layer's forget or update gate; "" where it has none."""
    for row in biases.itertuples():
        ends = f"from {decimal(row.smallest)} to {decimal(row.largest)}"
        spread = f" (standard deviation {decimal(row.deviation)}, {ends})" if row.units > 1 else ""
        return f"The bias of its {GATES[row.gate]}, all bias vectors added: {decimal(row.mean)} on average{spread}."
    return ""


def decimal(value: float) -> str:
    """A bias in two decimals."""
    return f"{value:.2f}".replace("-0.00", "0.00").replace("-", MINUS)


def higher(shares: pd.DataFrame, biases: pd.DataFrame) -> str:
    """The smallest change of a layer's biases with which enough arrives at each lag; "" without copies."""
    added = sorted(set(shares["added"].dropna()) - {0.0})
    longest = int(shares["chrono"].max()) if len(shares) else 0
    if not added and not longest:
        return ""
    lags = [lag for lag in LAGS if lag in set(shares["lag"])]
    told = "; ".join(f"at lag {lag:,} {wanted(select(shares, lag=lag), added, longest)}" for lag in lags)
    bare = shares["entry"].isna().all()
    entry = "" if bare else f", and d h / d c is {FEW.lower()} or more,"
    open_ = " Whether the input is shut out was not measured." if bare and "f" in set(biases["gate"]) else ""
    return f"{FEW} or more arrives{entry} in copies with other biases, all other weights the same, {told}.{open_}"


def wanted(shares: pd.DataFrame, added: list[float], longest: int = 0) -> str:
    """The smallest change with which enough arrives at one lag by the state and the input is not shut out.

    Of the biases `added`, and of chrono's for `longest` steps where there are any, which are the largest.
    """
    rows = list(shares.sort_values("added").itertuples())  # NaN, which is chrono, the last
    kept = [row for row in rows if enough(row)]
    found = [row for row in kept if not shut(row)]
    if found and found[0].added == 0:
        return "as it is"
    lost = f" ({setup(kept[0])} {LOSES}: {factors(kept[0])})" if kept and shut(kept[0]) else ""
    if found:
        return f"{setup(found[0])}: {factors(found[0])}{lost}"
    last = [row for row in rows if row.chrono]
    if not set(added) <= set(shares["added"]) or bool(longest) > bool(last):
        return f"these sequences do not tell{lost}"
    numbers = f"with none of {listed(f'{each:g}' for each in added)} added" if added else ""
    others = [f"not {setup(row)}: {factors(row)}" for row in last]
    return ", ".join(filter(None, [numbers, *others])) + lost


def setup(row: Any) -> str:
    """With which biases a share was measured."""
    if row.chrono:
        return f"with chrono biases for {row.chrono:,} steps"
    return f"with {row.added:g} added" if row.added else "as it is"


def factors(row: Any) -> str:
    """What arrives by the state, and d h / d c where there is one."""
    return arrives(row) + ("" if math.isnan(row.entry) else f", d h / d c {row.entry:.2g}")


def shut(row: Any) -> bool:
    """Whether an error at h hardly enters the cell; not where there is no d h / d c."""
    return bool(row.entry < SHUT)


def enough(row: Any) -> bool:
    """Whether the whole interval of a share, or the share itself without one, lies within LARGEST of all."""
    ends = (row.log10_share,) if math.isnan(row.low) else (row.low, row.high)
    return all(abs(end) <= LARGEST for end in ends)


def recommended(advice: pd.DataFrame, biases: pd.DataFrame, source: str) -> str:
    """What the study recommends for a layer's cell, beside its own bias; "" without advice."""
    if not len(advice):
        return ""
    own = math.nan if biases.empty else float(biases["mean"].iloc[0])
    cell, told = names.cell(advice["cell"].iloc[0]), [setting(row, own) for row in advice.itertuples()]
    return f"Recommended ({cell}, by {source}): {'. '.join(told)}."


def setting(row: Any, own: float) -> str:
    """A row of advice, beside a bias of one's own."""
    if not row.passes and not row.trained:
        return f"At lag {row.lag:,} none of the {row.n} settings measured"
    apart = as_number(row.forget_bias) - own
    beside = (
        "" if math.isnan(apart) else f" ({decimal(abs(apart))} {'above' if apart > 0 else 'below'} this one)"
    )
    left = share_text(row.left)
    between = f" ({span(row.low, row.high, left)})".replace(" ()", "")
    how = f"{names.at_bias(row.forget_bias)}{beside}, {names.init(row.init)} init"
    learned = f"; in training it solved {row.trained}" if row.trained else "; not tried in training"
    return f"At lag {row.lag:,} {how}, which leaves {left}{between}{learned}"


def parallel(exponents: pd.DataFrame, rate: Any) -> str:
    """Whether a layer's steps can be evaluated in parallel over time; "" without exponents."""
    if exponents.empty:
        return ""
    (row,) = select(exponents, index=exponents["index"].min()).itertuples()
    if math.isinf(row.value):
        return f"All of the state is lost on the way: the steps can be evaluated in parallel over time {PARALLEL}."
    size = f"Largest Lyapunov exponent {with_error(row.value, 2 * row.error)} decades per step (two standard errors)"
    told = abs(row.value) > 2 * row.error
    if rate.changes or math.isnan(rate.value) or not told:
        why = "is not yet that of longer sequences" if told else "may be above or below zero"
        return f"{size}, which {why}: whether the steps can be evaluated in parallel over time is open."
    if row.value < 0:
        return f"{size}, below zero: the steps can be evaluated in parallel over time {PARALLEL}."
    return f"{size}, above zero: to evaluate the steps in parallel over time takes too many iterations {PARALLEL}."


def with_error(value: float, error: float) -> str:
    """A number with the digits that its error leaves."""
    digits = 3 if error < 1e-6 else max(0, -math.floor(math.log10(error)))
    return f"{value:.{digits}f} ± {error:.1g}".replace("-", MINUS)

"""What is left of a gradient along the cell at a stated lag, and the forget bias from which a half of it is.

With no net input but the bias b, the forget gates leave sigma(b)^n after n steps: a half of it at b = law(n).
Boundaries that are measured check this law; each belongs to one line of models that differ in the forget bias alone.
"""

import pandas as pd

from carousel.analysis import names
from carousel.analysis.stats.left import KEPT, left
from carousel.analysis.stats.tables import repeated, select
from carousel.analysis.theory.forget import bias_for
from carousel.claims import defaults, lines
from carousel.claims.claim import Boundary, Margin
from carousel.claims.evidence import stack
from carousel.claims.lines import along, boundary, in_words
from carousel.claims.rules import MIN_REPETITIONS

LAG = 100  # steps: the lag that is asked about where none is said
HALF = Margin(-KEPT, "decades over the stated lag", "a factor of two: half of the gradient is lost")
BIAS = "forget bias"
WIDTH_LAG = 10  # steps: over so many a half is left at a forget bias that every width was measured at
ALONG = {
    LAG: ("grid", "bias", "reach"),
    WIDTH_LAG: ("width",),
}  # slices with lines along the forget bias, by lag
CHRONO = "chrono"


def law(steps: float) -> float:
    """Return the forget bias b at which sigma(b)^steps is one half, which is ln(n / ln 2) for many steps n."""
    return float(bias_for(steps))


def judged(decay: pd.DataFrame, quantity: str, path: str) -> pd.DataFrame:
    """Return per model what is ``left`` (decades) at the ``lag`` at which it is judged, and the ``part`` it belongs to.

    That lag is LAG, for chrono biases the number of steps that they were drawn for. Models too short are left out.
    """
    rows = select(decay, quantity=quantity, path=path)
    lags = sorted({LAG, *map(int, _own(rows).unique())} if len(rows) else {LAG})
    found = left(decay, quantity, path, lags)
    found = found[found["lag"] == _own(found)].dropna(subset=["left"])
    return found.assign(part=_parts(found))


def _own(models: pd.DataFrame) -> pd.Series:
    """Return the lag at which each model is judged."""
    bias = models["forget_bias"].astype(str)
    drawn = pd.to_numeric(bias.str.removeprefix(f"{CHRONO}:"), errors="coerce").where(bias.str.contains(":"))
    own = drawn.fillna(models["length"].astype(float))
    return own.where(bias.str.startswith(CHRONO), LAG).astype(int)


def _parts(models: pd.DataFrame) -> pd.Series:
    """Return the part of each model: a library's default, chrono biases for so many steps, or a forget bias."""
    bias = models["forget_bias"].astype(str)
    chrono = f"{CHRONO}:" + models["lag"].astype(str)
    words = chrono.where(bias.str.startswith(CHRONO), bias).map(names.at_bias)
    return defaults.named(models).fillna(words)


def by_lag(decay: pd.DataFrame, quantity: str, path: str) -> pd.DataFrame:
    """Return the `thresholds` of what is left: by init over LAG steps, by width over WIDTH_LAG, on every backend."""
    found = repeated(left(decay, quantity, path, (WIDTH_LAG, LAG)), MIN_REPETITIONS)
    return stack([thresholds(select(found, lag=lag, slice=slices)) for lag, slices in ALONG.items()])


def thresholds(table: pd.DataFrame) -> pd.DataFrame:
    """Return the `lines` along the forget bias at which a half is ``left``.

    table: one row per model and ``lag``. What a forget gate loses is nearly straight in the logarithm.
    """
    return along(table, "forget_bias", "left", KEPT, smooth="log_loss")


def evidence_of(found: pd.DataFrame) -> pd.DataFrame:
    """Return the thresholds as rows of evidence."""
    return (
        lines.evidence_of(found, "threshold over " + found["lag"].astype(str) + " steps")
        if len(found)
        else found
    )


def at_lag(found: pd.DataFrame, lag: int = LAG) -> pd.DataFrame:
    """Return the lines at one lag."""
    return select(found, lag=lag) if len(found) else found


def one_threshold(found: pd.DataFrame) -> Boundary | None:
    """Return the threshold of all lines at LAG; where they disagree that of PyTorch's init, named."""
    return boundary(at_lag(found), BIAS, defaults.FIRST)


def from_bias(found: pd.DataFrame) -> str:
    """Return in words from which forget bias a half is left, at every lag that was asked about, beside the law."""
    said = [
        f"Half is left after {lag} steps {in_words(at_lag(found, lag), BIAS)}; ln(n / ln 2) is {law(lag):.2f}."
        for lag in (sorted({*found["lag"].astype(int)}, reverse=True) if len(found) else [])
    ]
    return " ".join(said)

"""What is left of a gradient along the cell at a stated lag, and the forget bias from which a half of it is.

With no net input but the bias b, the forget gates leave sigma(b)^n after n steps: a half of it at b = law(n).
Boundaries that are measured check this law; each belongs to one line of models that differ in the forget bias alone.
"""

import numpy as np
import pandas as pd

from carousel.analysis.stats.crossing import crossings, pooled
from carousel.analysis.stats.left import KEPT, left
from carousel.analysis.stats.tables import numbered, repeated, select
from carousel.analysis.text import as_number, bias_order, listed, number, with_interval
from carousel.analysis.theory.forget import bias_for
from carousel.claims.evidence import reference, stack
from carousel.claims.rules import MIN_REPETITIONS, Boundary, Margin

LAG = 100  # steps: the lag that is asked about where none is said
HALF = Margin(-KEPT, "decades over the stated lag", "a factor of two: half of the gradient is lost")
FEWEST = 3  # forget biases: two make no line
WIDTH_LAG = 10  # steps: over so many a half is left at a forget bias that every width was measured at
ALONG = {
    LAG: ("grid", "bias", "reach"),
    WIDTH_LAG: ("width",),
}  # slices with lines along the forget bias, by lag
LINE = ("cell", "init", "gain", "hidden", "length", "drive")  # what tells lines apart
LIBRARIES = {"torch": "PyTorch's default", "keras": "Keras's default", "flax": "Flax's default"}
DEFAULT = f"{LIBRARIES['torch']} LSTM"
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
    chrono = "chrono for " + models["lag"].astype(str) + " steps"
    return library(models).fillna(chrono.where(bias.str.startswith(CHRONO), bias))


def library(models: pd.DataFrame) -> pd.Series:
    """Return whose default each model is, in words; NaN for a model that is nobody's."""
    names = models["init"].astype(str).map(LIBRARIES) + " " + models["cell"].astype(str).str.upper()
    return names.where(models["slice"].astype(str) == "libraries")


def headline(evidence: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of PyTorch's default LSTM, or where it is missing of the LSTM at the lowest forget bias."""
    default = evidence[evidence["part"] == DEFAULT]
    if len(default):
        return default
    own = select(evidence, cell="lstm") if "cell" in evidence else evidence
    own = own if len(own) else evidence
    return own[own["forget_bias"] == bias_order(own["forget_bias"])[0]]


def along_bias(decay: pd.DataFrame, quantity: str, path: str) -> pd.DataFrame:
    """Return the `thresholds` of what is left: by init over LAG steps, by width over WIDTH_LAG."""
    found = repeated(left(decay, quantity, path, (WIDTH_LAG, LAG)), MIN_REPETITIONS)
    return stack([thresholds(select(found, lag=lag, slice=slices)) for lag, slices in ALONG.items()])


def thresholds(table: pd.DataFrame) -> pd.DataFrame:
    """Return the `crossings` of a half by what is ``left`` along the forget bias, of lines of three biases or more.

    table: one row per model, at one ``lag``. at: -inf (inf): below the ``first`` (above the ``last``) bias tried.
    """
    rows = table.assign(backend=table["backend"].astype(str))
    rows = rows[rows["forget_bias"].astype(str).map(as_number).notna()]
    line = numbered(rows, ["backend", "lag", *_line(rows)])
    rows = rows[rows["forget_bias"].astype(str).groupby(line).transform("nunique") >= FEWEST]
    return _named(crossings(rows, "forget_bias", "left", KEPT, smooth="log_loss"))


def _line(rows: pd.DataFrame) -> list[str]:
    return [name for name in LINE if name in rows]


def _named(lines: pd.DataFrame) -> pd.DataFrame:
    """Return the lines that say something, named by what tells them apart."""
    lines = lines.dropna(subset=["at"]).reset_index(drop=True)
    if lines.empty:
        return lines
    varied = _telling(lines)
    words = pd.DataFrame({name: _words(lines[name]) for name in varied})
    return lines.assign(line=words.agg(", ".join, axis=1))


def _telling(lines: pd.DataFrame) -> list[str]:
    """Return as few of LINE as tell the lines of a backend apart, the last ones left out first."""
    kept = [name for name in _line(lines) if lines[name].nunique() > 1] or ["cell"]
    for name in [*reversed(kept)]:
        rest = [other for other in kept if other != name]
        if rest and not lines.duplicated(["backend", "lag", *rest]).any():
            kept = rest
    return kept


def _words(column: pd.Series) -> pd.Series:
    """Return each value of one of LINE in words."""
    text = column.astype(str)
    said = {"init": text + " init", "gain": "gain " + text, "hidden": text + " units", "length": "T = " + text,
            "drive": "drive " + text}  # fmt: skip
    return said.get(str(column.name), text)


def at_one(lines: pd.DataFrame) -> Boundary | None:
    """Return the one finite threshold of these lines, as `pooled` has it, or None."""
    found = pooled(lines) if len(lines) else None
    if found is None or not np.isfinite(found.at):
        return None
    return Boundary("forget bias", found.at, found.low, found.high)


def at_lag(lines: pd.DataFrame, lag: int) -> pd.DataFrame:
    """Return the lines of the reference at one lag, by name."""
    return select(reference(lines), lag=lag).sort_values("line") if len(lines) else lines


def one_threshold(lines: pd.DataFrame) -> Boundary | None:
    """Return the threshold of all lines at LAG; where they disagree PyTorch's init's or the first one's, named."""
    own = at_lag(lines, LAG)
    if own.empty:
        return None
    row = own.loc[own["line"].str.startswith("torch").idxmax()]
    named = Boundary(f"forget bias ({row['line']})", *(float(row[name]) for name in ("at", "low", "high")))
    return at_one(own) or (named if np.isfinite(named.at) else None)


def at_biases(lines: pd.DataFrame, lag: int = LAG) -> str:
    """Return the thresholds at that lag in words: one where the lines agree, else each line's own; nothing if none."""
    own = at_lag(lines, lag)
    if own.empty:
        return ""
    if one := at_one(own):
        return f"at forget bias {one.value} ({listed(own['line'])}{' alike' if len(own) > 1 else ''})"
    each = [f"{_at(row)} ({row['line']})" for _, row in own.sort_values(["at", "line"]).iterrows()]
    return f"at forget bias {'; '.join(each)}"


def from_bias(lines: pd.DataFrame) -> str:
    """Return in words from which forget bias a half is left, at every lag that was asked about, beside the law."""
    said = [
        f"Half is left after {lag} steps {at_biases(lines, lag)}; ln(n / ln 2) is {law(lag):.2f}."
        for lag in (sorted({*lines["lag"].astype(int)}, reverse=True) if len(lines) else [])
    ]
    return " ".join(said)


def _at(row: pd.Series) -> str:
    if np.isfinite(row["at"]):
        return with_interval(row["at"], row["low"], row["high"])
    return f"above {number(row['last'])}" if row["at"] > 0 else f"below {number(row['first'])}"


def evidence_of(lines: pd.DataFrame) -> pd.DataFrame:
    """Return the thresholds as rows of evidence, one part per line; no test: p is 0, which costs the others nothing."""
    if lines.empty:
        return lines
    part = "threshold over " + lines["lag"].astype(str) + " steps: " + lines["line"]
    return lines.assign(part=part, effect=lines["at"], shared=lines["at"], p=0.0)

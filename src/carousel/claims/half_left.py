"""What is left of a gradient along the cell at a stated lag, and the forget bias from which a half of it is.

With no net input but the bias b, the forget gates leave sigma(b)^n after n steps: a half of it at b = law(n).
Boundaries that are measured check this law; each belongs to one line of models that differ in the forget bias alone.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from carousel.analysis.stats.crossing import Crossing, crossing
from carousel.analysis.stats.left import KEPT, left
from carousel.analysis.stats.tables import grouped, repeated, select
from carousel.analysis.text import as_number, bias_order, listed, number, with_interval
from carousel.claims.evidence import reference, stack
from carousel.claims.rules import MIN_REPETITIONS, Boundary, Margin

LAG = 100  # steps: the lag that is asked about where none is said
HALF = Margin(-KEPT, "decades over the stated lag", "a factor of two: half of the gradient is lost")
LEAST = 1e-9  # decades: less is no loss, and has no logarithm
WIDTH_LAG = 10  # steps: over so many a half is left at a forget bias that every width was measured at
ALONG = {
    LAG: ("grid", "bias", "reach"),
    WIDTH_LAG: ("width",),
}  # the slices that lines along the forget bias are made of
LINE = ("cell", "init", "gain", "hidden", "length", "drive")  # what tells lines apart
LIBRARIES = {"torch": "PyTorch's default", "keras": "Keras's default", "flax": "Flax's default"}
DEFAULT = f"{LIBRARIES['torch']} LSTM"
CHRONO = "chrono"


def law(steps: float) -> float:
    """Return the forget bias b at which sigma(b)^steps is one half, which is ln(n / ln 2) for many steps n."""
    return float(-np.log(np.expm1(np.log(2) / steps)))


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


def thresholds(table: pd.DataFrame, smooth: bool = True) -> pd.DataFrame:
    """Return one row per line of three forget biases or more and backend: the bias from which on a half is ``left``.

    table: one row per model, at one ``lag``. at, at_low, at_high: -inf (inf): below the ``first`` (above the ``last``)
    of the biases tried. smooth: interpolated in the logarithm of the loss, which is nearly straight where gates alone
    make it; else in the loss.
    """
    bias = table["forget_bias"].astype(str).map(as_number)
    rows = table.assign(forget_bias=bias, backend=table["backend"].astype(str))
    rows = rows[rows["forget_bias"].notna()]
    height, level = (_log_loss(rows["left"]), _log_loss(KEPT)) if smooth else (rows["left"], KEPT)
    codes, lines = grouped(rows.assign(height=height), ["backend", "lag", *_line(rows)])
    groups = [rows.assign(height=height)[codes == i] for i in range(len(lines))]
    found = [crossing(group, "forget_bias", "height", level) for group in groups]
    enough = np.array([group["forget_bias"].nunique() >= 3 for group in groups], bool)
    return _named(lines.assign(**_columns(found))[enough])


def _log_loss(left: pd.Series | float) -> pd.Series | float:
    """Return minus log10 of the decades that are lost: it rises with what is left."""
    return -np.log10(np.maximum(-left, LEAST))


def _line(rows: pd.DataFrame) -> list[str]:
    return [name for name in LINE if name in rows]


def _columns(found: Sequence[Crossing]) -> dict[str, list[float]]:
    names = {"at": "at", "at_low": "low", "at_high": "high", "first": "first", "last": "last"}
    return {column: [getattr(one, name) for one in found] for column, name in names.items()}


def _named(lines: pd.DataFrame) -> pd.DataFrame:
    """Return the lines that say something, named by what tells them apart."""
    lines = lines.dropna(subset=["at"]).reset_index(drop=True)
    if lines.empty:
        return lines
    varied = [name for name in _line(lines) if lines[name].nunique() > 1] or ["cell"]
    words = pd.DataFrame({name: _words(lines[name]) for name in varied})
    return lines.assign(line=words.agg(", ".join, axis=1))


def _words(column: pd.Series) -> pd.Series:
    """Return each value of one of LINE in words."""
    text = column.astype(str)
    said = {"init": text + " init", "gain": "gain " + text, "hidden": text + " units", "length": "T = " + text,
            "drive": "drive " + text}  # fmt: skip
    return said.get(str(column.name), text)


def pooled(lines: pd.DataFrame, lag: int = LAG) -> Boundary | None:
    """Return the one threshold of all lines of the reference at that lag; None where their intervals do not meet."""
    own = select(reference(lines), lag=lag) if len(lines) else lines
    if own.empty or not np.isfinite(own["at"]).all() or own["at_low"].max() > own["at_high"].min():
        return None
    low, high = float(own["at_low"].min()), float(own["at_high"].max())
    return Boundary("forget bias", float(own["at"].mean()), low, high)


def one_threshold(lines: pd.DataFrame) -> Boundary | None:
    """Return the `pooled` threshold at LAG, or where lines disagree that of the first, named; None if it has none."""
    found = pooled(lines)
    own = select(reference(lines), lag=LAG) if len(lines) else lines
    if found or own.empty:
        return found
    row = own.sort_values("line").iloc[0]
    at, low, high = (float(row[name]) for name in ("at", "at_low", "at_high"))
    return Boundary(f"forget bias ({row['line']})", at, low, high) if np.isfinite(at) else None


def at_biases(lines: pd.DataFrame, lag: int = LAG) -> str:
    """Return the thresholds at that lag in words: one where the lines agree, else each line's own; nothing if none."""
    own = select(reference(lines), lag=lag) if len(lines) else lines
    if own.empty:
        return ""
    one, names = pooled(lines, lag), sorted(own["line"])
    if one:
        return f"at forget bias {one.value} ({listed(names)}{' alike' if len(names) > 1 else ''})"
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
        return with_interval(row["at"], row["at_low"], row["at_high"])
    return f"above {number(row['last'])}" if row["at"] > 0 else f"below {number(row['first'])}"


def evidence_of(lines: pd.DataFrame) -> pd.DataFrame:
    """Return the thresholds as rows of evidence, one part per line; no test: p is 0, which costs the others nothing."""
    if lines.empty:
        return lines
    part = "threshold over " + lines["lag"].astype(str) + " steps: " + lines["line"]
    return lines.assign(
        part=part, effect=lines["at"], low=lines["at_low"], high=lines["at_high"], shared=lines["at"], p=0.0
    )

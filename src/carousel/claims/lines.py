"""Where a value crosses a level along one factor (the forget bias, the gain), line by line.

A line's models have all but that factor in common, and a crossing of their own. One crossing is given for several
lines only where one value lies in all their intervals. A crossing is -inf (inf) below (above) all values tried.
"""

import numpy as np
import pandas as pd

from carousel.analysis import names
from carousel.analysis.stats.crossing import LINE, Smooth, crossings, pooled
from carousel.analysis.stats.tables import select
from carousel.analysis.text import listed, number, with_interval
from carousel.claims.claim import Boundary
from carousel.claims.evidence import reference

FEWEST = 3  # values of the factor: two make no line
SHOWN = 3  # lines that are said one by one; of more the least and the greatest crossing
SAID = {"init": "{} init", "gain": "gain {}", "hidden": "{} units", "length": "T = {}", "drive": "drive {}"}
TELLING = ["cell", *SAID, *(name for name in LINE if name not in ("backend", "slice", "cell", "lag", *SAID))]


def along(
    table: pd.DataFrame,
    factor: str,
    value: str,
    level: float,
    fewest: int = FEWEST,
    log: bool = False,
    smooth: Smooth = "value",
) -> pd.DataFrame:
    """Return the `crossings` of ``value`` along ``factor``: one row per backend and ``line``, which is its name.

    table: one row per model (and lag). Lines of at least ``fewest`` values of the factor.
    """
    found = crossings(table, factor, value, level, log, smooth, fewest) if len(table) else table.head(0)
    found = found.dropna(subset=["at"]).reset_index(drop=True) if len(found) else found
    return found.assign(line=_named(found)) if len(found) else found


def _named(lines: pd.DataFrame) -> pd.Series:
    """Return the name of each line: what tells it apart."""
    words = {name: _words(lines[name].astype(str)) for name in _telling(lines)}
    return pd.DataFrame(words).agg(", ".join, axis=1)


def _telling(lines: pd.DataFrame) -> list[str]:
    """Return as few factors as tell the lines of a backend and lag apart, the last of TELLING left out first."""
    apart = [name for name in ("backend", "lag") if name in lines]
    kept = [name for name in TELLING if name in lines and lines[name].nunique() > 1] or ["init"]
    for name in [*reversed(kept)]:
        rest = [other for other in kept if other != name]
        if rest and not lines.duplicated([*apart, *rest]).any():
            kept = rest
    return kept


def _words(values: pd.Series) -> pd.Series:
    said = {"cell": names.cell, "init": names.init, "forget_bias": names.at_bias}.get(str(values.name), str)
    return values.map(said).map(SAID.get(str(values.name), "{}").format)


def evidence_of(lines: pd.DataFrame, what: str | pd.Series) -> pd.DataFrame:
    """Return the crossings as rows of evidence, a part per line; no test, so no p."""
    if lines.empty:
        return lines
    return lines.assign(part=what + ": " + lines["line"], effect=lines["at"], shared=lines["at"], p=np.nan)


def tested_and_lines(evidence: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of evidence that are tested, and the `evidence_of` lines."""
    if "line" not in evidence:
        return evidence, evidence.head(0)
    line = evidence["line"].notna()
    return evidence[~line].infer_objects(), evidence[line].infer_objects()


def boundary(lines: pd.DataFrame, factor: str, init: str | None = None) -> Boundary | None:
    """Return the one crossing of all lines of the reference; where they disagree that of ``init``, named, or None.

    factor: in words.
    """
    own = reference(lines).sort_values("line") if len(lines) else lines
    if own.empty:
        return None
    found, named = pooled(own), f"{factor} ({own['line'].iloc[0]})"
    if found:
        return _finite(factor if len(own) > 1 else named, found.at, found.low, found.high)
    rows = select(own, init=init) if init else own.head(0)
    return (
        _finite(f"{factor} ({rows['line'].iloc[0]})", *rows.iloc[0][["at", "low", "high"]])
        if len(rows)
        else None
    )


def _finite(factor: str, at: float, low: float, high: float) -> Boundary | None:
    return Boundary(factor, float(at), float(low), float(high)) if np.isfinite(at) else None


def in_words(lines: pd.DataFrame, factor: str) -> str:
    """Return where the reference's lines cross in words: once where they agree, else each, or where they are many."""
    own = reference(lines).sort_values(["at", "line"]) if len(lines) else lines
    if own.empty:
        return ""
    if one := boundary(own, factor):
        alike = " alike" if len(own) > 1 else ""
        return f"at {factor} {one.value} ({_all(own)}{alike})"
    if len(own) > SHOWN:
        return _range(own, factor)
    return f"at {factor} {'; '.join(_at(row) for _, row in own.iterrows())}"


def _all(own: pd.DataFrame) -> str:
    return listed(sorted(own["line"])) if len(own) <= SHOWN else f"{len(own)} lines"


def _at(row: pd.Series) -> str:
    if np.isfinite(row["at"]):
        return f"{with_interval(row['at'], row['low'], row['high'])} ({row['line']})"
    side = f"above {number(row['last'])}" if row["at"] > 0 else f"below {number(row['first'])}"
    return f"{side} ({row['line']})"


def _range(own: pd.DataFrame, factor: str) -> str:
    """Return between which values many lines cross, and on how many nothing does within what was tried."""
    inside, below, above = own[np.isfinite(own["at"])], own[own["at"] == -np.inf], own[own["at"] == np.inf]
    words = []
    if len(inside):
        words += [" to ".join(dict.fromkeys([_at(inside.iloc[0]), _at(inside.iloc[-1])]))]
    words += [f"below {number(below['first'].max())} on {len(below)}"] if len(below) else []
    words += [f"above {number(above['last'].min())} on {len(above)}"] if len(above) else []
    return f"at {factor} {'; '.join(words)} of {len(own)} lines"

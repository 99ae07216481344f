"""Single numbers of the tables for sentences of the page; each raises Lacking where its table has none."""

import math
from collections.abc import Callable, Mapping
from types import SimpleNamespace

import pandas as pd

from carousel.analysis.stats.tables import select
from carousel.analysis.text import as_number, power
from carousel.axes import LIBRARIES, REFERENCE
from carousel.claims import defaults as libraries
from carousel.claims.rules import LAG
from carousel.report.recommendations import SMALLEST


class Lacking(Exception):
    """A table has not got a number that a sentence needs."""


Wording = Callable[[SimpleNamespace], str]


def said(wording: Wording, data: SimpleNamespace) -> str:
    """A wording with its numbers, nothing where a table lacks one that it needs."""
    try:
        return wording(data)
    except Lacking:
        return ""


def verdict_of(data: SimpleNamespace, claim: str) -> str:
    """The verdict of a claim, nothing where it was not judged."""
    found = data.claims.loc[data.claims["id"] == claim, "verdict"]
    return str(found.iloc[0]) if len(found) else ""


def evidence(data: SimpleNamespace, claim: str) -> pd.DataFrame:
    """The parts of a claim as the reference backend has them."""
    rows = data.evidence[(data.evidence["id"] == claim) & (data.evidence["backend"].astype(str) == REFERENCE)]
    return _some(rows, f"evidence of {claim}")


def part(data: SimpleNamespace, claim: str, name: str) -> pd.Series:
    """One part of a claim's evidence, by its name."""
    rows = evidence(data, claim)
    return _some(rows[rows["part"] == name], f"{claim}: {name}").iloc[0]


def of_parts(data: SimpleNamespace, claim: str, pattern: str) -> pd.DataFrame:
    """The parts of a claim's evidence whose names have the regular expression."""
    rows = evidence(data, claim)
    return _some(rows[rows["part"].str.contains(pattern)], f"{claim}: {pattern}")


def effect(data: SimpleNamespace, claim: str) -> float:
    """The effect that the claim's row names."""
    found = data.claims.loc[data.claims["id"] == claim, "effect"].dropna()
    return float(_some(found, f"an effect of {claim}").iloc[0])


def rounding(data: SimpleNamespace, claim: str) -> str:
    """The power of ten that every error of an identity stays below."""
    return power(above(evidence(data, claim)["effect"].abs().max()))


def above(error: float) -> int:
    """The exponent of the power of ten that an error stays below; that of float64 for none."""
    return math.ceil(math.log10(error)) if error > 0 else -16


def states(data: SimpleNamespace, claim: str) -> Mapping[str, int]:
    """How many parts of a claim are decided which way."""
    return evidence(data, claim)["state"].dropna().astype(str).value_counts().to_dict()


def threshold(data: SimpleNamespace, claim: str, part: str) -> tuple[float, float]:
    """The lowest and the highest finite threshold of the parts whose name begins with ``part``."""
    rows = evidence(data, claim)
    found = rows.loc[rows["part"].str.startswith(part), "effect"].replace(
        [float("inf"), float("-inf")], float("nan")
    )
    found = _some(found.dropna(), f"{claim}: {part}")
    return float(found.min()), float(found.max())


def crossed(data: SimpleNamespace, claim: str, part: str) -> str:
    """On how many lines along the forget bias there is such a threshold, of all, and where it is on the others."""
    found = evidence(data, claim)
    found = _some(found[found["part"].str.startswith(part)], f"{claim}: {part}")["effect"]
    beyond = [
        f"on {count} {where} what was tried"
        for count, where in ((found.eq(math.inf).sum(), "above"), (found.eq(-math.inf).sum(), "below"))
        if count
    ]
    others = f" ({' and '.join(beyond)})" if beyond else ""
    return f"{len(found) - found.abs().eq(math.inf).sum()} of {len(found)} lines along the bias{others}"


def route(data: SimpleNamespace, slice_: str, bias: str, lag: int, quantity: str, path: str) -> float:
    """What the LSTM of the first library's init has left before training at its longest length, in decades."""
    rows = select(data.routes, cell="lstm", slice=slice_, init=libraries.FIRST, forget_bias=bias, trained="no", lag=lag,
                  quantity=quantity, path=path, backend=REFERENCE)  # fmt: skip
    rows = _some(rows, f"{slice_}, {bias}, {lag}, {quantity}, {path}")
    return float(rows.loc[rows["length"].idxmax(), "left"])


def of_lstms(data: SimpleNamespace, lag: int, path: str | list[str]) -> pd.DataFrame:
    """The rows of `routes` on the state's gradient of untrained LSTMs, a setting each, at one lag."""
    return select(data.routes, cell="lstm", slice="reach", trained="no", lag=lag, quantity="loss_state", path=path,
                  backend=REFERENCE)  # fmt: skip


def at_fixed_biases(rows: pd.DataFrame) -> pd.DataFrame:
    """Those whose forget bias is a number."""
    return rows[rows["forget_bias"].astype(str).map(as_number).notna()]


def gaps(data: SimpleNamespace, lag: int) -> pd.Series:
    """Decades that an untrained LSTM has left with its gates frozen less those by all routes, a number per setting."""
    rows = of_lstms(data, lag, ["candidate", "full"])
    left = rows.pivot_table("left", ["init", "forget_bias"], "path", observed=True)
    gap = left["candidate"] - left["full"] if len(left.columns) == 2 else rows["left"].head(0)
    return pd.Series(_some(gap.dropna(), f"frozen gates at lag {lag}"))


def directions(data: SimpleNamespace, lag: int) -> tuple[float, float]:
    """The least and the greatest cosine, over untrained LSTMs of a fixed forget bias, of the gradient with the gates
    frozen with that by all routes: means over repetitions."""
    found = _some(
        at_fixed_biases(of_lstms(data, lag, "candidate"))["cosine"].dropna(), f"cosines at lag {lag}"
    )
    return float(found.min()), float(found.max())


def length(data: SimpleNamespace, slice_: str) -> int:
    """The steps of the longest sequences of a slice."""
    return int(_some(select(data.routes, slice=slice_), slice_)["length"].max())


def defaults(data: SimpleNamespace, cell: str) -> Mapping[str, float]:
    """What each library's default network has left at the standard lag, in decades, at the longest length."""
    return {label: float(row["left"]) for label, row in default_rows(data, cell).items()}


def default_rows(data: SimpleNamespace, cell: str) -> Mapping[str, pd.Series]:
    """The row of each library's default network at the standard lag and the longest length, by the library's name."""
    rows = select(data.routes, slice=libraries.SLICE, cell=cell, trained="no", quantity="loss_state", path="full",
                  lag=LAG, backend=REFERENCE)  # fmt: skip
    rows = _some(rows, f"library defaults of {cell}")
    rows = rows[rows["length"] == rows["length"].max()].drop_duplicates("init").set_index("init")
    return {label: rows.loc[init] for init, label in LIBRARIES.items() if init in rows.index}


def advised(data: SimpleNamespace, cell: str) -> pd.Series:
    """The recommended setting of the standard lag."""
    rows = select(data.advice, cell=cell, lag=LAG, choice=SMALLEST)
    return _some(rows[rows["passes"].astype(bool)], f"advice for {cell}").iloc[0]


def _some(rows: pd.DataFrame | pd.Series, what: str) -> pd.DataFrame | pd.Series:
    if len(rows) == 0:
        raise Lacking(what)
    return rows

"""An LSTM's gradient against a vanilla RNN's, paired by seed: the evidence and the decision that K2 and A2a share."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from carousel.analysis.stats.crossing import crossings
from carousel.analysis.stats.slopes import half_life, rates
from carousel.analysis.stats.tables import difference, paired, repeated, select
from carousel.analysis.text import as_number, listed, number, with_interval
from carousel.axes import LIBRARIES, STANDARD_DRIVE
from carousel.claims.evidence import (
    ALONG_BIAS,
    DECIDED,
    DEFAULTS,
    by_state,
    compare,
    main,
    planned,
    reference,
    stack,
    with_left,
)
from carousel.claims.reversed_order import left, spread
from carousel.claims.robustness import to_settle
from carousel.claims.rules import (
    DEPENDS,
    INCONCLUSIVE,
    LAG,
    LONG,
    MIN_REPETITIONS,
    RNNS,
    VANILLA,
    Boundary,
    Tables,
    Verdict,
    combine,
    conjunction,
)

OWN = "vanishes"  # how the parts on the LSTM's own gradient end
AT_DRIVE = f"at drive {STANDARD_DRIVE}"
HEADLINE = "PyTorch's default LSTM against its tanh RNN"
WELL = "orthogonal"  # the init of the boundary in the table of verdicts; the condition has every init's


def rows(tables: Tables) -> pd.DataFrame:
    """Return the total gradient of LSTM and vanilla RNNs at initialisation over LONG steps or more."""
    return _rows(tables.decay)


def _rows(decay: pd.DataFrame) -> pd.DataFrame:
    found = select(decay, cell=("lstm", *VANILLA), trained="no", quantity="loss_state", path="full")
    return planned(found[(found["length"] >= LONG) & (found["hidden"] > 1)])


def pairs(decay: pd.DataFrame) -> pd.DataFrame:
    """Return every LSTM at initialisation paired with each vanilla RNN of the same weights, drive, length and seed.

    Columns: rate and left (decades at LAG) of the LSTM, rate_right and left_right of the rival, rival, more = left -
    left_right, and ratio = log10 of the LSTM's half-life over the rival's (NaN where neither gradient decays).
    """
    used = _rows(decay)
    table = with_left(rates(used, "loss_state", "full").dropna(subset=["rate"]), used, "loss_state")
    both = stack([_paired(table, rival) for rival in VANILLA])
    if both.empty:
        return both
    own, other = half_life(both["rate"]), half_life(both["rate_right"])
    with np.errstate(divide="ignore"):
        ratio = difference(np.log10(own), np.log10(other))
    neither = (own == np.inf) & (other == np.inf)
    return both.assign(
        more=difference(both["left"], both["left_right"]), ratio=np.where(neither, np.nan, ratio)
    )


def _paired(table: pd.DataFrame, rival: str) -> pd.DataFrame:
    both = paired(table, "lstm", rival)
    return both.assign(rival=rival, left_right=paired(table, "lstm", rival, "left")["left_right"].to_numpy())


def measure(decay: pd.DataFrame, column: str, margin: float, lost: float) -> pd.DataFrame:
    """Return the evidence: a ``column`` of `pairs` against its margin, and whether the LSTM loses more than ``lost``.

    Of each library's defaults, and of all settings at the standard drive; ``said``: in words, where the order turns.
    """
    both = pairs(decay)
    both = repeated(both, MIN_REPETITIONS) if len(both) else both
    if both.empty:
        return both
    lines = _lines(decay, column, margin)
    parts = [
        compare(group, column, f"{name} against {'its ' if library else ''}{RNNS[rival]}", margin).assign(
            rival=rival, library=library, own=False, **spread(group, both, rival, library)
        )
        for name, library, own in _groups(both)
        for rival, group in own.groupby("rival")
    ]
    parts += [
        compare(_alone(group), "lost", f"{name} {OWN}", lost).assign(
            rival="", library=library, own=True, count="", said=left(group) if library else ""
        )
        for name, library, group in _groups(both)
    ]
    return _with_lines(stack(parts), lines)


def _groups(both: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield a name, the library or nothing, and the pairs: of each library's default, and at the standard drive."""
    usual = select(both, slice=DEFAULTS)
    for init, library in LIBRARIES.items():
        own = select(usual, init=init)
        if len(own):
            yield f"{library}'s default LSTM", library, own
    fixed = select(both, drive=STANDARD_DRIVE)
    if len(fixed):
        yield f"LSTM {AT_DRIVE}", "", fixed


def _alone(group: pd.DataFrame) -> pd.DataFrame:
    """Return the LSTMs of the pairs, each once, with ``lost``: decades at LAG."""
    right = ("rival", "rate_right", "left_right", "more", "ratio")
    own = [name for name in group.columns if name not in right]
    return group[own].drop_duplicates().assign(lost=-group["left"])


def _lines(decay: pd.DataFrame, column: str, margin: float) -> pd.DataFrame:
    """Return per rival and init from which forget bias ``column`` passes the margin, on the lines of most biases."""
    alone = select(decay, slice=ALONG_BIAS, drive=STANDARD_DRIVE, gain=1.0).assign(
        slice=""
    )  # an RNN is in one slice
    both = pairs(alone)
    if both.empty:
        return both
    both = reference(both).astype({"init": str})
    tried = both[both["forget_bias"].astype(str).map(as_number).notna()]
    tried = tried.groupby(["init", "length"])["forget_bias"].transform("nunique")
    return crossings(both[tried.reindex(both.index) == tried.max()], "forget_bias", column, margin)


def _with_lines(evidence: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    """Return the evidence with each rival's crossings: ``lines`` in words, and that of WELL as at, at_low, at_high."""
    rivals = evidence["rival"].where(evidence["library"] == "", "")
    words = {rival: listed([_line(row) for row in own.itertuples()]) for rival, own in _by_rival(lines)}
    well = {rival: select(own, init=WELL) for rival, own in _by_rival(lines)}
    ends = {rival: own.iloc[0][["at", "low", "high"]].tolist() for rival, own in well.items() if len(own)}
    at = np.array([ends.get(rival, [np.nan] * 3) for rival in rivals], float).reshape(-1, 3)
    columns = dict(zip(("at", "at_low", "at_high"), at.T, strict=True))
    return evidence.assign(lines=rivals.map(words).fillna(""), **columns)


def _by_rival(lines: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    if len(lines):
        yield from ((str(rival), own) for rival, own in lines.groupby("rival"))


def _line(row: Any) -> str:
    """Return in words the crossing of one init."""
    if np.isneginf(row.at):
        return f"below forget bias {number(row.first)} ({row.init} init)"
    if np.isposinf(row.at):
        return f"above forget bias {number(row.last)} ({row.init} init)"
    return f"at {_factor(row.init)} {with_interval(row.at, row.low, row.high)}"


def _factor(init: str) -> str:
    return f"forget bias with {init} init"


def decide(evidence: pd.DataFrame, states: pd.Series, unit: str) -> Verdict:
    """Return the verdict by the states: the LSTM's gradient vanishes, and is beyond its margin from each rival's."""
    what = f"LSTM and vanilla RNN at T of at least {LONG}, {MIN_REPETITIONS} repetitions, every backend"
    if evidence.empty:
        return Verdict(
            INCONCLUSIVE, to_settle(evidence, evidence, what), "No pair of LSTM and vanilla RNN was measured."
        )
    own = states.index.str.endswith(OWN)
    word = conjunction([combine(states[~own]), combine(states[own])])
    shown = _headline(evidence)
    known = {"states": dict(states), **main(shown)}
    if word == INCONCLUSIVE:
        return Verdict(word, to_settle(evidence, states, what), _alt(evidence, unit), **known)
    at = _boundary(evidence) if word == DEPENDS else None
    return Verdict(word, _condition(evidence, states), _alt(evidence, unit), boundary=at, **known)


def _headline(evidence: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that stand for the claim: PyTorch's default LSTM against its tanh RNN, or the first part."""
    parts = evidence["part"]
    return evidence[parts == (HEADLINE if (parts == HEADLINE).any() else parts.iloc[0])]


def _boundary(evidence: pd.DataFrame) -> Boundary | None:
    """Return from which forget bias the LSTM passes its margin against the tanh RNN, with weights of WELL."""
    row = reference(select(evidence, rival="rnn_tanh", library=""))[["at", "at_low", "at_high"]]
    return (
        Boundary(_factor(WELL), *row.iloc[0].astype(float))
        if np.isfinite(row).all(axis=None) and len(row)
        else None
    )


def _condition(evidence: pd.DataFrame, states: pd.Series) -> str:
    rows = reference(evidence)
    usual = rows[rows["own"] & (rows["library"] != "")]
    defaults = [f"{row.library}: {row.said}" for row in usual.itertuples()]
    left = f"Left at lag {LAG} by default, in decades: {'; '.join(defaults)}." if defaults else ""
    pooled = rows[~rows["own"] & (rows["library"] == "")]
    counts = f"{AT_DRIVE.capitalize()} the RNN has more left at lag {LAG} {listed(pooled['count'])}."
    lines = [f"against the {RNNS[row.rival]} {row.lines}" for row in pooled.itertuples() if row.lines]
    begins = f"As the forget bias rises it begins to hold {'; '.join(lines)}." if lines else ""
    texts = (counts if len(pooled) else "", *by_state(states, DECIDED), left, begins, *pooled["said"])
    return " ".join(text for text in texts if text)


def _alt(evidence: pd.DataFrame, unit: str) -> str:
    order = evidence[~evidence["own"]] if len(evidence) else evidence
    effects = reference(order).groupby("part", sort=False)["effect"].mean()
    words = [f"{part}: {number(effects[part])}" for part in effects.index]
    return f"Each dot is one pair of networks. Median over settings, {unit}: " + "; ".join(words) + "."

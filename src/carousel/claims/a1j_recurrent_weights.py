"""A1j: does the LSTM's derivative depend on the recurrent weights, through the gates that they feed?"""

import numpy as np
import pandas as pd

from carousel.analysis import names
from carousel.analysis.stats.left import left
from carousel.analysis.stats.resampling import spread
from carousel.analysis.stats.slopes import least_squares, rates
from carousel.analysis.stats.tables import MODEL, PAIR, grouped, repeated, select
from carousel.analysis.text import bias_order, listed, number
from carousel.axes import BACKENDS, LAGS, REFERENCE
from carousel.claims.claim import Claim, Tables, Verdict
from carousel.claims.evidence import ALONG_GAIN, LN10, planned, unsearched, wide
from carousel.claims.numbers import witnessed
from carousel.claims.routes import LAG, on_all
from carousel.claims.rules import (
    INCONCLUSIVE,
    LONG,
    MIN_REPETITIONS,
    MIN_SEARCHED,
    REFUTED,
    SUPPORTED,
    TOLERANCE,
    confirmed,
    settings,
    universal,
)
from carousel.claims.settings_text import named

PARTS = {("cec", "cell"): "along the cell", ("loss_state", "full"): "in total"}
RIVAL = "rnn_tanh"
LEAST_GAINS = 3  # fewer are no sweep
NETWORK = [name for name in MODEL if name not in ("slice", "gain")]  # what is one network at several gains
OTHER = {SUPPORTED: REFUTED, REFUTED: SUPPORTED}  # a dependence refutes "independent"


def sensitivity(table: pd.DataFrame, column: str = "rate") -> pd.DataFrame:
    """Return one row per network measured at LEAST_GAINS gains or more, all else being equal: its ``sensitivity``.

    That is the least-squares slope of ``column`` against log10 gain, over the gains at which the column is finite.
    """
    rows = select(table, slice=ALONG_GAIN)
    rows = rows[np.isfinite(rows[column])]
    rows = rows[
        rows.groupby(NETWORK, observed=True, dropna=False)["gain"].transform("nunique") >= LEAST_GAINS
    ]
    codes, networks = grouped(rows, NETWORK)
    x, y = np.log10(rows["gain"].to_numpy(float)), rows[column].to_numpy(float)
    return networks.assign(sensitivity=least_squares(codes, x, y, len(networks))[0])


def rows(tables: Tables) -> pd.DataFrame:
    """Return the rate of every LSTM, in total and along its cell, and of every tanh RNN, one row per model."""
    table = _measured(tables.decay)
    table = table[table["length"] >= LONG]
    found = [rates(table, *which).assign(quantity=which[0]) for which in PARTS]
    return pd.concat(found).dropna(subset=["rate"])


def _measured(decay: pd.DataFrame) -> pd.DataFrame:
    quantities, paths = zip(*PARTS, strict=True)
    table = select(decay, cell=("lstm", RIVAL), trained="no", quantity=quantities, path=paths)
    return planned(table[table["hidden"] > 1])


def measure(tables: Tables) -> pd.DataFrame:
    """Return one row per LSTM measured at several gains: by how many decades its derivative along the cell ``moved``.

    That is the range over the gains of what is left at the longest lag of LAGS that it reaches, on every backend.
    Beside it, in words, how far a tenfold of the weights moves it: ``sizes``.
    """
    table = _measured(tables.decay)
    each = moved(table)
    beside = each.groupby(PAIR, observed=True, dropna=False)[["lag", "gains"]].first().reset_index()
    return wide(each, "moved").merge(beside, "left", PAIR).assign(sizes=_sizes(table))


def moved(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row per network at two gains or more: ``moved``, the range of what is left along the cell."""
    found = left(select(table, cell="lstm"), "cec", "cell", LAGS).dropna(subset=["left"])
    found = found[found["lag"] == found.groupby(MODEL, observed=True, dropna=False)["lag"].transform("max")]
    codes, networks = grouped(found, [*NETWORK, "lag"])
    groups = found.groupby(codes)
    spans = groups["left"].agg(lambda values: values.max() - values.min()).to_numpy(float)
    found = networks.assign(moved=spans, gains=groups["gain"].nunique().to_numpy(), slice="gain", gain=1.0)
    return found[found["gains"] > 1]


def breaks(space: pd.DataFrame) -> pd.DataFrame:
    """Return per backend whether the derivative moved by more than rounding does."""
    return LN10 * space[list(BACKENDS)] > TOLERANCE


def _sizes(table: pd.DataFrame) -> str:
    """Return in words by how many decades at LAG a tenfold of the weights moves each derivative, with its sign."""
    words, swept = [], ""
    for (name, path), part in PARTS.items():
        found = repeated(sensitivity(left(table, name, path, (LAG,)), "left"), MIN_REPETITIONS)
        own = found[found["backend"].astype(str) == REFERENCE]
        swept = swept or _swept(own)
        each = spread(own, ["cell", "forget_bias"], "sensitivity")
        words += [_size(each[each["cell"] == "lstm"], part)]
        words += [_size(each[each["cell"] == RIVAL], "of the tanh RNN")] if name != "cec" else []
    return "; ".join(filter(None, [*words, swept]))


def _swept(own: pd.DataFrame) -> str:
    """Return in words the inits and widths of the networks that were measured at several gains."""
    if own.empty:
        return ""
    inits = listed(names.init(str(init)) for init in own["init"].unique())
    return f"all of {inits} init and {listed(map(str, sorted(own['hidden'].unique())))} units"


def _size(each: pd.DataFrame, part: str) -> str:
    rows_ = each.assign(bias=each["forget_bias"].astype(str)).set_index("bias")
    said = [
        f"{number(row['effect'])} [{number(row['low'])}, {number(row['high'])}]"
        + (f" at forget bias {bias}" if bias != "none" else "")
        for bias in bias_order(rows_.index)
        for row in [rows_.loc[bias]]
    ]
    return f"{part} {', '.join(said)}" if said else ""


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict with the network whose derivative along the cell moves most as its witness."""
    found, word = confirmed(evidence, breaks(evidence)), universal(evidence, breaks(evidence))
    word = OTHER.get(word, word)
    if word == INCONCLUSIVE:
        what = f"one LSTM at two gains that moves, or {MIN_SEARCHED} settings without one, on every backend"
        return Verdict(word, unsearched(evidence, what), _alt(evidence), n=settings(evidence))
    space = evidence[found] if word == SUPPORTED else on_all(evidence)
    row = space.loc[space[REFERENCE].idxmax()]
    seen = "Witness" if word == SUPPORTED else "None depends; most moved"
    condition = (
        f"{seen}: {named(row)}, whose derivative along the cell at lag {row['lag']:.0f} moves by "
        f"{number(row[REFERENCE])} "
        f"decades over {row['gains']:.0f} gains; in {found.sum()} of {len(on_all(evidence))} networks that every "
        "backend "
        f"measured it moves by more than rounding. {_measured_words(evidence)}"
    )
    return Verdict(word, condition, _alt(evidence), n=settings(evidence), **witnessed(row))


def _measured_words(evidence: pd.DataFrame) -> str:
    sizes = evidence["sizes"].iloc[0]
    if not sizes:
        return ""
    return f"Decades at lag {LAG} for each tenfold of the recurrent weights (less than 0: it falls): {sizes}."


def _alt(evidence: pd.DataFrame) -> str:
    if evidence.empty:
        return "No LSTM was measured at several gains."
    return (
        "Rate against the gain of the recurrent weights: the tanh RNN, and the LSTM by forget bias (solid: the total "
        f"gradient, dashed: along the cell). {_measured_words(evidence)}"
    )


CLAIM = Claim(
    id="A1j",
    who="comment",
    kind="existence",
    statement="The forget gate's input depends on the weights through the previous output, so the LSTM's derivative "
    "is "
    "not independent of the weights.",
    reading="There is an LSTM whose derivative along the cell, where the gates alone can carry it, is another one "
    "when its recurrent weights are scaled, all else (seeds, inputs, biases) the same. It follows from the formula of "
    "the gate. How far a tenfold of the weights moves it, along the cell and in total, is shown beside a tanh RNN.",
    prediction="supported: a gate's derivative by its net input is not zero; along the cell it moves little",
    unit="decades between the gains, along the cell (the witness)",
    rule="By network (seeds, forget bias, length), the range over its gains of what is left along the cell at the "
    "longest "
    f"lag of {', '.join(str(lag) for lag in LAGS)} that it reaches. One network in which it is more than "
    f"{TOLERANCE:g} "
    "(relative, beyond rounding) on every backend supports the claim; none among at least "
    f"{MIN_SEARCHED} settings refutes it. The sizes are least-squares slopes against log10 gain with 95 % intervals "
    "over "
    f"at least {MIN_REPETITIONS} repetitions, and do not decide.",
    takeaway={
        "supported": "An LSTM's decay, too, depends on its recurrent weights, so training can move it; how far "
        "depends on the route and the forget bias.",
        "refuted": "The scale of an LSTM's recurrent weights leaves its forget gates as they are.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)

"""Where a vanilla RNN's gradient keeps more than the LSTM's, in words: by setting, and what moves it."""

import numpy as np
import pandas as pd

from carousel.analysis import names
from carousel.analysis.stats.tables import by_repetition, select
from carousel.analysis.text import as_number, bias_order, listed, number
from carousel.claims.evidence import DEFAULTS, reference
from carousel.claims.rnn_trends import LEAST_VALUES, VARIED, with_unit

ORDER = {"more": "has more left at lag 100", "ratio": "has the longer half-life"}  # of an RNN that is ahead
ALONG = ["rival", "init", "gain", "bias", "forget_bias", "drive", "hidden", "length"]


def left(group: pd.DataFrame) -> str:
    """Return in words what a library's LSTM and RNNs have left at LAG, in decades, and their rates per step.

    Nothing where the reference measured none.
    """
    own = reference(group)
    if own.empty:
        return ""
    sides = {"LSTM": ("left", "rate", own.drop_duplicates(["length", "repetition"]))}
    sides |= {
        names.cell(str(rival)): ("left_right", "rate_right", rows) for rival, rows in own.groupby("rival")
    }
    words = [
        f"{name} {number(_mean(rows, left))} ({number(_mean(rows, rate))} per step)"
        for name, (left, rate, rows) in sides.items()
    ]
    return listed(words)


def _mean(rows: pd.DataFrame, column: str) -> float:
    return float(np.mean(by_repetition(rows, column)))


def spread(
    group: pd.DataFrame, both: pd.DataFrame, rival: str, library: str, column: str = "more"
) -> dict[str, str]:
    """Return in words in how many settings the RNN is ahead of the LSTM, in which, and what moves that.

    column: what decides who is ahead, one of ORDER: the LSTM's less the RNN's.
    """
    if library:
        return {"count": "", "said": "", "ahead": ""}
    median = _medians(reference(group), column)
    behind = f"{median['worse'].sum()} ({median['always'].sum()}) of {len(median)} settings"
    count = f"{behind}, against the {names.cell(rival)}"
    own = reference(select(both, rival=rival))
    moved = [_moved(own[own["slice"] != DEFAULTS], factor, words, column) for factor, words in VARIED.items()]
    texts = {
        "said": [text for text in moved if text],
        "ahead": [text for text in (_reversed(median),) if text],
    }
    begin = {"said": f"Against the {names.cell(rival)}: ", "ahead": f"The {names.cell(rival)} is "}
    said = {name: f"{begin[name]}{'; '.join(each)}." if each else "" for name, each in texts.items()}
    return {"count": count, **said}


def _medians(group: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return the settings, with ``worse`` and ``always``: the RNN is ahead in the median, in every repetition."""
    by = ["init", "gain", "forget_bias", "length", "slice", "hidden", "bias"]
    each = group.groupby(by, observed=True)[column].agg(["median", "max"]).reset_index()
    text = {"forget_bias": str, "init": str}
    return each.astype(text).assign(worse=each["median"] < 0, always=each["max"] < 0)


def _reversed(median: pd.DataFrame) -> str:
    """Return in words in which settings the RNN is ahead, by forget bias and by init; nothing if in none."""
    if not median["worse"].any():
        return ""
    biases = _of_all(median, "forget_bias")
    words = [f"{biases[bias]} {names.at_biases([bias])}" for bias in bias_order(biases)]
    inits = [
        f"{text} {names.init(init)}" for init, text in _of_all(median[median["gain"] == 1], "init").items()
    ]
    by_init = f" (by init, at gain 1: {listed(inits)})" if inits else ""
    return f"ahead in {listed(words)}{by_init}"


def _of_all(median: pd.DataFrame, column: str) -> dict[str, str]:
    """Return "3 of 4" for each value of a column with a setting that is reversed."""
    each = median.groupby(column)["worse"].agg(["sum", "size"])
    return {str(name): f"{row['sum']} of {row['size']}" for name, row in each.iterrows() if row["sum"]}


def _moved(own: pd.DataFrame, factor: str, words: str, column: str) -> str:
    """Return in words whether the order turns along a factor, all else equal; nothing if that was not measured."""
    keys = [name for name in ALONG if name != factor]
    value = own[factor].astype(str).map(as_number)
    table = own.assign(value=value)[value.notna()]
    ahead = table.groupby([*keys, "value"], observed=True)[column].median()
    ahead = ahead.gt(0).where(ahead.notna()).unstack()
    ahead = ahead[ahead.notna().sum(axis=1) >= LEAST_VALUES].dropna(axis="columns", how="all")
    if ahead.empty:
        return ""
    first, last = (with_unit(value, words) for value in (ahead.columns.min(), ahead.columns.max()))
    span = f"from {first} to {last}"
    changed = ahead[ahead.nunique(axis=1) > 1]
    if changed.empty:
        return f"{span} the order is the same"
    biases = changed.index.get_level_values("forget_bias").astype(str)
    rows = zip(biases, (row for _, row in changed.iterrows()), strict=True)
    return f"{span} the order turns {listed([f'{names.at_biases([bias])} ({_ahead(row)})' for bias, row in rows])}"


def _ahead(row: pd.Series) -> str:
    """Return in words at which values of the factor the RNN is ahead."""
    return f"the RNN ahead at {listed([number(value) for value in row.index[row.eq(False)]])}"  # NaN: not measured

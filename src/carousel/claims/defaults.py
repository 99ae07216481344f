"""What libraries do by default: the models that a user starts who sets nothing, named by library and cell."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from carousel.analysis import names
from carousel.analysis.stats.tables import select
from carousel.analysis.text import bias_order
from carousel.axes import LIBRARIES

SLICE = "libraries"  # the slice of these models
FIRST = next(iter(LIBRARIES))  # the library whose default stands for a claim
LSTM = names.default(FIRST, "lstm")


def named(models: pd.DataFrame) -> pd.Series:
    """Return whose default each model is, in words; NaN for a model that is nobody's."""
    own = (models["slice"] == SLICE) & models["init"].isin(list(LIBRARIES))
    pairs = models.loc[own, ["init", "cell"]].astype(str).itertuples(index=False)
    text = pd.Series(np.nan, models.index, dtype=object)
    text[own] = [names.default(*pair) for pair in pairs]
    return text


def by_library(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the init of each library and its default models, of those that have some."""
    usual = select(table, slice=SLICE)
    for init in LIBRARIES:
        own = select(usual, init=init)
        if len(own):
            yield init, own


def without(table: pd.DataFrame) -> pd.DataFrame:
    """Return the models that are no library's default."""
    return table[table["slice"] != SLICE]


def headline(evidence: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of PyTorch's default LSTM, or where it is missing of the LSTM at the lowest forget bias."""
    default = evidence[evidence["part"] == LSTM]
    if len(default):
        return default
    own = select(evidence, cell="lstm") if "cell" in evidence else evidence
    own = own if len(own) else evidence
    return own[own["forget_bias"] == bias_order(own["forget_bias"])[0]]

"""In how many settings a plain network keeps more than the LSTM with its weights, as K2 counts them."""

import re
from collections.abc import Mapping
from types import SimpleNamespace
from typing import NamedTuple

from carousel.report.page.facts import Lacking

COUNT = re.compile(
    r"(\d+) \((\d+)\) of (\d+) settings, against the ([^;.]+)"
)  # as the condition of K2 has it


class Behind(NamedTuple):
    """Settings in which the LSTM keeps less: by the median over repetitions, in every repetition, and of how many."""

    median: int
    every: int
    settings: int


def behind(data: SimpleNamespace) -> Mapping[str, Behind]:
    """The counts by the rival's name, "tanh RNN"; raises Lacking where K2 does not say them."""
    text = " ".join(data.claims.loc[data.claims["id"] == "K2", "condition"])
    found = {rival: Behind(*map(int, counts)) for *counts, rival in COUNT.findall(text)}
    if not {"sigmoid RNN", "tanh RNN", "ReLU RNN"} <= {*found}:
        raise Lacking("how often a plain network keeps more")
    return found

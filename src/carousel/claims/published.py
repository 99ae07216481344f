"""Findings that others published, and whether the study at hand repeats them.

None of their numbers is repeated: the networks here are smaller, and are trained by Adam for fewer steps. What can be
repeated is an order (one network solves a task sooner than another) or a plateau (a loss stays where no memory is
needed; a number does not change with the size). A finding is read from slices of its own, those of
config/published.yaml, and decided over repetitions; the two networks of one repetition are a pair. The p are not
corrected for being many: each finding stands for itself.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from carousel.analysis.stats.resampling import interval
from carousel.analysis.stats.tested import equivalent, student
from carousel.claims.claim import Margin
from carousel.claims.published_values import (
    Factors,
    Measured,
    Values,
    above,
    as_soon,
    below_baseline,
    dimension_per_unit,
    largest_exponent,
    negative,
    network,
    sooner,
)
from carousel.claims.rules import ALPHA, MIN_REPETITIONS
from carousel.tables.schemas import names

REPRODUCED, NOT_REPRODUCED, NOT_TRIED = "reproduced", "not reproduced", "not tried"
ORDER, PLATEAU = "order", "plateau"


class Finding(NamedTuple):
    """A published finding, and what it is held against here.

    An order is reproduced where the effect is above the tolerance, a plateau where it is within the tolerance of zero:
    each with its whole 95 % interval, and with p at most ALPHA.
    """

    name: str
    source: str  # a key of report/references.bib
    found: str  # what they report, in our words
    tried: str  # what is measured here, and in what it differs
    relation: str  # ORDER or PLATEAU
    tolerance: Margin
    values: Values


SOONER = Margin(0.5, "octaves of steps", "a factor of 1.4; seeds of one network differ by more")
SYMBOL = Margin(0.1, "nats", "half of ln 8 / 10, what a network gains that recalls one of the ten symbols")
SIGN = Margin(0.0, "decades per step", "a sign, or which is larger, has no size")
SIZE = Margin(0.025, "per unit", "a tenth of the dimension, about 0.25 per unit at this coupling")
LARGER = Margin(0.0, "per unit", "which is larger has no size")

COPY, ADDING, REBER = ("published_copy", 120), ("published_chrono", 200), ("published_reber", 150)
LENGTHS = 60, 100  # of published_bias
IDENTITY = network("published_identity", 100, "rnn_relu", "identity")
TANH = network("published_tanh", 100, "rnn_tanh", "gaussian")


def lstm(task: tuple[str, int], forget_bias: str) -> Factors:
    """An LSTM with orthogonal init, by slice and length."""
    return network(*task, "lstm", "orthogonal", forget_bias)


def chaotic(gain: float, units: int, drive: str = "0") -> Factors:
    """h_t = tanh(R h_{t-1}), the entries of R of variance gain^2 / units; with a `drive`, white noise is added."""
    name = "published_chaos" if drive == "0" else "published_noise"
    return network(name, 600, "rnn_tanh", "gaussian") | {"gain": gain, "hidden": units, "drive": drive}


COPIES = "100 blanks, their shortest; 32 units, 400 steps of Adam (there more units, thousands of steps of RMSprop)."
EULER = (
    "Their network, tau dh/dt = -h + J tanh(h), in Euler steps of one tau, their limit of discrete time, and not in "
    "small ones; exponents are per step."
)
FINDINGS = (
    Finding(
        "An LSTM stays on copy's plateau", "arjovsky2016",
        "Copying ten symbols over T steps, an LSTM hardly beats 10 ln 8 / (T + 20), the cross-entropy of a network "
        "that remembers nothing, unless T is as short as 100.",
        f"Forget bias 1, its loss on the ten symbols against ln 8, which is that plateau. {COPIES}",
        PLATEAU, SYMBOL, below_baseline(lstm(COPY, "1")),
    ),
    Finding(
        "A tanh RNN stays there, too", "arjovsky2016",
        "So does a plain recurrent network.",
        f"Orthogonal R at first. {COPIES}",
        PLATEAU, SYMBOL, below_baseline(network(*COPY, "rnn_tanh", "orthogonal")),
    ),
    Finding(
        "A norm-preserving network leaves it", "arjovsky2016",
        "A network whose recurrent matrix is unitary, and stays so, leaves the plateau soon and solves the task.",
        f"That it leaves. R is real, and orthogonal by the Cayley transform (Helfrich et al. 2018). {COPIES}",
        ORDER, SYMBOL, below_baseline(network(*COPY, "rnn_orthogonal", "orthogonal")),
    ),
    Finding(
        "Chrono biases leave it", "tallec2018",
        "On copy, an LSTM with chrono biases leaves the plateau on which forget bias 1 keeps it.",
        f"That it leaves. {COPIES}",
        ORDER, SYMBOL, below_baseline(lstm(COPY, "chrono")),
    ),
    Finding(
        "Chrono learns adding before forget bias 1", "tallec2018",
        "On the adding problem of 200 and of 750 steps, chrono biases learn in fewer steps than forget bias 1.",
        "200 steps, 32 units, Adam (there 128 units, RMSprop); one learning rate for both, as there.",
        ORDER, SOONER, sooner(lstm(ADDING, "chrono"), lstm(ADDING, "1")),
    ),
    *(
        Finding(
            f"Forget bias 1 learns before 0, over {length} steps", "jozefowicz2015",
            "On most of their tasks (arithmetic, XML, language), an LSTM gains by a forget bias of 1.",
            "Adding, which is none of their tasks; 32 units.",
            ORDER, SOONER, sooner(lstm(("published_bias", length), "1"), lstm(("published_bias", length), "0")),
        )
        for length in LENGTHS
    ),
    *(
        Finding(
            f"Forget bias 5 learns before 1, over {length} steps", "sutskever2013",
            "Forget gates should start near one, with a bias such as 5; with small values long lags are hard to learn. "
            "That is advice, without an experiment. The 5 is often laid to Gers et al. (2000), who have no such value.",
            "Adding, with 1 as the small value; 32 units.",
            ORDER, SOONER, sooner(lstm(("published_bias", length), "5"), lstm(("published_bias", length), "1")),
        )
        for length in LENGTHS
    ),
    Finding(
        "Forget gates solve the continual Reber grammar", "gers2000",
        "On a stream of embedded Reber strings the LSTM of 1997 fails, for its state grows; with forget gates it "
        "learns.",
        "Streams of 150 symbols from a zero state, 16 units, so that the state of 1997 grows less than on their "
        "endless stream: that the forget gate learns sooner (bias 1).",
        ORDER, SOONER, sooner(lstm(REBER, "1"), network(*REBER, "lstm97", "orthogonal")),
    ),
    Finding(
        "The value of the forget bias is uncritical", "gers2000",
        "Forget biases start at 0.5, 1, 1.5 and so on from block to block, so that nothing is forgotten at first; "
        "other values are said to do as well.",
        "On the same streams, a bias of 0.5 against 2, the range of their four blocks, each for all units.",
        PLATEAU, SOONER, as_soon(lstm(REBER, "2"), lstm(REBER, "0.5")),
    ),
    Finding(
        "That holds up to 5", "gers2000",
        "The same, for the value that is laid to them.",
        "On the same streams, a bias of 5 against 1.",
        PLATEAU, SOONER, as_soon(lstm(REBER, "5"), lstm(REBER, "1")),
    ),
    Finding(
        "ReLU from the identity learns adding before tanh", "le2015",
        "On adding over 150 steps and more, a ReLU network with R = 1 learns what a tanh network does not, or later.",
        "100 steps, 32 units; W as in Glorot's init. Learning rates are chosen for each, as there.",
        ORDER, SOONER, sooner(IDENTITY, TANH),
    ),
    Finding(
        "So it does with small input weights", "le2015",
        "There W has a standard deviation of 0.001.",
        "The same with that W.",
        ORDER, SOONER, sooner(IDENTITY | {"init": "irnn"}, TANH),
    ),
    Finding(
        "Below gain 1 there is no chaos", "engelken2023",
        "A random network with coupling g below 1 rests: its largest Lyapunov exponent is negative.",
        f"g = 0.8, 128 units. {EULER}",
        ORDER, SIGN, negative(largest_exponent(chaotic(0.8, 128))),
    ),
    Finding(
        "Above it there is", "engelken2023",
        "Above 1, for many units, it is chaotic: the largest exponent is positive.",
        "g = 2, else the same.",
        ORDER, SIGN, largest_exponent(chaotic(2.0, 128)),
    ),
    Finding(
        "Chaos is extensive", "engelken2023",
        "The spectrum does not depend on the number of units, so the attractor's dimension grows in proportion to it.",
        "Kaplan and Yorke's dimension per unit, 128 units against 64, g = 4.",
        PLATEAU, SIZE, above(dimension_per_unit(chaotic(4.0, 128)), dimension_per_unit(chaotic(4.0, 64))),
    ),
    Finding(
        "Near the onset the dimension grows with the coupling", "engelken2023",
        "Near the onset of chaos, dimension and entropy rate grow with g; far from it they fall again.",
        "The first half: g = 2 against 1.5, 128 units.",
        ORDER, LARGER, above(dimension_per_unit(chaotic(2.0, 128)), dimension_per_unit(chaotic(1.5, 128))),
    ),
    Finding(
        "Noise as input lowers it", "engelken2023",
        "Input that fluctuates lowers the dimension and the entropy rate.",
        "g = 2, 128 units: white noise of variance 0.25 in the net input against none.",
        ORDER, LARGER, above(dimension_per_unit(chaotic(2.0, 128)), dimension_per_unit(chaotic(2.0, 128, "0.25"))),
    ),
)  # fmt: skip


def decided(tables: Measured) -> pd.DataFrame:
    """The published table: a row per finding, its numbers and whether it is reproduced."""
    return pd.DataFrame([row(finding, tables) for finding in FINDINGS], columns=names("published"))


def row(finding: Finding, tables: Measured) -> dict:
    """One finding. Not tried: fewer than MIN_REPETITIONS pairs, or networks, are there."""
    values, margin = finding.values(tables).to_numpy(float), finding.tolerance.value
    about = {"finding": finding.name, "source": finding.source, "found": finding.found, "tried": finding.tried,
             "relation": finding.relation, "tolerance": margin, "unit": finding.tolerance.unit,
             "why": finding.tolerance.why, "n": len(values)}  # fmt: skip
    if len(values) < MIN_REPETITIONS:
        nothing = dict.fromkeys(("effect", "low", "high", "p"), np.nan)
        return about | nothing | {"outcome": NOT_TRIED}
    effect, low, high = interval(values)
    if finding.relation == ORDER:
        p, held = student(values, margin), low > margin
    else:
        p, held = equivalent(values, -margin, margin).p, -margin <= low and high <= margin
    p = np.nan if np.isnan(effect) else p
    outcome = REPRODUCED if held and p <= ALPHA else NOT_REPRODUCED
    return about | {"effect": effect, "low": low, "high": high, "p": p, "outcome": outcome}

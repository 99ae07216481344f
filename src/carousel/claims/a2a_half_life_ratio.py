"""A2a: does the LSTM's gradient last much longer than a vanilla RNN's?"""

import numpy as np
import pandas as pd

from carousel.analysis.stats.left import VANISHED
from carousel.axes import STANDARD_DRIVE
from carousel.claims import lstm_against_rnn
from carousel.claims.claim import Claim, Margin, Verdict
from carousel.claims.rule_text import words_of_comparison
from carousel.claims.rules import LAG

MUCH = Margin(
    float(np.log10(3)),
    "decades of half-life",
    'three times as long is the least that "not nearly as much" can mean',
)


def measure(models: tuple[pd.DataFrame, pd.DataFrame], margin: float) -> pd.DataFrame:
    """Return the evidence for A2a: the ratio of half-lives to each rival, and whether the LSTM's vanishes."""
    return lstm_against_rnn.measure(models, "ratio", margin, -VANISHED)


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return A2a's verdict: it vanishes, with a half-life MUCH longer than each rival's."""
    return lstm_against_rnn.decide(evidence, "decades of half-life")


CLAIM = Claim(
    id="A2a",
    who="answer 2",
    kind="comparison",
    statement="Both products contain factors that can vanish: the LSTM suffers too, but not nearly as much.",
    reading=f"At initialisation less than a tenth of the LSTM's total gradient is left at lag {LAG}, but its "
    "half-life, by the rate, is at least three times a vanilla RNN's. Rivals are the sigmoid RNN, which the answer "
    "writes down, and the tanh and ReLU RNN, of the same init, gain, width, drive, length and "
    "seed. They are compared as each library starts them (none has a sigmoid RNN), and at drive "
    f"{STANDARD_DRIVE} over inits, gains and forget biases.",
    prediction="depends: on the forget bias and the rival",
    unit="decades of half-life, PyTorch's default LSTM over its tanh RNN",
    rule=words_of_comparison(MUCH, "log10 of the ratio of half-lives, the LSTM's over the rival's")
    + f" Pairs in which neither gradient decays are left out. The LSTM's own gradient vanishes likewise where it has "
    f"lost more than {-VANISHED:g} decade at lag {LAG}. Both must hold; the parts are each library's defaults, rival "
    "by rival, and all settings at the standard drive.",
    takeaway={
        "supported": "Against a vanilla RNN an LSTM multiplies the reach of the gradient.",
        "refuted": "Do not expect an LSTM to multiply the reach of the gradient.",
        "depends": "Against a sigmoid RNN, the answer's own, an LSTM's gradient lives several times as long. Against a "
        "tanh or ReLU RNN that takes a forget bias that is high enough for the weights.",
    },
    models=lstm_against_rnn.models,
    measure=measure,
    decide=decide,
    rows=lstm_against_rnn.rows,
    margin=MUCH,
)

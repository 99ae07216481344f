"""A2a: does the LSTM's gradient last much longer than a vanilla RNN's?"""

import numpy as np
import pandas as pd

from carousel.claims import lstm_against_rnn
from carousel.claims.rules import Claim, Tables, Verdict

MUCH = float(np.log10(3))  # "not nearly as much": a half-life at least three times as long, half a decade


def measure(tables: Tables) -> pd.DataFrame:
    """Return the evidence for A2a: the ratio of half-lives to each rival, and whether the LSTM's decays."""
    return lstm_against_rnn.measure(tables.decay, "ratio", MUCH)


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return A2a's verdict: it vanishes, with a half-life MUCH longer than each rival's."""
    return lstm_against_rnn.decide(evidence, "decades of half-life")


CLAIM = Claim(
    id="A2a",
    who="answer 2",
    kind="comparison",
    statement="Both products contain factors that can vanish: the LSTM suffers too, but not nearly as much.",
    reading="At initialisation the half-life of the LSTM's total gradient is at least three times that of the "
    "sigmoid, tanh and ReLU RNN of the same init, gain, length and seed.",
    prediction="depends: on the forget bias and the rival",
    unit="decades of half-life, lstm over rnn_tanh",
    rule="As K2, on log10 of the ratio of half-lives, with margin log10(3): half a decade is the least that "
    'deserves "not nearly as much". Pairs in which neither gradient decays are left out.',
    takeaway={
        "supported": "Against a vanilla RNN an LSTM multiplies the reach of the gradient.",
        "refuted": "Do not expect an LSTM to multiply the reach of the gradient.",
        "depends": "How much longer an LSTM's gradient lives is set by its forget bias, not by its being an LSTM.",
    },
    measure=measure,
    decide=decide,
    rows=lstm_against_rnn.rows,
)

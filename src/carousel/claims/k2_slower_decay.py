"""K2: does the LSTM's gradient vanish more slowly than a vanilla RNN's?"""

import pandas as pd

from carousel.claims import lstm_against_rnn
from carousel.claims.rules import MIN_REPETITIONS, Claim, Tables, Verdict


def measure(tables: Tables) -> pd.DataFrame:
    """Return the evidence for K2: the difference of rates to each rival, and whether the LSTM's decays."""
    return lstm_against_rnn.measure(tables.decay, "slower", 0.0)


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return K2's verdict: it vanishes, and more slowly than each rival's."""
    return lstm_against_rnn.decide(evidence, "decades per step slower")


CLAIM = Claim(
    id="K2",
    who="comment",
    kind="comparison",
    statement="LSTM gradients do vanish, only more slowly than a vanilla RNN's.",
    reading="At initialisation the LSTM's total gradient decays, at a rate above (slower than) that of the sigmoid, "
    "tanh and ReLU RNN of the same init, gain, length and seed.",
    prediction="depends: on the forget bias, and reversed for orthogonal and ReLU networks near criticality",
    unit="decades per step, lstm less rnn_tanh",
    rule="Paired by seed. A rival holds where the 95 % interval of the difference lies above 0 on every backend, "
    "Holm's p is at most 0.05 and at most 5 % of settings reverse it in every repetition. The LSTM's own "
    f"decay is a fourth part that must hold too. At least {MIN_REPETITIONS} repetitions.",
    takeaway={
        "supported": "An LSTM buys time against vanishing, not freedom from it.",
        "refuted": "An LSTM's gradient does not last longer than a vanilla RNN's.",
        "depends": "The cell alone does not order the decay: with a low forget bias a well initialised vanilla RNN "
        "can keep its gradient longer.",
    },
    measure=measure,
    decide=decide,
    rows=lstm_against_rnn.rows,
)

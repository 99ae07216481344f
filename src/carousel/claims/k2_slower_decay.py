"""K2: does the LSTM's gradient vanish more slowly than a vanilla RNN's?"""

import pandas as pd

from carousel.analysis.stats.left import VANISHED
from carousel.axes import STANDARD_DRIVE
from carousel.claims import lstm_against_rnn
from carousel.claims.claim import Claim, Margin, Verdict
from carousel.claims.rule_text import words_of_comparison
from carousel.claims.rules import LAG

LOST = Margin(-VANISHED, f"decade lost at lag {LAG}", "less than a tenth left is called vanished")
MORE = Margin(0.0, "decades", "slower is an order, however small")


def measure(models: tuple[pd.DataFrame, pd.DataFrame], margin: float) -> pd.DataFrame:
    """Return the evidence for K2: what is left more than of each rival's, and whether the LSTM's vanishes."""
    return lstm_against_rnn.measure(models, "more", MORE.value, margin)


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return K2's verdict: it vanishes, and more slowly than each rival's."""
    return lstm_against_rnn.decide(evidence, f"decades more left at lag {LAG}")


CLAIM = Claim(
    id="K2",
    who="comment",
    kind="comparison",
    statement="LSTM gradients do vanish, only more slowly than a vanilla RNN's.",
    reading=f"At initialisation less than a tenth of the LSTM's total gradient is left at lag {LAG}, and more than of "
    "a vanilla RNN's. Rivals are the sigmoid, tanh and ReLU RNN of the same init, gain, width, drive, length and "
    "seed. They are compared as each library starts them (none has a sigmoid RNN), and at drive "
    f"{STANDARD_DRIVE} over inits, gains and forget biases.",
    prediction="depends: on the forget bias, and reversed for orthogonal and ReLU networks near criticality",
    unit=f"decades more left at lag {LAG}, PyTorch's default LSTM against its tanh RNN",
    rule=words_of_comparison(
        MORE, f"decades more left of the LSTM's gradient at lag {LAG} than of the rival's"
    )
    + f" The LSTM's own gradient vanishes likewise where it has lost more than {LOST.value:g} decade at lag {LAG}. "
    "Both must hold; the parts are each library's defaults, rival by rival, and all settings at the standard drive.",
    takeaway={
        "supported": "An LSTM buys time against vanishing, not freedom from it.",
        "refuted": "An LSTM's gradient does not last longer than a vanilla RNN's.",
        "depends": "The cell alone does not order the decay: with a low forget bias a well initialised vanilla RNN "
        "can keep its gradient longer.",
    },
    models=lstm_against_rnn.models,
    measure=measure,
    decide=decide,
    rows=lstm_against_rnn.rows,
    margin=LOST,
)

"""The answers of the essay, a paragraph each: sentences whose numbers are read from the tables.

Each raises Lacking where a table has not got a number that it needs. The verdicts for which a paragraph is true stand
beside it, in `essay`.
"""

from itertools import takewhile
from types import SimpleNamespace

import pandas as pd

from carousel.analysis.text import count, listed, power, share, span
from carousel.claims.longest_learned_text import OCTAVES
from carousel.claims.rules import LAG
from carousel.report import names
from carousel.report.page.brief import sentences
from carousel.report.page.facts import (
    Lacking,
    above,
    advised,
    defaults,
    evidence,
    rounding,
    route,
    states,
    threshold,
)
from carousel.report.page.markup import escape, prose, verdict

SHORT = 2  # sentences of K3: who learned longer, and whether what is left orders them


def carousel(data: SimpleNamespace) -> str:
    """What goes along the carousel alone."""
    keeps = [10 ** (route(data, "reach", bias, LAG, "cec", "cell") / LAG) for bias in ("0", "1")]
    held = threshold(data, "A1e", f"threshold over {LAG} steps")
    return (
        "**The product of its forget gates, an exponential like any other.** Measured and formula agree to "
        f"{rounding(data, 'A1d')}. A gate without a bias is half open: each step keeps {_percent(keeps[0])} of what "
        "runs "
        f"along the carousel, and {_percent(keeps[1])} at a forget bias of 1. It takes a bias of {span(*held)} before "
        f"half is left after {LAG} steps. The cell of 1997 has no forget gate; there each step keeps all. *The "
        "constant error "
        "carousel is constant only in the cell for which it was named.*"
    )


def slopes(data: SimpleNamespace) -> str:
    """What passes the gates' slopes."""
    found = states(data, "M1")
    total, frozen = (route(data, "reach", "1", LAG, "loss_state", path) for path in ("full", "candidate"))
    same, other, every = found.get("holds", 0), found.get("fails", 0), sum(found.values())
    return (
        "**Seldom.** Hold every gate at its value, so that nothing passes a slope: at a forget bias of 1 there is "
        f"{share(frozen)} left after {LAG} steps instead of {share(total)}. In {same} of {every} settings the two are "
        "the "
        f"same within a factor of two; {other} differ, the others are undecided. What is paid at every step is the "
        "forget gate’s *value*. Entering the cell costs the output gate and a tanh, once."
    )


def other_routes(data: SimpleNamespace) -> str:
    """What keeps the gradient of an LSTM whose forget gates do not."""
    total, alone = (route(data, "reach", "1", LAG, "loss_state", path) for path in ("full", "cell"))
    drawn = [route(data, "reach", "chrono", LAG, "loss_state", path) for path in ("full", "cell")]
    turn = threshold(data, "M2", "a tenth along the carousel")
    return (
        "**At the biases that libraries set, not the carousel.** At a forget bias of 1 the carousel alone would leave "
        f"{share(alone)} after {LAG} steps; all routes leave {share(total)}. The rest came through the candidate and "
        "the "
        f"recurrent weights. Only from a bias of {span(*turn)} on does a tenth of what is left run along the carousel. "
        f"With chrono biases, drawn for the length of the sequence, it is nearly everything: {share(drawn[1])} by "
        "itself, "
        f"{share(drawn[0])} in all. And a carousel that loses nothing is no guarantee: over long distances the other "
        "routes can cancel it."
    )


def vanishing(data: SimpleNamespace) -> str:
    """What LSTMs have left."""
    left = [f"{share(each)} with {escape(label)}’s" for label, each in defaults(data, "lstm").items()]
    row = advised(data, "lstm")
    drawn = route(data, "reach", "chrono", LAG, "loss_state", "full")
    return (
        f"**With the biases that libraries set, yes.** After {LAG} steps there is {listed(left)} left. "
        f"A forget bias of {names.forget_bias(row['forget_bias'])} on {escape(names.init(row['init']))} init leaves "
        f"{share(row['left'])}, chrono biases {share(drawn)}."
    )


def rivals(data: SimpleNamespace) -> str:
    """The LSTM beside plain networks."""
    rows = evidence(data, "K2")
    drive = {name: rows[rows["part"].str.endswith(f"against {names.cell(name)}") & (rows["settings"] > 10)]
             for name in ("rnn_sigmoid", "rnn_tanh", "rnn_relu")}  # fmt: skip
    behind = {name: (_first(part, "reverse"), _first(part, "settings")) for name, part in drive.items()}
    if behind["rnn_sigmoid"][0] > 0 or max(part for part, _ in behind.values()) >= 0.5:
        raise Lacking("an order of the rivals that the sentence is of")
    of = {name: f"{round(part * n)} of {n:.0f}" for name, (part, n) in behind.items()}
    level = threshold(data, "K2", "beyond its margin against the tanh RNN: orthogonal")
    thrice = threshold(data, "A2a", "beyond its margin against the tanh RNN: orthogonal")
    return (
        "**Than in a sigmoid RNN, always; than in a tanh or ReLU RNN, mostly.** Of settings with the same weights the "
        f"plain network kept more, in every repetition, in {of['rnn_sigmoid']} (sigmoid), {of['rnn_tanh']} (tanh) and "
        f"{of['rnn_relu']} (ReLU). With orthogonal weights, which suit the plain network, the LSTM draws level with "
        "the "
        f"tanh RNN at a forget bias of {span(*level, 2)}, and lasts three times as long from {span(*thrice, 2)} on."
    )


def relu(data: SimpleNamespace) -> str:
    """Weights against slopes in plain networks."""
    first, last = (
        threshold(data, "A1b", f"{word}, tanh RNN") for word in ("slopes begin to lead", "weights lead again")
    )
    ends = {
        name: threshold(data, "A4g", f"a loss ends, {names.cell(name)}") for name in ("rnn_tanh", "rnn_relu")
    }
    return (
        "**Both, and no.** In a plain RNN the gradient is multiplied by weights and by slopes. Small weights set the "
        "rate; large ones saturate the units, and the slopes take over: for tanh between gains of "
        f"{span(*first, 2)} and {span(*last, 2)}. A ReLU does not saturate, yet with orthogonal weights its gradient "
        "decays "
        f"below a gain of {span(*ends['rnn_relu'], 2)}, the tanh RNN’s below {span(*ends['rnn_tanh'], 2)}."
    )


def learning(data: SimpleNamespace) -> str:
    """Whether it helps to learn: of K3's condition the first SHORT sentences, up to those that name each LSTM."""
    claim = data.claims.set_index("id").loc["K3"]
    said = takewhile(lambda text: OCTAVES not in text, sentences(claim["condition"])[:SHORT])
    return f"{verdict(claim['verdict'])}. {prose(' '.join(said))} *{prose(claim['takeaway'])}*"


def certainty(data: SimpleNamespace) -> str:
    """What the numbers rest on."""
    passed, checks = int(data.calibration["passed"].sum()), len(data.calibration)
    apart = data.agreement[
        data.agreement["measure"] == "largest difference of log10 norms, before training, float64"
    ]
    if apart.empty or not 0 < passed == checks:
        raise Lacking("a calibration that passed, or the agreement of the backends in float64")
    moved = data.claims["at_half_margin"].ne(data.claims["verdict"]) | data.claims["at_twice_margin"].ne(
        data.claims["verdict"]
    )
    moved &= data.claims["margin"].ne("")
    return (
        f"**The instrument is exact; the verdicts are of this study’s settings.** {passed} of {checks} calibrations on "
        "systems with known answers passed. Two implementations that share no derivative code differ by at most "
        f"{power(above(apart['value'].iloc[0]))} decades before training. At half or at twice its margin "
        f"{count(moved.sum()) if moved.any() else 'no'} verdict is another. Networks are small, inputs before training "
        "are noise, and rules were changed after results were seen: [limits](#limits) has the list."
    )


def _first(rows: pd.DataFrame, column: str) -> float:
    if rows.empty:
        raise Lacking(column)
    return float(rows[column].iloc[0])


def _percent(value: float) -> str:
    return f"{100 * value:.0f}\N{NO-BREAK SPACE}%"

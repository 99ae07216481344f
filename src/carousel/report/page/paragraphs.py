"""The answers of the essay, a paragraph each: sentences whose numbers are read from the tables.

Each raises Lacking where a table has not got a number that it needs. The verdicts for which a paragraph is true stand
beside it, in `essay`.
"""

from collections.abc import Sequence
from itertools import takewhile
from types import SimpleNamespace

from carousel.analysis.text import count, fixed, listed, power, share, span
from carousel.axes import REFERENCE
from carousel.claims.defaults import FIRST
from carousel.claims.longest_learned_text import LEFT, OCTAVES, RANK
from carousel.claims.rules import LAG
from carousel.report import names
from carousel.report.page.brief import sentences
from carousel.report.page.facts import (
    Lacking,
    above,
    advised,
    crossed,
    defaults,
    effect,
    evidence,
    length,
    of_parts,
    rounding,
    route,
    said,
    threshold,
)
from carousel.report.page.glossary import WORDS, term
from carousel.report.page.markup import escape, per_cent, prose
from carousel.report.page.rivals import behind
from carousel.report.page.vanished import counted_twice

LEFT_WHERE = (
    "What is left is taken over the shortest sequences of a task, at which every network was measured; chrono biases "
    "are no part of that order, since they are others at each length."
)


def carousel(data: SimpleNamespace) -> str:
    """What goes along the carousel alone."""
    kept = [route(data, "reach", bias, LAG, "cec", "cell") for bias in ("0", "1")]
    keeps = [10 ** (each / LAG) for each in kept]
    norms = [route(data, "reach", bias, LAG, "loss_state", "cell") for bias in ("0", "1")]
    held = threshold(data, "A1e", f"threshold over {LAG} steps")
    return (
        "**The product of its forget gates, an exponential like any other.** Measured and formula agree to better than "
        f"{rounding(data, 'A1d')}. A gate without a bias is half open: each step keeps {per_cent(keeps[0], 1)} of what "
        f"runs along the carousel in a typical unit, and {per_cent(keeps[1], 1)} at a forget bias of 1. After {LAG} "
        f"steps that is {share(kept[0])} and {share(kept[1])}.{_norms(kept, norms)} It takes a fixed bias of "
        f"{span(*held)} before "
        f"half is left after {LAG} steps. In the cell of 1997, which has no forget gate, each step keeps all. "
        "*The constant error carousel is constant only where no forget gate closes.*"
    )


def _norms(kept: Sequence[float], norms: Sequence[float]) -> str:
    """Why the picture of the first screen has more left along the carousel, where it has."""
    if not all(norm > mean for norm, mean in zip(norms, kept, strict=True)):
        return ""
    return (
        f" The picture at the top shows norms, {share(norms[0])} and {share(norms[1])}: larger, since a norm follows "
        "the units that keep most."
    )


def other_routes(data: SimpleNamespace) -> str:
    """What keeps the gradient of an LSTM whose forget gates do not."""
    total, frozen, alone = (
        route(data, "reach", "1", LAG, "loss_state", path) for path in ("full", "candidate", "cell")
    )
    drawn = [route(data, "reach", "chrono", LAG, "loss_state", path) for path in ("full", "cell")]
    lines = crossed(data, "M2", "a tenth along the carousel")
    turn, steps = threshold(data, "M2", "a tenth along the carousel"), length(data, "reach")
    return (
        "**At the biases that libraries set, not the carousel.** At a forget bias of 1 the carousel alone would leave "
        f"{share(alone)} after {LAG} steps; all routes leave {share(total)} ({escape(names.init(FIRST))} "
        f"init). Those that pass no gate leave {share(frozen)}: it came back through the output and the recurrent "
        f"weights. The carousel carries a tenth from a bias of {span(*turn)} on, on {lines}. With "
        f"{term('chrono')} biases, drawn for {count(steps)} steps, it carries nearly everything: "
        f"{share(drawn[1])} is left "
        "along it, "
        f"{share(drawn[0])} in all. And a carousel that loses nothing is no guarantee: in the worst network found the "
        f"other routes cancel it, down to {power(effect(data, 'M3'))} of its part."
    )


def vanishing(data: SimpleNamespace) -> str:
    """What LSTMs have left."""
    left = [f"{share(each)} with {escape(label)}’s" for label, each in defaults(data, "lstm").items()]
    row = advised(data, "lstm")
    bias = str(row["forget_bias"])
    own = route(data, "reach", bias, LAG, "loss_state", "full")
    drawn = route(data, "reach", "chrono", LAG, "loss_state", "full")
    return (
        f"**With the biases that libraries set, yes.** After {LAG} steps there is {listed(left)} left. A forget bias "
        "of "
        f"{names.forget_bias(bias)} leaves {share(row['left'])} on {escape(names.init(row['init']))} init and "
        f"{share(own)} on {escape(names.init(FIRST))}; chrono biases for {count(length(data, 'reach'))} steps leave "
        f"{share(drawn)}. More is not always better: a gradient that is held in the cell has to enter it."
        f"\n\n{counted_twice(data)}"
    )


def rivals(data: SimpleNamespace) -> str:
    """The LSTM beside plain networks."""
    rows = evidence(data, "K2")
    found = behind(data)
    sigmoid, tanh, relu = (found[name] for name in ("sigmoid RNN", "tanh RNN", "ReLU RNN"))
    if sigmoid.median > 0 or max(each.median / each.settings for each in (tanh, relu)) >= 0.5:
        raise Lacking("an order of the rivals that the sentence is of")
    level = threshold(data, "K2", "beyond its margin against the tanh RNN: orthogonal")
    thrice = threshold(data, "A2a", "beyond its margin against the tanh RNN: orthogonal")
    lost = rows[rows["part"].str.contains("default LSTM against") & (rows["state"].astype(str) == "fails")][
        "part"
    ]
    return (
        "**Than in a sigmoid RNN, in every setting; than in a tanh or ReLU RNN, in most.** Settings are compared at "
        f"the same weights and {term('drive')} (the variance that the input gives to a unit’s net input). The plain "
        f"network kept more by the median in {sigmoid.median} of {sigmoid.settings} (sigmoid), {tanh.median} of "
        f"{tanh.settings} (tanh) and {relu.median} of {relu.settings} (ReLU), in every repetition in {sigmoid.every}, "
        f"{tanh.every} and {relu.every}. With orthogonal weights, which suit the plain network, the LSTM draws "
        "level "
        f"with the tanh RNN at a forget bias of {span(*level, 2)}, and lasts three times as long from "
        f"{span(*thrice, 2)} "
        f"on.{said(_by_default, data)}"
        f"{f' As libraries start them the order is the other way round for {listed(lost)}.' if len(lost) else ''}"
    )


def _by_default(data: SimpleNamespace) -> str:
    """How many times as long the gradient of each library's default LSTM lasts as that of its default tanh RNN."""
    rows = of_parts(data, "A2a", "^.* default LSTM against its tanh RNN$")
    each = [
        f"{fixed(10**row.effect, 2)} ({row.part.partition('’s')[0].partition(chr(39))[0]})"
        for row in rows.itertuples()
    ]
    return f" By default it lasts so many times as long as the tanh RNN: {listed(each)}."


def relu(data: SimpleNamespace) -> str:
    """Weights against slopes in plain networks."""
    first, last = (
        threshold(data, "A1b", f"{word}, tanh RNN") for word in ("slopes begin to lead", "weights lead again")
    )
    ends = {
        name: threshold(data, "A4g", f"a loss ends, {names.cell(name)}") for name in ("rnn_tanh", "rnn_relu")
    }
    return (
        "**Both, and no.** In a plain RNN the gradient is multiplied by weights and by slopes. In orthogonal tanh "
        f"networks between {term('gain', 'gains')} of {span(*first, 2)} and {span(*last, 2)} the slopes cost more; "
        "at smaller or larger gains the weights matter more. A ReLU does not saturate, yet with orthogonal weights its "
        "gradient decays below a gain of "
        f"{span(*ends['rnn_relu'], 2)}, the tanh RNN’s below {span(*ends['rnn_tanh'], 2)}.{said(_grows, data)}"
    )


def _grows(data: SimpleNamespace) -> str:
    """What is left of the ReLU networks' gradients that have not vanished."""
    rows = of_parts(data, "A2f", "^ReLU RNN, ")
    kept = rows[rows["state"].astype(str) == "holds"]
    if len(kept) == 0 or not (kept["effect"] > 0).all():
        raise Lacking("ReLU networks whose gradients grow")
    each = [
        f"{power(row.effect)} times ({escape(row.part.removeprefix('ReLU RNN, '))})"
        for row in kept.itertuples()
    ]
    return f" Where a ReLU network’s gradient has not vanished after {LAG} steps it has grown, to {listed(each)}."


def learning(data: SimpleNamespace) -> str:
    """Whether it helps to learn: in a word by K3's ranks, and its condition up to the single LSTMs."""
    claim = data.claims.set_index("id").loc["K3"]
    said = takewhile(lambda text: OCTAVES not in text and LEFT not in text, sentences(claim["condition"]))
    text = prose(f"{' '.join(said)} {LEFT_WHERE}")
    for task in ("adding", "copy-two", "temporal-order"):
        text = text.replace(WORDS[task][0], term(task), 1)
    return f"**{_ranked(data)}** {text} *{prose(claim['takeaway'])}*"


def _ranked(data: SimpleNamespace) -> str:
    """Whether what is left before training orders the lengths learned, over the tasks."""
    rows = data.evidence[(data.evidence["id"] == "K3") & data.evidence["part"].astype(str).str.contains(RANK)]
    found = {*rows.loc[rows["backend"].astype(str) == REFERENCE, "state"].astype(str)}
    if "fails" in found:
        return "Not reliably."
    return "Yes." if found == {"holds"} else "This study cannot say."


def certainty(data: SimpleNamespace) -> str:
    """What the numbers rest on."""
    passed, checks = int(data.calibration["passed"].sum()), len(data.calibration)
    apart = data.agreement[
        data.agreement["measure"] == "largest difference of log10 norms, before training, float64"
    ]
    if apart.empty or not 0 < passed == checks:
        raise Lacking("a calibration that passed, or the agreement of the backends in float64")
    judged = data.claims[data.claims["margin"].ne("")]
    moved = judged["at_half_margin"].ne(judged["verdict"]) | judged["at_twice_margin"].ne(judged["verdict"])
    return (
        f"**The instrument is exact; the verdicts are of this study’s settings.** {passed} of {checks} calibrations on "
        "systems with known answers passed. Two implementations that share no derivative code differ by at most "
        f"{power(above(apart['value'].iloc[0]))} {term('decade', 'decades')} before training in "
        f"float64. Of {len(judged)} verdicts with a "
        f"margin {count(moved.sum()) if moved.any() else 'none'} is another at half or twice of it. Networks are "
        "small, inputs before training "
        "are noise, and rules were changed after results were seen: [limits](#limits) has the list."
    )

"""What the picture of a claim shows, in a line: a title per claim and verdict, with numbers from the evidence."""

from collections.abc import Mapping
from types import SimpleNamespace

import numpy as np

from carousel.analysis.text import fixed, listed, power, share, span
from carousel.claims.q2_must_vanish import INSIDE
from carousel.claims.rules import LAG
from carousel.report.page.facts import (
    Lacking,
    Wording,
    defaults,
    effect,
    of_parts,
    part,
    rounding,
    route,
    states,
    threshold,
)

MOST = 3  # settings that a title names
SLOPES_LEAD = {
    "A1b": ("", "fails"),
    "A1h": ("slopes cost more than weights in ", "holds"),
}  # how parts are named, state


def _kept_by_libraries(data: SimpleNamespace) -> str:
    found = defaults(data, "lstm")
    if not {"PyTorch", "Keras"} <= {*found} or max(found.values()) > -1:
        raise Lacking("defaults with which the gradient vanishes")
    return (
        f"After {LAG} steps {share(found['PyTorch'])} is left with PyTorch’s defaults, {share(found['Keras'])} with "
        "Keras’s"
    )


def _little_along(data: SimpleNamespace) -> str:
    total, alone = (route(data, "reach", "0", LAG, "loss_state", path) for path in ("full", "cell"))
    if alone - total > -1:
        raise Lacking("a carousel that leaves less than a tenth of the total")
    return f"At a forget bias of 0 the carousel alone leaves {share(alone - total)} of the total at lag {LAG}"


def _longer(data: SimpleNamespace) -> str:
    rows = of_parts(data, "K3", r"^[^,]+, [^,]*LSTM(?!.* by what is left)")
    tasks = rows.groupby(rows["part"].str.split(",").str[0], sort=False)["state"]
    each = (f"{(own == 'holds').sum()} of {len(own)} on {task}" for task, own in tasks)
    return f"LSTMs shown to learn longer sequences than the tanh RNN: {listed(each)}"


def _between_gains(data: SimpleNamespace, claim: str) -> str:
    first, last = (
        threshold(data, claim, f"{word}, tanh RNN") for word in ("slopes begin to lead", "weights lead again")
    )
    always = of_parts(data, claim, f"^{SLOPES_LEAD[claim][0]}sigmoid RNN networks")["state"]
    if {*always} != {SLOPES_LEAD[claim][1]}:
        raise Lacking("slopes that lead in every sigmoid network")
    return (
        "Slopes cost more than weights in sigmoid networks; in orthogonal tanh networks between gains of "
        f"{span(*first, 2)} and {span(*last, 2)}"
    )


def _ends(data: SimpleNamespace, claim: str, what: str) -> str:
    ends = {name: threshold(data, claim, f"a loss ends, {name} RNN") for name in ("ReLU", "tanh")}
    sigmoid = of_parts(data, claim, "^a loss ends, sigmoid RNN")["effect"]
    never = ", with sigmoid at none tried" if np.isposinf(sigmoid).all() else ""
    each = (f"{span(*at, 2)} ({name})" for name, at in ends.items())
    return f"{what} ends at a gain of {listed(each)}{never}"


def _unlike_the_end(data: SimpleNamespace) -> str:
    rows = of_parts(data, "A2g", "at the start|in the middle")
    other = [name.split(", ", 1)[1] for name in rows.loc[rows["state"] == "fails", "part"]]
    if not 0 < len({*other}) <= MOST:
        raise Lacking("a few settings that differ from the end")
    return f"Other than at the end: {listed(other)}"


def _direction(data: SimpleNamespace) -> str:
    lost, kept = (
        part(data, "A3b", f"direction of the state's gradient, LSTM {bias}")["effect"]
        for bias in ("at forget bias 1", "with chrono biases")
    )
    if not lost < 0.5 * kept:
        raise Lacking("a direction that is lost at a bias and kept with chrono biases")
    return (
        f"Truncation turns the gradient far at a forget bias of 1 (cosine {fixed(lost, 2)}), hardly with chrono biases "
        f"({fixed(kept, 2)})"
    )


def _let_in(data: SimpleNamespace) -> str:
    old, drawn = (
        part(data, "A4c", f"{name} at the start")["effect"]
        for name in ("LSTM of 1997", "LSTM with chrono biases")
    )
    if not old < drawn:
        raise Lacking("an LSTM of 1997 that lets less in")
    return (
        f"Before training tanh lets {share(np.log10(old))} into the cell of 1997, {share(np.log10(drawn))} with chrono "
        "biases"
    )


TITLES: Mapping[str, Mapping[str, Wording]] = {
    "Q1": {"depends": lambda data: f"Along the carousel half is left after {LAG} steps from a forget bias of "
           f"{span(*threshold(data, 'Q1', f'threshold over {LAG} steps'))} on"},
    "Q2": {"depends": lambda data: f"From lag {INSIDE} to {LAG} the total vanishes at low forget biases, and stops at "
           f"{span(*threshold(data, 'Q2', 'the total stops vanishing'))}"},
    "K1": {"refuted": _kept_by_libraries},
    "K2": {"depends": lambda data: "With orthogonal weights the LSTM keeps more than a tanh RNN from a forget bias of "
           f"{span(*threshold(data, 'K2', 'beyond its margin against the tanh RNN: orthogonal'), 2)} on"},
    "K3": {"depends": _longer},
    "A1a": {"supported": lambda data: f"Measured and formula are one line, to better than {rounding(data, 'A1a')}"},
    "A1b": {"depends": lambda data: _between_gains(data, "A1b")},
    "A1c": {"refuted": lambda data: "A chain of which the weight’s power grows can lose its gradient, here by "
            f"{fixed(-effect(data, 'A1c'), 1)} decades per step"},
    "A1d": {"supported": lambda data: f"Along the cell the dots lie on the gates’ product, to better than "
            f"{rounding(data, 'A1d')}"},
    "A1e": {"depends": lambda data: f"Forget gates lose more than half over {LAG} steps below a fixed bias of "
            f"{span(*threshold(data, 'A1e', f'threshold over {LAG} steps'))}"},
    "A1f": {"refuted": lambda data: "Below the line other routes cancel the carousel’s part, at worst down to "
            f"{power(effect(data, 'A1f'))} of it"},
    "A1g": {"refuted": _little_along},
    "A1h": {"depends": lambda data: _between_gains(data, "A1h")},
    "A1i": {"supported": lambda data: "A ReLU network’s loss ends at a gain of "
            f"{span(*threshold(data, 'A1i', 'a loss ends, ReLU RNN'), 2)}; above it some explode"},
    "A1j": {"supported": lambda data: "Along the cell, too, the gradient moves with the recurrent weights: in one LSTM "
            f"by {fixed(effect(data, 'A1j'), 1)} decades"},
    "A2a": {"depends": lambda data: "Three times a tanh RNN’s half-life from a forget bias of "
            f"{span(*threshold(data, 'A2a', 'beyond its margin against the tanh RNN: orthogonal'), 2)} on, with "
            "orthogonal weights"},
    "A2b": {"supported": lambda data: f"At every lag both formulas are exact, to better than {rounding(data, 'A2b')}"},
    "A2c": {"supported": lambda data: f"There is an LSTM whose cell keeps {fixed(effect(data, 'A2c'), 5)} per step"},
    "A2d": {"depends": lambda data: f"With a bias a chain’s factor comes to {fixed(effect(data, 'A2d'), 3)}"},
    "A2e": {"depends": lambda data: "Where the chain settles its factor is "
            f"{fixed(part(data, 'A2e', 'rate')['effect'], 3)}, not the "
            f"{fixed(part(data, 'A2e', 'maximum')['effect'], 3)} of a state held at one"},
    "A2f": {"depends": lambda data: _ends(data, "A2f", "Vanishing")},
    "A2g": {"depends": _unlike_the_end},
    "A3a": {"supported": lambda data: "The truncated gradient lies on the carousel’s factors, to "
            f"{rounding(data, 'A3a')}"},
    "A3b": {"depends": _direction},
    "A4a": {"supported": lambda data: "With its forget gate held open the LSTM has the gradient of the cell of 1997"},
    "A4b": {"refuted": lambda data: f"The derivative is {fixed(effect(data, 'A4b'), 0)} at every lag, not zero"},
    "A4c": {"depends": _let_in},
    "A4d": {"depends": lambda data: "Input gate and tanh shrink the error; the recurrent weights only below a gain of "
            f"{span(*threshold(data, 'A4d', 'the affine map stops shrinking'), 1)}"},
    "A4e": {"supported": lambda data: "Inside LSTMs every other route changes the norm, by "
            f"{fixed(effect(data, 'A4e'), 2)} decades or more"},
    "A4f": {"depends": lambda data: f"Along the carousel no more than half is lost to lag {LAG} from a forget bias of "
            f"{span(*threshold(data, 'A4f', f'truncated threshold over {LAG} steps'))} on"},
    "A4g": {"depends": lambda data: _ends(data, "A4g", "Decay")},
    "M1": {"depends": lambda data: "Frozen gates leave as much, within a factor of two, in "
           f"{states(data, 'M1').get('holds', 0)} of {sum(states(data, 'M1').values())} parts"},
    "M2": {"depends": lambda data: "The carousel carries a tenth of the gradient from a forget bias of "
           f"{span(*threshold(data, 'M2', 'a tenth along the carousel'))} on"},
    "M3": {"refuted": lambda data: "In the worst case the carousel loses nothing, and the total falls to "
           f"{power(effect(data, 'M3'))} of its part"},
}  # fmt: skip

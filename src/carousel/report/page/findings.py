"""What was found of a claim, in a line: a wording per claim and verdict, with numbers from the evidence."""

from collections.abc import Mapping
from types import SimpleNamespace

from carousel.analysis.text import fixed, power, share, span
from carousel.axes import LAGS
from carousel.claims.rules import FAILS, HOLDS, INCONCLUSIVE, LAG
from carousel.report.page.facts import (
    Lacking,
    Wording,
    defaults,
    effect,
    evidence,
    part,
    rounding,
    said,
    states,
    threshold,
)
from carousel.report.page.findings_otherwise import OTHERWISE, UNDECIDED


def finding(data: SimpleNamespace, claim: str, verdict: str) -> str:
    """The wording for a claim's verdict; nothing where there is none, or the evidence has not got its numbers."""
    if verdict == INCONCLUSIVE:
        return UNDECIDED
    wording = FINDINGS.get(claim, {}).get(verdict)
    return said(wording, data) if wording else OTHERWISE.get(claim, {}).get(verdict, "")


def _slower(data: SimpleNamespace) -> str:
    rows = evidence(data, "K2")
    rival = rows[rows["part"].str.endswith("against tanh RNN")]
    if (
        rival.empty
        or (evidence(data, "K2")["part"].str.endswith("against sigmoid RNN") & (rows["reverse"] > 0)).any()
    ):
        raise Lacking("LSTM and RNN of the same weights")
    behind, settings = rival["reverse"].iloc[0] * rival["settings"].iloc[0], rival["settings"].iloc[0]
    return (
        f"Slower than a sigmoid RNN always; in {behind:.0f} of {settings:.0f} settings a tanh RNN keeps more in every "
        "repetition"
    )


def _right_angle(data: SimpleNamespace) -> str:
    cosine = effect(data, "A3b")
    if not abs(cosine) < 0.2:
        raise Lacking("a direction that is lost")
    return f"By default the truncated gradient of the state is nearly at a right angle (cosine {fixed(cosine, 2)})"


def _alike(data: SimpleNamespace) -> str:
    rows = evidence(data, "A2g")
    places = rows.loc[rows["part"].str.contains("at the start|in the middle"), "state"].astype(str)
    if places.empty:
        raise Lacking("places in the sequence")
    return (
        f"The start or the middle is like the end in {(places == 'holds').sum()} of {len(places)} comparisons"
    )


def _longer(data: SimpleNamespace) -> str:
    rows = evidence(data, "K3")
    lstms = rows["part"].str.contains("LSTM") & ~rows["part"].str.contains("what is left")
    against = rows.loc[lstms, "state"].astype(str)
    if against.empty:
        raise Lacking("an LSTM beside the tanh RNN")
    found = against.value_counts()
    return (
        f"In {found.get(HOLDS, 0)} of {len(against)} comparisons an LSTM learns longer sequences than the tanh RNN, in "
        f"{found.get(FAILS, 0)} it does not"
    )


def _distance(data: SimpleNamespace) -> str:
    near = span(*threshold(data, "A4f", f"truncated threshold over {LAG} steps"))
    far = next(lag for lag in LAGS if lag > LAG)
    bias = _free(data, far)
    more = f", to lag {far} from {bias:g} on" if bias is not None else ""
    return f"Along the carousel: to lag {LAG} from a forget bias of {near} on{more}, or without a forget gate"


def _free(data: SimpleNamespace, lag: int) -> float | None:
    """The lowest forget bias tried from which on the carousel is flat up to a lag in every part."""
    rows = evidence(data, "A4f")
    found = (
        rows["part"]
        .str.extract(rf"truncated LSTM at forget bias ([\d.]+), .* to lag {lag}$")[0]
        .astype(float)
    )
    holds = (rows["state"].astype(str) == HOLDS).groupby(found).all().sort_index(ascending=False)
    flat = holds[holds.cummin()]
    return float(flat.index.min()) if len(flat) else None


FINDINGS: Mapping[str, Mapping[str, Wording]] = {
    "Q1": {"depends": lambda data: "One where no forget gate closes; with a fixed bias half is left after "
           f"{LAG} steps from {span(*threshold(data, 'Q1', f'threshold over {LAG} steps'))} on"},
    "Q2": {"depends": lambda data: "It vanishes at low forget biases and not from "
           f"{span(*threshold(data, 'Q2', 'the total stops vanishing'))} on, with the same sigmoids"},
    "K1": {"refuted": lambda data: f"With PyTorch’s defaults {share(defaults(data, 'lstm')['PyTorch'])} is left after "
           f"{LAG} steps"},
    "K2": {"depends": _slower},
    "K3": {"depends": _longer},
    "A1a": {"supported": lambda data: f"The formula is exact, to {rounding(data, 'A1a')}"},
    "A1b": {"depends": lambda data: "In orthogonal tanh networks the slopes lead between gains of "
            f"{span(*threshold(data, 'A1b', 'slopes begin to lead, tanh RNN'), 2)} and "
            f"{span(*threshold(data, 'A1b', 'weights lead again, tanh RNN'), 2)}, the weights elsewhere"},
    "A1c": {"refuted": lambda data: "Where the factor grows, some chain’s gradient shrinks, by "
            f"{fixed(-effect(data, 'A1c'), 1)} decades per step"},
    "A1d": {"supported": lambda data: f"The formula is exact, to {rounding(data, 'A1d')}, with the gates frozen"},
    "A1e": {"depends": lambda data: f"Half of it is left after {LAG} steps only from a fixed forget bias of "
            f"{span(*threshold(data, 'A1e', f'threshold over {LAG} steps'))} on"},
    "A1f": {"refuted": lambda data: "There is such a path, but other routes can cancel it: the total was "
            f"{power(effect(data, 'A1f'))} of its part"},
    "A1g": {"refuted": lambda data: "There are LSTMs in which other routes leave half of it or more, at every lag"},
    "A1h": {"depends": lambda data: "In sigmoid networks the slopes are to blame; in tanh networks between gains of "
            f"{span(*threshold(data, 'A1h', 'slopes begin to lead, tanh RNN'), 2)} and "
            f"{span(*threshold(data, 'A1h', 'weights lead again, tanh RNN'), 2)}"},
    "A1i": {"supported": lambda data: "With orthogonal weights ReLU networks vanish below a gain of "
            f"{span(*threshold(data, 'A1i', 'a loss ends, ReLU RNN'), 2)}; some explode above"},
    "A1j": {"supported": lambda data: f"It moves by {fixed(effect(data, 'A1j'), 1)} decades with the scale of the "
            "weights"},
    "A2a": {"depends": lambda data: "With orthogonal weights three times as long as a tanh RNN’s from a forget bias of "
            f"{span(*threshold(data, 'A2a', 'beyond its margin against the tanh RNN: orthogonal'), 2)} on"},
    "A2b": {"supported": lambda data: f"Both factors are exact, to {rounding(data, 'A2b')}"},
    "A2c": {"supported": lambda data: f"Such weights exist: they keep {fixed(effect(data, 'A2c'), 5)} per step"},
    "A2d": {"depends": lambda data: "Not without a bias; with one, some chain keeps "
            f"{fixed(effect(data, 'A2d'), 3)} per step"},
    "A2e": {"depends": lambda data: "The largest value is right; the chain that has it keeps "
            f"{fixed(part(data, 'A2e', 'rate')['effect'], 3)} per step"},
    "A2f": {"depends": lambda data: f"It vanishes in {states(data, 'A2f').get('fails', 0)} settings, and not in "
            f"{states(data, 'A2f').get('holds', 0)}: above a gain of "
            f"{span(*threshold(data, 'A2f', 'a loss ends, ReLU RNN'), 2)}, or at the edge of chaos"},
    "A2g": {"depends": _alike},
    "A3a": {"supported": lambda data: f"It does exactly that, to {rounding(data, 'A3a')}"},
    "A3b": {"depends": _right_angle},
    "A4a": {"supported": lambda data: "With the forget gate held open and without peepholes it is the cell of 1997"},
    "A4b": {"refuted": lambda data: "The derivative is one"},
    "A4c": {"depends": lambda data: "Little while the state is small, most of it where the state has grown"},
    "A4d": {"depends": lambda data: "Gate and tanh shrink it; the recurrent weights only below a gain of "
            f"{span(*threshold(data, 'A4d', 'the affine map stops shrinking'), 1)}"},
    "A4e": {"supported": lambda data: "On no other route: the nearest changes by "
            f"{fixed(effect(data, 'A4e'), 2)} decades"},
    "A4f": {"depends": _distance},
    "A4g": {"depends": lambda data: "With orthogonal weights below a gain of "
            f"{span(*threshold(data, 'A4g', 'a loss ends, tanh RNN'), 2)} (tanh) and "
            f"{span(*threshold(data, 'A4g', 'a loss ends, ReLU RNN'), 2)} (ReLU)"},
    "M1": {"depends": lambda data: f"The same at lag {LAG}, within a factor of two, in "
           f"{states(data, 'M1').get('holds', 0)} of {sum(states(data, 'M1').values())} settings"},
    "M2": {"depends": lambda data: "With most inits a tenth of it does from a forget bias of "
           f"{span(*threshold(data, 'M2', 'a tenth along the carousel'))} on"},
    "M3": {"refuted": lambda data: "Other routes cancel a carousel that loses nothing: the total was "
           f"{power(effect(data, 'M3'))} of its part"},
}  # fmt: skip

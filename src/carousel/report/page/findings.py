"""What was found of a claim, in a line: a wording per claim and verdict, with numbers from the evidence."""

from collections.abc import Mapping
from types import SimpleNamespace

from carousel.analysis.text import fixed, listed, power, share, span
from carousel.axes import LAGS
from carousel.claims.q2_must_vanish import INSIDE
from carousel.claims.rules import FAILS, HOLDS, INCONCLUSIVE, LAG
from carousel.report.page.facts import (
    Lacking,
    Wording,
    crossed,
    defaults,
    effect,
    evidence,
    of_parts,
    part,
    rounding,
    said,
    states,
    threshold,
)
from carousel.report.page.findings_otherwise import OTHERWISE, UNDECIDED
from carousel.report.page.rivals import behind

MOST = 3  # values that a finding names


def finding(data: SimpleNamespace, claim: str, verdict: str) -> str:
    """The wording for a claim's verdict; nothing where there is none, or the evidence has not got its numbers."""
    if verdict == INCONCLUSIVE:
        return UNDECIDED
    wording = FINDINGS.get(claim, {}).get(verdict)
    return said(wording, data) if wording else OTHERWISE.get(claim, {}).get(verdict, "")


def _slower(data: SimpleNamespace) -> str:
    found = behind(data)
    if found["sigmoid RNN"].median:
        raise Lacking("a sigmoid RNN that never keeps more")
    tanh = found["tanh RNN"]
    return (
        f"Slower than a sigmoid RNN always; a tanh RNN keeps more in {tanh.median} of {tanh.settings} settings by the "
        f"median, in {tanh.every} in every repetition"
    )


def _right_angle(data: SimpleNamespace) -> str:
    cosine = effect(data, "A3b")
    if not abs(cosine) < 0.2:
        raise Lacking("a direction that is lost")
    kept = part(data, "A3b", "direction of the state's gradient, LSTM with chrono biases")["effect"]
    drawn = f"; with chrono biases nearly along it ({fixed(kept, 2)})" if kept > 0.9 else ""
    return (
        "By default the truncated gradient of the state is nearly at a right angle to the whole (cosine "
        f"{fixed(cosine, 2)}){drawn}"
    )


def _alike(data: SimpleNamespace) -> str:
    rows = evidence(data, "A2g")
    rows = rows[rows["part"].str.contains("at the start|in the middle")]
    cells = rows["part"].str.partition(", ")[2]
    alike = rows["state"].astype(str).eq(HOLDS).groupby(cells, sort=False).all()
    other = rows["state"].astype(str).eq(FAILS).groupby(cells, sort=False).any()
    if not 0 < other.sum() <= MOST:
        raise Lacking("a few cells that differ from the end")
    return (
        f"Start and middle are like the end in {alike.sum()} of {len(alike)} cells, and not in "
        f"{listed(other.index[other])}"
    )


def _longer(data: SimpleNamespace) -> str:
    rows = of_parts(data, "K3", r"^[^,]+, [^,]*LSTM(?!.* by what is left)")
    tasks = rows["state"].astype(str).eq(HOLDS).groupby(rows["part"].str.split(",").str[0], sort=False)
    each = listed(f"{own.sum()} of {len(own)} on {task}" for task, own in tasks)
    return f"LSTMs shown to learn longer sequences than the tanh RNN: {each}"


def _same_frozen(data: SimpleNamespace) -> str:
    found, rows = states(data, "M1"), evidence(data, "M1")
    inits = {*rows.loc[rows["state"].astype(str) == FAILS, "part"].str.extract(r", ([^,]+ init)")[0].dropna()}
    apart = f"; not with {listed(sorted(inits))}" if 0 < len(inits) <= MOST else ""
    same = f"{found.get(HOLDS, 0)} of {sum(found.values())} parts"
    return f"The same at lag {LAG}, within a factor of two, in {same}{apart}"


def _squashed(data: SimpleNamespace) -> str:
    rows = of_parts(data, "A4c", "^LSTM.* at the start$")
    names, state = rows["part"].str.removesuffix(" at the start"), rows["state"].astype(str)
    little, more = (listed(names[state == each]) for each in (HOLDS, FAILS))
    if not (little and more):
        raise Lacking("LSTMs that lose little and LSTMs that lose more")
    return f"Before training little is lost in {little}, more in {more}"


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
    "Q2": {"depends": lambda data: f"From lag {INSIDE} on, once inside the cell, it vanishes at low forget biases and "
           f"not from {span(*threshold(data, 'Q2', 'the total stops vanishing'))} on, with the same sigmoids"},
    "K1": {"refuted": lambda data: f"With PyTorch’s defaults {share(defaults(data, 'lstm')['PyTorch'])} of the "
           f"gradient by the last state is left after {LAG} steps"},
    "K2": {"depends": _slower},
    "K3": {"depends": _longer},
    "A1a": {"supported": lambda data: f"The formula is exact, to better than {rounding(data, 'A1a')}"},
    "A1b": {"depends": lambda data: "In orthogonal tanh networks the slopes lead between gains of "
            f"{span(*threshold(data, 'A1b', 'slopes begin to lead, tanh RNN'), 2)} and "
            f"{span(*threshold(data, 'A1b', 'weights lead again, tanh RNN'), 2)}, the weights elsewhere"},
    "A1c": {"refuted": lambda data: "Where the factor grows, some chain’s gradient shrinks, by "
            f"{fixed(-effect(data, 'A1c'), 1)} decades per step"},
    "A1d": {"supported": lambda data: f"The formula is exact, to better than {rounding(data, 'A1d')}, with "
            "the gates frozen"},
    "A1e": {"depends": lambda data: f"Half of it is left after {LAG} steps only from a fixed forget bias of "
            f"{span(*threshold(data, 'A1e', f'threshold over {LAG} steps'))} on"},
    "A1f": {"refuted": lambda data: "There is such a path, but other routes can cancel it: in the worst case "
            f"found the total is {power(effect(data, 'A1f'))} of its part"},
    "A1g": {"refuted": lambda data: "There are LSTMs in which other routes leave half of it or more, at every lag"},
    "A1h": {"depends": lambda data: "In sigmoid networks the slopes are to blame; in orthogonal tanh networks between "
            "gains of "
            f"{span(*threshold(data, 'A1h', 'slopes begin to lead, tanh RNN'), 2)} and "
            f"{span(*threshold(data, 'A1h', 'weights lead again, tanh RNN'), 2)}"},
    "A1i": {"supported": lambda data: "With orthogonal weights ReLU networks vanish below a gain of "
            f"{span(*threshold(data, 'A1i', 'a loss ends, ReLU RNN'), 2)}; some explode above"},
    "A1j": {"supported": lambda data: f"It moves by {fixed(effect(data, 'A1j'), 1)} decades with the scale of the "
            "weights"},
    "A2a": {"depends": lambda data: "With orthogonal weights three times as long as a tanh RNN’s from a forget bias of "
            f"{span(*threshold(data, 'A2a', 'beyond its margin against the tanh RNN: orthogonal'), 2)} on"},
    "A2b": {"supported": lambda data: f"Both factors are exact, to better than {rounding(data, 'A2b')}"},
    "A2c": {"supported": lambda data: f"Such weights exist: they keep {fixed(effect(data, 'A2c'), 5)} per step"},
    "A2d": {"depends": lambda data: "Not without a bias; with one, some chain keeps "
            f"{fixed(effect(data, 'A2d'), 3)} per step"},
    "A2e": {"depends": lambda data: "The largest value is right; the chain that has it keeps "
            f"{fixed(part(data, 'A2e', 'rate')['effect'], 3)} per step"},
    "A2f": {"depends": lambda data: f"It vanishes in {states(data, 'A2f').get('fails', 0)} settings, and not in "
            f"{states(data, 'A2f').get('holds', 0)}: above a gain of "
            f"{span(*threshold(data, 'A2f', 'a loss ends, ReLU RNN'), 2)}, or at the edge of chaos"},
    "A2g": {"depends": _alike},
    "A3a": {"supported": lambda data: f"It does exactly that, to better than {rounding(data, 'A3a')}"},
    "A3b": {"depends": _right_angle},
    "A4a": {"supported": lambda data: "With the forget gate held open and without peepholes it is the cell of 1997"},
    "A4b": {"refuted": lambda data: "The derivative is one"},
    "A4c": {"depends": _squashed},
    "A4d": {"depends": lambda data: "Gate and tanh shrink it; the recurrent weights only below a gain of "
            f"{span(*threshold(data, 'A4d', 'the affine map stops shrinking'), 1)}"},
    "A4e": {"supported": lambda data: "On no other route: the nearest changes by "
            f"{fixed(effect(data, 'A4e'), 2)} decades"},
    "A4f": {"depends": _distance},
    "A4g": {"depends": lambda data: "With orthogonal weights below a gain of "
            f"{span(*threshold(data, 'A4g', 'a loss ends, tanh RNN'), 2)} (tanh) and "
            f"{span(*threshold(data, 'A4g', 'a loss ends, ReLU RNN'), 2)} (ReLU)"},
    "M1": {"depends": _same_frozen},
    "M2": {"depends": lambda data: "A tenth of it does from a forget bias of "
           f"{span(*threshold(data, 'M2', 'a tenth along the carousel'))} on, on "
           f"{crossed(data, 'M2', 'a tenth along the carousel')}"},
    "M3": {"refuted": lambda data: "Not always: in the worst case found other routes cancel a carousel that loses "
           f"nothing, and the total is {power(effect(data, 'M3'))} of its part"},
}  # fmt: skip

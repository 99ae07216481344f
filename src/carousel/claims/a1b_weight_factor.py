"""A1b: is the factor of the weights the crucial one in the derivative of a recurrent network?"""

import numpy as np
import pandas as pd

from carousel.analysis.stats.slopes import STEADY, rates
from carousel.analysis.stats.tables import MODEL, SETTING, difference, repeated, select
from carousel.axes import BACKENDS
from carousel.claims.evidence import (
    ALONG_GAIN,
    at_value,
    boundary,
    by_state,
    compare,
    main,
    missing,
    number,
    planned,
    stack,
    turned,
)
from carousel.claims.rules import (
    CHAIN,
    DEPENDS,
    FAILS,
    FEW,
    HOLDS,
    INCONCLUSIVE,
    LONG,
    MIN_REPETITIONS,
    MIN_SEARCHED,
    MIXED,
    SCALAR,
    UNCLEAR,
    VANILLA,
    Claim,
    Tables,
    Verdict,
    combine,
    comparison,
)

NETWORKS, CHAINS = "networks", "chains"
SHOWN = f"rnn_tanh {NETWORKS}"
AGAIN = {f"again{name}": f"at{name}" for name in ("", "_low", "_high")}
LEADS = {
    HOLDS: "The weights lead",
    FAILS: "The slopes lead",
    MIXED: "It depends on the weights",
    UNCLEAR: "Undecided",
}


def split(decay: pd.DataFrame) -> pd.DataFrame:
    """Return per vanilla RNN at initialisation the rate of its gradient in two parts: ``weights`` and ``slopes``.

    At each step back |R^T D u| / |u| = (|R^T D u| / |D u|) (|D u| / |u|), with u the gradient and D the slopes: the
    first is the weights' part, the second the slopes'. In one dimension they are |w| and phi'. Decades per step, the
    weights' as the total's less the slopes' (0 where the gradient is exactly zero: slopes made it so). ``kind`` tells
    networks from the Q&A's chains; ``lead`` is |weights| - |slopes|.
    """
    table = read(decay)
    total, slopes = (rates(table, name, "full")[[*MODEL, "rate"]] for name in ("loss_h", "slopes"))
    both = total.merge(slopes.rename(columns={"rate": "slopes"}), on=MODEL).dropna(subset=["rate", "slopes"])
    both = both.assign(weights=difference(both["rate"], both["slopes"]))
    both = both.assign(
        lead=both["weights"].abs() - both["slopes"].abs(),
        kind=(both["hidden"] == 1).map({True: CHAINS, False: NETWORKS}),
    )
    return both[(both["kind"] == NETWORKS) | alive(both)]


def read(decay: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that the `split` is made of, of networks driven by noise and of chains without bias.

    A start below zero is no state of a ReLU, and dead at once: of a chain only the other starts count, if there are.
    """
    table = select(decay, cell=VANILLA, trained="no", quantity=("loss_h", "slopes"), path="full")
    chain = (table["hidden"] == 1) & table["slice"].isin((SCALAR, CHAIN)) & (table["bias"] == 0)
    some = chain & (table["n_zero"] < table["n"])
    table = table.assign(n_zero=table["n_zero"].mask(some, 0))
    return planned(table[(chain | (table["hidden"] > 1)) & (table["length"] >= LONG)])


def alive(table: pd.DataFrame) -> pd.Series:
    """Return which models are alive, or of a setting that is alive in no repetition."""
    finite = np.isfinite(table["slopes"])
    keys = [table[key] for key in ["backend", *SETTING]]
    return finite | ~finite.groupby(keys, observed=True).transform("any")


def rows(tables: Tables) -> pd.DataFrame:
    """Return the `split` of the settings whose weights' part is not one: of those alone the claim speaks."""
    return not_one(split(tables.decay))


def not_one(table: pd.DataFrame) -> pd.DataFrame:
    """Return the settings in which the weights' part is beyond STEADY in the median, or a dead unit hid it."""
    size = table["weights"].abs().mask(np.isneginf(table["slopes"]), np.inf)
    typical = size.groupby([table[key] for key in ["backend", *SETTING]], observed=True).transform("median")
    return table[typical > STEADY]


def measure(tables: Tables) -> pd.DataFrame:
    """Return per activation, networks and chains, how much larger the weights' part is than the slopes'."""
    whole = split(tables.decay)
    groups = not_one(whole).groupby(["cell", "kind"], observed=True)
    evidence = stack([part(group, "lead", f"{cell} {kind}") for (cell, kind), group in groups])
    return with_turns(evidence, whole) if len(evidence) else evidence


def part(group: pd.DataFrame, column: str, name: str) -> pd.DataFrame:
    """Return the evidence that ``column`` is above zero, for the networks or for the chains of one activation.

    A chain's rate is a function of its weight. There is no chance in it, so it takes no share of Holm's alpha: p = 0.
    """
    kind, cell = str(group["kind"].iloc[0]), str(group["cell"].iloc[0])
    group = group if kind == CHAINS else repeated(group, MIN_REPETITIONS)
    found = compare(group, column, name, 0.0).assign(kind=kind, cell=cell)
    return found.assign(p=0.0) if kind == CHAINS else found


def with_turns(evidence: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return the evidence of each part with the gain at which the slopes of its networks begin to lead.

    ``again``: the one above 1 at which the weights do once more.
    """
    table = select(table, kind=NETWORKS, slice=ALONG_GAIN)
    table = table.assign(slopes_lead=-table["lead"])
    return stack([_turned(found, table) for _, found in evidence.groupby("part", sort=False)])


def _turned(found: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    own = select(table, cell=found["cell"].iloc[0])
    own = own if (found["kind"] == NETWORKS).all() else own.head(0)
    found = found.assign(backend=found["backend"].astype(str))
    again = turned(found, own[own["gain"] >= 1], "gain", 0.0, "lead", log=True)
    found = turned(found, own, "gain", 0.0, "slopes_lead", log=True)
    return found.assign(**{new: again[old] for new, old in AGAIN.items()})


def judged(evidence: pd.DataFrame) -> pd.Series:
    """Return the state of each part: networks as every comparison, chains by the share of their weights."""
    if evidence.empty:
        return pd.Series(dtype=object)
    chains = evidence[evidence["kind"] == CHAINS]
    shares = {name: _share(found) for name, found in chains.groupby("part", sort=False)}
    return pd.concat([comparison(evidence[evidence["kind"] == NETWORKS]), pd.Series(shares, dtype=object)])


def _share(found: pd.DataFrame) -> str:
    """Return the state of the chains of one activation: at most FEW of the weights may say the opposite."""
    if set(found["backend"].astype(str)) != set(BACKENDS) or found["settings"].min() < MIN_SEARCHED:
        return UNCLEAR
    up, down = (bool((found[side] <= FEW).all()) for side in ("reverse", "share"))
    return {(True, False): HOLDS, (False, True): FAILS, (False, False): MIXED}.get((up, down), UNCLEAR)


def word_of(states: pd.Series) -> str:
    """Return the word for all parts, if networks and chains have each decided one."""
    kinds = [states[states.index.str.endswith(kind)] for kind in (NETWORKS, CHAINS)] if len(states) else []
    decided = [bool((kind != UNCLEAR).any()) for kind in kinds]
    return combine(states) if decided and all(decided) else INCONCLUSIVE


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict with the lead of the weights' part in networks of tanh units as its effect."""
    states = judged(evidence)
    word = word_of(states)
    if word == INCONCLUSIVE:
        what = f"{MIN_REPETITIONS} networks and {MIN_SEARCHED} chains of each activation on both backends"
        return Verdict(word, missing(evidence, what), _alt(evidence))
    own = evidence[evidence["part"] == SHOWN]
    own = own if len(own) else evidence[evidence["part"] == evidence["part"].iloc[0]]
    turn = boundary(own, "gain") if word == DEPENDS else None
    return Verdict(word, _condition(evidence, states), _alt(evidence), **main(own), boundary=turn)


def _condition(evidence: pd.DataFrame, states: pd.Series) -> str:
    return " ".join([*by_state(states, LEADS), led(evidence)]).strip()


def led(evidence: pd.DataFrame) -> str:
    """Return in words between which gains the slopes lead in networks with orthogonal weights."""
    networks = evidence[evidence["kind"] == NETWORKS]
    words = [_between(cell, networks[networks["cell"] == cell]) for cell in dict.fromkeys(networks["cell"])]
    found = [text for text in words if text]
    return f"With orthogonal weights the slopes lead in {'; '.join(found)}." if found else ""


def _between(cell: str, rows: pd.DataFrame) -> str:
    first = boundary(rows, "gain")
    again = boundary(rows.drop(columns=["at", "at_low", "at_high"]).rename(columns=AGAIN), "gain")
    upper = f"to {at_value(again)}" if again else "on"
    return f"{cell} from gain {at_value(first)} {upper}" if first else ""


def _alt(evidence: pd.DataFrame) -> str:
    if evidence.empty:
        return "The parts of weights and slopes were not measured."
    share = evidence.groupby("part", sort=False)["share"].mean()
    words = [f"{name} {number(100 * share[name])} %" for name in share.index]
    return (
        "The slopes' part of each gradient's rate against the weights' part, chains above and networks below, one "
        f"mark per setting. The weights' part is the larger in: {'; '.join(words)}. {led(evidence)}"
    ).strip()


CLAIM = Claim(
    id="A1b",
    who="answer 1",
    kind="comparison",
    statement="The factor w^n is the crucial one.",
    reading="Of the two parts of the gradient's rate, weights and slopes, the weights' is the larger in size wherever "
    "it is not one: in the bias-free chain and in networks, for sigmoid, tanh and ReLU.",
    prediction="depends: true for ReLU; a saturating unit's slope falls as its weight grows and takes the lead",
    unit="decades per step, weights' part less slopes', rnn_tanh",
    rule="Networks, paired by seed: the weights lead (the slopes do) where the 95 % interval of |weights| - |slopes| "
    "lies above (below) 0 on both backends, Holm's p is at most 0.05 and at most 5 % of settings say the opposite; "
    f"{MIN_REPETITIONS} repetitions. Chains have no chance in them: by the share of at least {MIN_SEARCHED} weights. "
    "Settings whose weights' part is within a factor of 2 in 100 steps of one are left out.",
    takeaway={
        "supported": "Look at the recurrent weights first: they set the rate.",
        "refuted": "Look at the slopes of the activation first: they set the rate, whatever the weights.",
        "depends": "Neither factor is the crucial one everywhere: small weights set the rate themselves, large ones "
        "by saturating the units.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)

"""The rate of a vanilla RNN's gradient as that of its weights and that of its slopes: what A1b and A1h share."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from carousel.analysis.stats.slopes import rates
from carousel.analysis.stats.tables import MODEL, SETTING, difference, repeated, select
from carousel.axes import BACKENDS, LIBRARIES, STANDARD_DRIVE
from carousel.claims import rnn_trends
from carousel.claims.evidence import (
    ALONG_GAIN,
    DEFAULTS,
    boundary,
    compare,
    planned,
    reference,
    stack,
    with_crossing,
    with_left,
)
from carousel.claims.rules import (
    CHAIN,
    FAILS,
    FEW,
    HOLDS,
    INCONCLUSIVE,
    LONG,
    MIN_REPETITIONS,
    MIN_SEARCHED,
    MIXED,
    RNNS,
    SCALAR,
    UNCLEAR,
    VANILLA,
    combine,
)

NETWORKS, CHAINS = "networks", "chains"
WELL = "gain with orthogonal init"  # where the slopes begin to lead is read there: the init that was swept
AGAIN = {f"again{name}": f"at{name}" for name in ("", "_low", "_high")}


def split(decay: pd.DataFrame) -> pd.DataFrame:
    """Return per vanilla RNN at initialisation the rate of its gradient in two parts: ``weights`` and ``slopes``.

    At each step back |R^T D u| / |u| = (|R^T D u| / |D u|) (|D u| / |u|), with u the gradient and D the slopes: the
    first is the weights' part, the second the slopes'. In one dimension they are |w| and phi'. Decades per step, the
    weights' as the total's less the slopes' (0 where the gradient is exactly zero: slopes made it so). ``kind`` tells
    networks from the Q&A's chains; ``lead`` is |weights| - |slopes|, and ``left`` what is left at LAG.
    """
    table = read(decay)
    total, slopes = (rates(table, name, "full")[[*MODEL, "rate"]] for name in ("loss_h", "slopes"))
    both = total.merge(slopes.rename(columns={"rate": "slopes"}), on=MODEL).dropna(subset=["rate", "slopes"])
    both = with_left(both.assign(weights=difference(both["rate"], both["slopes"])), table, "loss_h")
    both = both.assign(
        lead=both["weights"].abs() - both["slopes"].abs(),
        kind=(both["hidden"] == 1).map({True: CHAINS, False: NETWORKS}),
    )
    return both[(both["kind"] == NETWORKS) | alive(both)]


def read(decay: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that the `split` is made of, of networks driven by noise and of chains without bias.

    A start below zero is no state of a ReLU, and dead at once: of a chain only the other starts count, if there are.
    """
    table = select(
        decay, cell=VANILLA, trained="no", quantity=("loss_h", "loss_state", "slopes"), path="full"
    )
    chain = (table["hidden"] == 1) & table["slice"].isin((SCALAR, CHAIN)) & (table["bias"] == 0)
    some = chain & (table["n_zero"] < table["n"])
    table = table.assign(n_zero=table["n_zero"].mask(some, 0))
    return planned(table[(chain | (table["hidden"] > 1)) & (table["length"] >= LONG)])


def fixed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the chains, which have no input, and the networks at the standard drive, where weights are compared."""
    return table[(table["kind"] == CHAINS) | (table["drive"] == STANDARD_DRIVE)]


def grouped_by(table: pd.DataFrame, cell: str = "cell") -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the name and the models of every part: networks and chains by ``cell``, and what libraries start with."""
    for (name, kind), group in fixed(table).groupby([cell, "kind"], observed=True):
        yield f"{RNNS[str(name)]} {kind}", group
    usual = select(table, slice=DEFAULTS)
    for init, library in LIBRARIES.items():
        for name, group in select(usual, init=init).groupby(cell, observed=True):
            yield f"{library}'s default {RNNS[str(name)]}", group


def alive(table: pd.DataFrame) -> pd.Series:
    """Return which models are alive, or of a setting that is alive in no repetition."""
    finite = np.isfinite(table["slopes"])
    keys = [table[key] for key in ["backend", *SETTING]]
    return finite | ~finite.groupby(keys, observed=True).transform("any")


def part(group: pd.DataFrame, column: str, name: str) -> pd.DataFrame:
    """Return the evidence that ``column`` is above zero, for the networks or for the chains of one activation.

    A chain's rate is a function of its weight. There is no chance in it, so it takes no share of Holm's alpha: p = 0.
    """
    kind, cell = str(group["kind"].iloc[0]), str(group["cell"].iloc[0])
    group = group if kind == CHAINS else repeated(group, MIN_REPETITIONS)
    found = compare(group, column, name, 0.0).assign(kind=kind, cell=cell)
    return found.assign(p=0.0) if kind == CHAINS else found


def with_crossings(evidence: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return the evidence of each part with the gain at which the slopes of its networks begin to lead.

    ``again``: the one above 1 at which the weights do once more.
    """
    table = select(fixed(table), kind=NETWORKS, slice=ALONG_GAIN)
    table = table.assign(slopes_lead=-table["lead"])
    return stack([_with_crossing(found, table) for _, found in evidence.groupby("part", sort=False)])


def _with_crossing(found: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    own = select(table, cell=found["cell"].iloc[0])
    own = own if (found["kind"] == NETWORKS).all() else own.head(0)
    found = found.assign(backend=found["backend"].astype(str))
    again = with_crossing(found, own[own["gain"] >= 1], "gain", 0.0, "lead", log=True)
    found = with_crossing(found, own, "gain", 0.0, "slopes_lead", log=True)
    return found.assign(**{new: again[old] for new, old in AGAIN.items()})


def of(kind: str, evidence: pd.DataFrame) -> pd.DataFrame:
    """Return the evidence of networks or of chains."""
    return evidence[evidence["kind"] == kind] if len(evidence) else evidence


def by_share(evidence: pd.DataFrame) -> pd.Series:
    """Return the state of each part on chains: by the share of their weights."""
    chains = of(CHAINS, evidence)
    parts = chains.groupby("part", sort=False) if len(chains) else ()
    return pd.Series({name: _share(found) for name, found in parts}, dtype=object)


def _share(found: pd.DataFrame) -> str:
    """Return the state of the chains of one activation: at most FEW of the weights may say the opposite."""
    if set(found["backend"].astype(str)) != set(BACKENDS) or found["settings"].min() < MIN_SEARCHED:
        return UNCLEAR
    up, down = (bool((found[side] <= FEW).all()) for side in ("reverse", "share"))
    return {(True, False): HOLDS, (False, True): FAILS, (False, False): MIXED}.get((up, down), UNCLEAR)


def word_of(states: pd.Series, kinds: pd.Series) -> str:
    """Return the word for all parts, if networks and chains have each decided one; ``kinds``: which a part is of."""
    each = [states[states.index.map(kinds) == kind] for kind in (NETWORKS, CHAINS)] if len(states) else []
    decided = [bool((kind != UNCLEAR).any()) for kind in each]
    return combine(states) if decided and all(decided) else INCONCLUSIVE


def kinds(evidence: pd.DataFrame) -> pd.Series:
    """Return whether each part is of networks or of chains."""
    return evidence.drop_duplicates("part").set_index("part")["kind"]


def said_of_slopes(table: pd.DataFrame) -> str:
    """Return in words how the slopes' part of networks moves with width and drive, activation by activation."""
    own = reference(table)
    own = own[(own["kind"] == NETWORKS) & (own["slice"] != DEFAULTS)]
    words = {cell: rnn_trends.moved(select(own, cell=cell), "slopes") for cell in VANILLA}
    said = [f"{RNNS[cell]} {text}" for cell, text in words.items() if text]
    return f"The slopes' part at gain 1, in decades per step: {'; '.join(said)}." if said else ""


def led(evidence: pd.DataFrame) -> str:
    """Return in words between which gains the slopes lead in networks with orthogonal weights."""
    networks = evidence[evidence["kind"] == NETWORKS]
    words = [
        _between(RNNS[cell], networks[networks["cell"] == cell]) for cell in dict.fromkeys(networks["cell"])
    ]
    found = [text for text in words if text]
    return f"With orthogonal weights the slopes lead in {'; '.join(found)}." if found else ""


def _between(cell: str, rows: pd.DataFrame) -> str:
    first = boundary(rows, "gain")
    again = boundary(rows.drop(columns=["at", "at_low", "at_high"]).rename(columns=AGAIN), "gain")
    upper = f"to {again.value}" if again else "on"
    return f"{cell} from gain {first.value} {upper}" if first else ""

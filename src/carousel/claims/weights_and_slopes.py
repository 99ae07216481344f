"""The rate of a vanilla RNN's gradient as that of its weights and that of its slopes: what A1b and A1h share."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from carousel.analysis import names
from carousel.analysis.stats.slopes import rates
from carousel.analysis.stats.tables import MODEL, SETTING, difference, repeated, select
from carousel.axes import BACKENDS, STANDARD_DRIVE
from carousel.claims import defaults, rnn_trends
from carousel.claims.claim import Boundary
from carousel.claims.evidence import (
    ALONG_GAIN,
    compare,
    planned,
    reference,
    stack,
    with_left,
)
from carousel.claims.lines import along, boundary, evidence_of
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
    SCALAR,
    UNCLEAR,
    VANILLA,
    combine,
)

NETWORKS, CHAINS = "networks", "chains"
WELL = "orthogonal"  # the init whose gain was swept
SAID_OF = {False: "slopes begin to lead", True: "weights lead again"}


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
        yield f"{names.cell(str(name))} {kind}", group
    for init, own in defaults.by_library(table):
        for name, group in own.groupby(cell, observed=True):
            yield names.default(init, str(name)), group


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


def along_gain(table: pd.DataFrame) -> pd.DataFrame:
    """Return the lines along the gain at which the slopes of networks begin to lead, as evidence, ``again`` False.

    again: those, from gain 1 on, at which the weights do once more.
    """
    own = select(fixed(table), kind=NETWORKS, slice=ALONG_GAIN)
    own = own.assign(cell=own["cell"].astype(str), slopes_lead=-own["lead"])
    sides = {False: ("slopes_lead", own), True: ("lead", own[own["gain"] >= 1])}
    return stack([
        evidence_of(_lines(rows, column), f"{SAID_OF[again]}, {names.cell(cell)}").assign(again=again, cell=cell)
        for again, (column, swept) in sides.items() for cell, rows in swept.groupby("cell")
    ])  # fmt: skip


def _lines(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return the lines of the init that was swept the furthest."""
    tried = rows.groupby(["init", "length", "forget_bias"], observed=True)["gain"].transform("nunique")
    return along(rows[tried == tried.max()], "gain", column, 0.0, fewest=2, log=True)


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
    own = defaults.without(own[own["kind"] == NETWORKS])
    words = {cell: rnn_trends.moved(select(own, cell=cell), "slopes") for cell in VANILLA}
    said = [f"{names.cell(cell)} {text}" for cell, text in words.items() if text]
    return f"The slopes' part at gain 1, in decades per step: {'; '.join(said)}." if said else ""


def led(lines: pd.DataFrame) -> str:
    """Return in words between which gains the slopes lead in networks."""
    words = (
        [_between(str(cell), own) for cell, own in lines.groupby("cell", sort=False)] if len(lines) else []
    )
    found = [text for text in words if text]
    return f"With {names.init(WELL)} weights the slopes lead in {'; '.join(found)}." if found else ""


def _between(cell: str, lines: pd.DataFrame) -> str:
    first, again = (boundary(select(lines, again=side), "gain", WELL) for side in (False, True))
    upper = f"to {again.value}" if again else "on"
    return f"{names.cell(cell)} from gain {first.value} {upper}" if first else ""


def leads(lines: pd.DataFrame) -> Boundary | None:
    """Return the gain at which the slopes of tanh networks begin to lead."""
    return boundary(select(lines, cell="rnn_tanh", again=False), "gain", WELL) if len(lines) else None

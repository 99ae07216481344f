"""An LSTM's gradient against a vanilla RNN's, paired by seed: the evidence and the decision that K2 and A2a share."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from carousel.analysis import names
from carousel.analysis.stats.slopes import half_life, rates
from carousel.analysis.stats.tables import difference, paired, repeated, select
from carousel.analysis.text import as_number, listed, number
from carousel.axes import LIBRARIES, STANDARD_DRIVE
from carousel.claims import defaults
from carousel.claims.claim import Tables, Verdict
from carousel.claims.evidence import (
    ALONG_BIAS,
    DECIDED,
    compare,
    planned,
    reference,
    stack,
    with_left,
)
from carousel.claims.half_left import BIAS
from carousel.claims.lines import along, boundary, evidence_of, in_words, tested_and_lines
from carousel.claims.numbers import main, shown
from carousel.claims.reversed_order import ORDER, left, spread
from carousel.claims.robustness import to_settle
from carousel.claims.rules import (
    DEPENDS,
    INCONCLUSIVE,
    LAG,
    LONG,
    MIN_REPETITIONS,
    VANILLA,
    combine,
    comparison,
    conjunction,
)

OWN = "vanishes"  # how the parts on the LSTM's own gradient end
AT_DRIVE = f"at drive {STANDARD_DRIVE}"
HEADLINE = f"{defaults.LSTM} against its {names.cell('rnn_tanh')}"
WELL = "orthogonal"  # the init of the boundary in the table of verdicts; the condition has every init's


def rows(tables: Tables) -> pd.DataFrame:
    """Return the total gradient of LSTM and vanilla RNNs at initialisation over LONG steps or more."""
    return _rows(tables.decay)


def _rows(decay: pd.DataFrame) -> pd.DataFrame:
    found = select(decay, cell=("lstm", *VANILLA), trained="no", quantity="loss_state", path="full")
    return planned(found[(found["length"] >= LONG) & (found["hidden"] > 1)])


def pairs(decay: pd.DataFrame) -> pd.DataFrame:
    """Return every LSTM at initialisation paired with each vanilla RNN of the same weights, drive, length and seed.

    Columns: rate and left (decades at LAG) of the LSTM, rate_right and left_right of the rival, rival, more = left -
    left_right, and ratio = log10 of the LSTM's half-life over the rival's (NaN where neither gradient decays).
    """
    used = _rows(decay)
    table = with_left(rates(used, "loss_state", "full").dropna(subset=["rate"]), used, "loss_state")
    both = stack([_paired(table, rival) for rival in VANILLA])
    if both.empty:
        return both
    own, other = half_life(both["rate"]), half_life(both["rate_right"])
    with np.errstate(divide="ignore"):
        ratio = difference(np.log10(own), np.log10(other))
    neither = (own == np.inf) & (other == np.inf)
    return both.assign(
        more=difference(both["left"], both["left_right"]), ratio=np.where(neither, np.nan, ratio)
    )


def _paired(table: pd.DataFrame, rival: str) -> pd.DataFrame:
    both = paired(table, "lstm", rival)
    return both.assign(rival=rival, left_right=paired(table, "lstm", rival, "left")["left_right"].to_numpy())


def models(tables: Tables) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the `pairs` of the settings that were measured often enough, and those along the forget bias."""
    both = pairs(tables.decay)
    alone = select(tables.decay, slice=ALONG_BIAS, drive=STANDARD_DRIVE, gain=1.0)
    along = pairs(alone.assign(slice=""))  # an RNN is in one slice
    return repeated(both, MIN_REPETITIONS) if len(both) else both, along


def measure(
    models: tuple[pd.DataFrame, pd.DataFrame], column: str, margin: float, lost: float
) -> pd.DataFrame:
    """Return the evidence: a ``column`` of `pairs` against its margin, and whether the LSTM loses more than ``lost``.

    Of each library's defaults, and of all settings at the standard drive; ``said``: in words, where the order turns.
    """
    both, along_bias = models
    if both.empty:
        return both
    lines = _lines(along_bias, column, margin)
    parts = [
        compare(
            group, column, f"{name} against {'its ' if library else ''}{names.cell(rival)}", margin
        ).assign(
            rival=rival,
            library=library,
            own=False,
            order=ORDER[column],
            **spread(group, both, rival, library, column),
        )  # fmt: skip
        for name, library, own in _groups(both)
        for rival, group in own.groupby("rival")
    ]
    parts += [
        compare(_alone(group), "lost", f"{name} {OWN}", lost).assign(
            rival="", library=library, own=True, count="", said=left(group) if library else ""
        )
        for name, library, group in _groups(both)
    ]
    return stack([*parts, lines])


def _groups(both: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield a name, the library's init or nothing, and the pairs: of its default LSTM, and at the standard drive."""
    for init, own in defaults.by_library(both):
        yield names.default(init, "lstm"), init, own
    fixed = select(both, drive=STANDARD_DRIVE)
    if len(fixed):
        yield f"LSTM {AT_DRIVE}", "", fixed


def _alone(group: pd.DataFrame) -> pd.DataFrame:
    """Return the LSTMs of the pairs, each once, with ``lost``: decades at LAG."""
    right = ("rival", "rate_right", "left_right", "more", "ratio")
    own = [name for name in group.columns if name not in right]
    return group[own].drop_duplicates().assign(lost=-group["left"])


def _lines(both: pd.DataFrame, column: str, margin: float) -> pd.DataFrame:
    """Return from which forget bias ``column`` passes the margin, rival by rival, as evidence on most biases."""
    if both.empty:
        return both
    both = both.assign(init=both["init"].astype(str), backend=both["backend"].astype(str))
    tried = both[both["forget_bias"].astype(str).map(as_number).notna()]
    tried = tried.groupby(["init", "length"])["forget_bias"].transform("nunique")
    both = both[tried.reindex(both.index) == tried.max()]
    return stack([_against(rival, own, column, margin) for rival, own in both.groupby("rival")])


def _against(rival: str, both: pd.DataFrame, column: str, margin: float) -> pd.DataFrame:
    found = along(both, "forget_bias", column, margin, fewest=2)
    return evidence_of(found, f"beyond its margin against the {names.cell(rival)}")


def decide(evidence: pd.DataFrame, unit: str) -> Verdict:
    """Return the verdict: the LSTM's gradient vanishes, and is beyond its margin from each rival's."""
    what = f"LSTM and vanilla RNN at T of at least {LONG}, {MIN_REPETITIONS} repetitions, every backend"
    if evidence.empty:
        return Verdict(
            INCONCLUSIVE, to_settle(evidence, evidence, what), "No pair of LSTM and vanilla RNN was measured."
        )
    evidence, lines = tested_and_lines(evidence)
    states = comparison(evidence)
    own = states.index.str.endswith(OWN)
    word = conjunction([combine(states[~own]), combine(states[own])])
    known = {"states": dict(states), **main(shown(evidence, HEADLINE))}
    if word == INCONCLUSIVE:
        return Verdict(word, to_settle(evidence, states, what), _alt(evidence, unit), **known)
    at = boundary(select(lines, rival="rnn_tanh"), BIAS, WELL) if word == DEPENDS and len(lines) else None
    return Verdict(word, _condition(evidence, states, lines), _alt(evidence, unit), boundary=at, **known)


def _condition(evidence: pd.DataFrame, states: pd.Series, lines: pd.DataFrame) -> str:
    rows = reference(evidence)
    pooled = rows[~rows["own"] & (rows["library"] == "")]
    ahead = pooled["order"].iloc[0] if len(pooled) else ""
    begin = f"{AT_DRIVE.capitalize()} the RNN {ahead} by the median (in every repetition) in"
    counts = f"{begin}: {'; '.join(pooled['count'])}."
    rivals = lines.groupby("rival") if len(lines) else ()
    begins = [f"As the forget bias rises it {_begins(names.cell(rival), own)}." for rival, own in rivals]
    texts = (counts if len(pooled) else "", *_by_state(rows, states), *begins)
    return " ".join(text for text in texts if text)


def _begins(rival: str, lines: pd.DataFrame) -> str:
    """Return in words from which forget bias the order holds against one rival, as the bias rises."""
    if (reference(lines)["at"] == -np.inf).all():
        return f"holds against the {rival} throughout"
    return f"begins to hold against the {rival} {in_words(lines, BIAS)}"


def _by_state(rows: pd.DataFrame, states: pd.Series) -> list[str]:
    """Return a sentence for each state that occurs, of the order and of the LSTM's own gradient: libraries together."""
    state = rows["part"].map(states)
    said = [
        f"{begin} {words[0].lower()}{words[1:]} {_places(rows[own & (state == name)])}."
        for own, begin in ((~rows["own"], "The order"), (rows["own"], "That the LSTM's gradient vanishes"))
        for name, words in DECIDED.items()
        if (own & (state == name)).any()
    ]
    return [text.replace("undecided", "is undecided") for text in said]


def _places(rows: pd.DataFrame) -> str:
    """Return in words by which library's default, and at the standard drive, against which rivals."""
    library = rows["library"] != ""
    owners: dict[str, list[str]] = {}
    for init, own in rows[library].groupby("library", sort=False):
        owners.setdefault(_rivals(own), []).append(f"{LIBRARIES[init]}'s")
    words = [f"with {listed(names_)} defaults{rivals}" for rivals, names_ in owners.items()]
    words += [f"{AT_DRIVE}{_rivals(rows[~library])}"] if (~library).any() else []
    return listed(words)


def _rivals(rows: pd.DataFrame) -> str:
    cells = [names.cell(rival) for rival in rows["rival"] if rival]
    return f" against the {listed(cells)}" if cells else ""


def _alt(evidence: pd.DataFrame, unit: str) -> str:
    order = evidence[~evidence["own"]] if len(evidence) else evidence
    effects = reference(order).groupby("part", sort=False)["effect"].mean()
    words = [f"{part}: {number(effects[part])}" for part in effects.index]
    said = f"Each mark is a setting, beside one rival. Median over settings, {unit}: {'; '.join(words)}."
    return " ".join([said, *_details(reference(evidence))])


def _details(rows: pd.DataFrame) -> list[str]:
    """Return in words what is left by default, library by library, where an RNN is ahead, and what moves that."""
    usual = rows[rows["own"] & (rows["library"] != "")]
    each = [f"{LIBRARIES[row.library]}: {row.said}" for row in usual.itertuples()]
    left = [f"Left at lag {LAG} by default, in decades: {'; '.join(each)}."] if each else []
    pooled = rows[~rows["own"] & (rows["library"] == "")]
    return [*left, *(text for name in ("ahead", "said") for text in pooled[name] if text)]

"""A4f: between the error's entry into the cell and its exit, does the distance not matter?"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from carousel.analysis import names
from carousel.analysis.stats.left import KEPT, VANISHED, left
from carousel.analysis.stats.slopes import FIT_WINDOW, in_window
from carousel.analysis.stats.tables import MODEL, difference, repeated, select
from carousel.analysis.text import bias_order, listed, number
from carousel.axes import LAGS, LIBRARIES
from carousel.claims import defaults
from carousel.claims.claim import Claim, Margin, Tables, Verdict
from carousel.claims.evidence import levels, missing, planned, reference, stack
from carousel.claims.half_left import ALONG, BIAS, CHRONO, LAG, evidence_of, law, one_threshold, thresholds
from carousel.claims.lines import in_words, tested_and_lines
from carousel.claims.numbers import main
from carousel.claims.robustness import to_settle
from carousel.claims.rule_text import words_of_equivalence
from carousel.claims.rules import (
    DEPENDS,
    FAILS,
    HOLDS,
    INCONCLUSIVE,
    LONG,
    LSTMS,
    MIN_REPETITIONS,
    combine,
    equivalence,
)

ENTERED = 10  # steps: the lag by which the error has entered the cell
PATHS = {"truncated": "Along the carousel alone (truncated) the gradient", "full": "The total"}
KEYS = ["path", "cell", "gate", "init", "lag"]
OLD = ["path", "cell", "lag"]
FEW = 2  # inits that are named
MOST = -VANISHED  # decades: beyond nine tenths lost, how much more is lost is not asked
FLAT = Margin(
    -KEPT, f"decades between lag {ENTERED} and the stated lag", "a factor of two over the whole distance"
)


def rows(tables: Tables) -> pd.DataFrame:
    """Return the state's gradient of LSTMs of several units at the start, truncated and in full."""
    found = select(tables.decay, cell=LSTMS, trained="no", quantity="loss_state", path=tuple(PATHS))
    return planned(found[(found["length"] >= LONG) & (found["hidden"] > 1)])


def distances(found: pd.DataFrame) -> list[int]:
    """Return the lags that are asked about: those of LAGS beyond ENTERED, and the longest recorded if beyond."""
    longest = in_window(found)["lag"].max() if len(found) else 0
    return [*(lag for lag in LAGS if lag > ENTERED), *([int(longest)] if longest > LAGS[-1] else [])]


def changes(found: pd.DataFrame) -> pd.DataFrame:
    """Return per model, path and lag by how many ``decades`` its gradient has changed since ENTERED.

    Lags in the window of the length alone: the initial state is another. change: the same, MOST at most either way.
    entered: what was left at ENTERED. gate: the forget bias, or whose default it is; of chrono biases with their steps.
    """
    each = [left(found, "loss_state", path, (ENTERED, *distances(found))).assign(path=path) for path in PATHS]
    table = stack(each)
    if table.empty:
        return table
    start = table[table["lag"] == ENTERED][[*MODEL, "path", "left"]].rename(columns={"left": "entered"})
    inside = (table["lag"] > ENTERED) & (table["lag"] <= FIT_WINDOW[1] * table["length"])
    table = table[inside].merge(start, on=[*MODEL, "path"])
    bias = table["forget_bias"].astype(str)
    bias = bias.mask(bias == CHRONO, f"{CHRONO}:" + table["length"].astype(str))
    decades = difference(table["left"], table["entered"])
    table = table.assign(
        decades=decades, change=np.clip(decades, -MOST, MOST), gate=defaults.named(table).fillna(bias)
    )
    return table.dropna(subset=["change"])


def models(tables: Tables) -> pd.DataFrame:
    """Return the `changes` of the settings that were measured often enough."""
    table = changes(rows(tables))
    return repeated(table, MIN_REPETITIONS) if len(table) else table


def measure(table: pd.DataFrame, margin: float) -> pd.DataFrame:
    """Return per path, cell, forget bias, init and lag the change since ENTERED, and the thresholds of each line.

    Beside it ``longest``: what became of the models of the longest sequences alone, which are the same at every lag.
    """
    evidence = levels(table, KEYS, margin, "change")
    if evidence.empty:
        return evidence
    texts = {"cell": str, "init": str}
    beside = reference(table).groupby(KEYS, observed=True)["decades"].median().reset_index().astype(texts)
    evidence = evidence.astype(texts).merge(beside, "left", KEYS).merge(_longest(table), "left", OLD)
    name = [_name(*key) for key in evidence[["cell", "gate", "init"]].itertuples(index=False)]
    part = evidence["path"] + " " + name + " to lag " + evidence["lag"].astype(str)
    return stack([evidence.assign(part=part), *(_lines(table, path) for path in PATHS)])


def _longest(table: pd.DataFrame) -> pd.DataFrame:
    """Return per path, cell and lag what became of the models of the cell's longest sequences: medians, and counts."""
    own = reference(table).astype({"cell": str})
    own = own[own["length"] == own.groupby("cell")["length"].transform("max")]
    found = own.groupby(OLD).agg(
        length=("length", "first"), entered=("entered", "median"), longest=("decades", "median"),
        fallen=("decades", lambda all: (all < KEPT).sum()), models=("decades", "size"),
    )  # fmt: skip
    return found.reset_index()


def _lines(table: pd.DataFrame, path: str) -> pd.DataFrame:
    """Return the thresholds of one path's change to LAG as evidence."""
    own = select(table, path=path, cell="lstm", lag=LAG, slice=ALONG[LAG]).assign(
        left=lambda rows: rows["decades"]
    )
    lines = evidence_of(thresholds(own)) if len(own) else own
    return lines.assign(path=path, part=path + " " + lines["part"]) if len(lines) else lines


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict: where the gradient is flat, up to which lag, and from which forget bias on."""
    changed, lines = tested_and_lines(evidence)
    states = equivalence(changed)
    word = combine(states)
    if word == INCONCLUSIVE:
        what = f"{MIN_REPETITIONS} repetitions of LSTMs at T of at least {LONG} on every backend"
        told = to_settle(changed, states, what) if len(changed) else missing(changed, what)
        return Verdict(word, told, _alt(changed), states=dict(states))
    own = reference(changed)
    said = [_path_words(select(own, path=path), states, begin) for path, begin in PATHS.items()]
    condition = " ".join([*said, _old_words(own), *_threshold_words(lines)])
    at = one_threshold(select(lines, path="truncated")) if word == DEPENDS and len(lines) else None
    return Verdict(word, condition, _alt(changed), **main(_shown(changed)), boundary=at, states=dict(states))


def _path_words(own: pd.DataFrame, states: Mapping[str, str], begin: str) -> str:
    """Return in words up to which lag one path's gradient is flat, or by which it has changed: by forget bias."""
    plain = own[~own["gate"].str.contains(":")]  # biases drawn for so many steps are judged there in A1e
    groups = [(gate, *_phrase(rows, states)) for gate, rows in plain.groupby("gate")]
    table = pd.DataFrame(groups, columns=["gate", "verb", "lag"]).sort_values(["verb", "lag"])
    words = [_by_lag(str(verb), rows) for verb, rows in table.groupby("verb", sort=False)]
    first, *others = words or ["was not measured"]
    return " ".join([f"{begin} {first}.", *map(_sentence, others)])


def _sentence(words: str) -> str:
    """Return "It is flat up to lag 30 ...", or "With some inits it falls ..."."""
    where, verb, more = words.partition(" falls ") if words.startswith("with ") else ("", "", words)
    return f"{where[:1].upper()}{where[1:]} it{verb}{more}." if where else f"It {words}."


def _by_lag(verb: str, rows: pd.DataFrame) -> str:
    """Return in words by which lag it does at which forget biases; of what is undecided there is no lag."""
    gates = {lag: _gates(own["gate"]) for lag, own in rows.groupby("lag")}
    again = "up to lag" if "up to" in verb else "by lag"
    return f"{verb} " + f"; {again} ".join(f"{lag} {text}" if lag else text for lag, text in gates.items())


def _phrase(rows: pd.DataFrame, states: Mapping[str, str]) -> tuple[str, int]:
    """Return what becomes of the gradient at one forget bias, and the lag by which it does.

    Falls (rises): by then in every cell and init; where it does in some alone, the inits are named, with the first lag.
    """
    state = rows["part"].map(states)
    first = rows[state == FAILS].sort_values("lag").drop_duplicates(["cell", "init"])
    if first.empty:
        flat = rows.loc[(state == HOLDS).groupby(rows["lag"]).transform("all"), "lag"]
        return ("is flat up to lag", int(flat.max())) if len(flat) else ("is undecided", 0)
    verb = "rises by lag" if first["effect"].iloc[0] > 0 else "falls by lag"
    if len(first) == len(rows.drop_duplicates(["cell", "init"])):
        return verb, int(first["lag"].max())
    inits = {names.init(init) for init in first["init"]}
    said = f"{listed(sorted(inits))} init" if len(inits) <= FEW else "some inits"
    return f"with {said} {verb}", int(first["lag"].min())


def _gate(cell: str, gate: str) -> str:
    """Return a cell and its forget bias, or whose default it is, in words."""
    return gate if "default" in gate else names.setting(cell, gate)


def _name(cell: str, gate: str, init: str) -> str:
    """Return a cell, its forget bias and its init in words, or whose default it is."""
    return gate if "default" in gate else f"{names.setting(cell, gate)}, {names.init(init)} init,"


def _gates(gates: pd.Series) -> str:
    """Return in words which forget biases, and whose defaults, these are."""
    default = gates.str.contains("default")
    each, usual = set(gates[default]), {names.default(init, "lstm") for init in LIBRARIES}
    if usual <= each:
        each = each - usual | {"every library's default LSTM"}
    words = [names.at_biases(bias_order(gates[~default])), f"in {listed(sorted(each))}" if each else ""]
    return " and ".join(text for text in words if text)


def _old_words(own: pd.DataFrame) -> str:
    """Return in words what the 1997 cell has lost at each lag of its longest sequences: medians over these models."""
    rows = select(own, cell="lstm97").dropna(subset=["longest"]).drop_duplicates(OLD).sort_values("lag")
    alone, total = (select(rows, path=path) for path in PATHS)
    if alone.empty or total.empty:
        return "The LSTM of 1997 was not measured."
    words = [
        f"10^{number(round(row['longest'], 2) + 0.0)} at lag {row['lag']:.0f} (less than half in {row['fallen']:.0f} "
        f"of {row['models']:.0f} models)"
        for _, row in total.iterrows()
        if row["lag"] in (LAG, total["lag"].max())
    ]
    return (
        f"In the LSTM of 1997 at T = {alone['length'].iloc[0]:,.0f} entering leaves 10^"
        f"{number(alone['entered'].iloc[0])} of the error along the carousel (median), every distance "
        f"{number(10 ** alone['longest'].min())} of that. Of its total at lag {ENTERED} there is left {listed(words)}."
    )


def _threshold_words(lines: pd.DataFrame) -> list[str]:
    """Return in words from which forget bias half of what had entered is left at LAG, along either path."""
    if lines.empty:
        return []
    names = {"truncated": "along the carousel", "full": "in total"}
    said = {names[path]: in_words(select(lines, path=path), BIAS) for path in names}
    words = [f"{name} {at}" for name, at in said.items() if at]
    rule = f"ln(n / ln 2) over those {LAG - ENTERED} steps is {law(LAG - ENTERED):.2f}"
    begin = f"From lag {ENTERED} to {LAG} half is left"
    return [*(f"{begin} {text}." for text in words), f"By theory, along the carousel: {rule}."]


def _shown(changed: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose effect stands for the claim: the 1997 cell's total at the longest lag, or the first."""
    old = select(changed, path="full", cell="lstm97")
    return (
        old[old["lag"] == old["lag"].max()]
        if len(old)
        else changed[changed["part"] == changed["part"].iloc[0]]
    )


def _alt(changed: pd.DataFrame) -> str:
    if changed.empty:
        return "No LSTM was measured with its gradient truncated."
    own = select(reference(changed), cell=("lstm97", "lstm"))
    own = own[own["lag"] == own.groupby(["path", "cell", "gate"])["lag"].transform("max")]
    middle = own.groupby(["path", "cell", "gate", "lag"], sort=False)["decades"].median()
    words = [
        f"{path} {_gate(cell, gate)} to lag {lag} {number(value)}"
        for (path, cell, gate, lag), value in middle.items()
    ]
    return (
        f"Gradient norm against lag, truncated and in full, and the change of both up to lag {LAG} by forget bias. "
        f"Decades by which it changes from lag {ENTERED} on: {'; '.join(words)}."
    )


CLAIM = Claim(
    id="A4f",
    who="answer 4",
    kind="trend",
    statement="In an LSTM layer the error is reduced only on entering and leaving; distance travelled inside does not "
    "matter.",
    reading="At initialisation the norm of the state's gradient is flat in lag once the error has entered the cell, "
    f"from lag {ENTERED} to every lag that was measured: along the carousel alone, which is what the truncated "
    "gradient leaves of the state's, and in the total, since the error that arrives is the total. By cell, "
    "forget bias and init.",
    prediction="depends: flat in the 1997 cell; with a forget gate only from a bias near 5 on",
    unit=f"decades from lag {ENTERED} to the longest lag, {MOST:g} at most (1997 cell, total)",
    rule=words_of_equivalence(FLAT, f"The gradient at a stated lag, beside that at lag {ENTERED},")
    + f" A change beyond {MOST:g} decade counts as {MOST:g}. By path, cell, forget bias and init at the lags "
    f"{listed(str(lag) for lag in LAGS[1:])} and the longest, as far as they lie within the first nine tenths of the "
    "sequence. All the same: supported; some: depends; none: refuted.",
    takeaway={
        "supported": "Inside an LSTM distance costs the gradient nothing.",
        "refuted": "Distance costs the gradient inside an LSTM too.",
        "depends": "Along the carousel distance is free only without a forget gate or behind one that is held open. "
        "Even there the total can fall beside it: look at the total at the lag that you need.",
    },
    models=models,
    measure=measure,
    decide=decide,
    rows=rows,
    margin=FLAT,
)

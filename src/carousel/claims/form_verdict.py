"""How a claim that is written as data is decided: by the rules of its kind, on the values of its form."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from carousel.analysis.stats.tables import MODEL, grouped
from carousel.analysis.text import bias_order
from carousel.axes import BACKENDS, REFERENCE
from carousel.claims import form_text
from carousel.claims.claim import Tables, Verdict
from carousel.claims.evidence import (
    DECIDED,
    by_state,
    compare,
    levels,
    missing,
    relative_error,
    trends,
    unsearched,
    wide,
    with_margin,
)
from carousel.claims.form import (
    ABOVE,
    BELOW,
    EQUAL,
    MARGINS,
    OUTSIDE,
    SEARCHES,
    WITHIN,
    Form,
    asked,
    errors,
    holds,
    values,
)
from carousel.claims.numbers import main, main_error, witnessed
from carousel.claims.robustness import to_settle
from carousel.claims.rules import (
    FAILS,
    HOLDS,
    INCONCLUSIVE,
    MIN_CHECKED,
    MIN_REPETITIONS,
    MIN_SEARCHED,
    REFUTED,
    SUPPORTED,
    combine,
    comparison,
    confirmed,
    equivalence,
    identity,
    settings,
    trend,
    universal,
)

OPPOSITE = {SUPPORTED: REFUTED, REFUTED: SUPPORTED}  # a witness of what never is refutes that it never is


def models(form: Form, tables: Tables) -> pd.DataFrame:
    """Return what is read of the tables whatever the threshold: values, those side by side, or errors."""
    if form.relation == EQUAL:
        return errors(form, tables)
    found = values(form, tables)
    return wide(found, "value") if form.kind in SEARCHES else found


def rows(form: Form, tables: Tables) -> pd.DataFrame:
    """Return the models that the claim rests on, those that they are paired with among them."""
    if form.relation == EQUAL:
        return errors(form, tables)
    other = asked(form, form.pairing)
    quantity = other.pop("quantity")
    sides = [form, replace(form, filter=other, quantity=quantity)] if form.pairing else [form]
    return pd.concat([values(replace(side, pairing={}), tables) for side in sides], ignore_index=True)


def measure(form: Form, found: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Return the evidence: a row per part and backend, or per model of a search."""
    if form.kind in SEARCHES:
        return with_margin(found, threshold)
    if form.relation == EQUAL:
        return _of_errors(form, found, threshold)
    by = [*form.family]
    if form.relation == ABOVE:
        evidence = compare(found, "value", "", threshold, by=by)
    elif form.relation == BELOW:
        evidence = trends(found, by, -threshold, "value")
    else:
        evidence = levels(found, by, threshold, "value")
    return _in_order(form, evidence.assign(part=form_text.parts(evidence, by))) if len(evidence) else evidence


def _in_order(form: Form, evidence: pd.DataFrame) -> pd.DataFrame:
    """Return the evidence with its parts in the order in which the filter lists them, else in that of their values."""
    if not form.family:
        return evidence
    keys = pd.DataFrame({name: _places(evidence[name], form.filter.get(name)) for name in form.family})
    return evidence.loc[keys.sort_values([*form.family], kind="stable").index].reset_index(drop=True)


def _places(seen: pd.Series, named: Any) -> pd.Series:
    order = [str(each) for each in named] if isinstance(named, list) else bias_order(seen)
    return seen.astype(str).map(order.index)


def _of_errors(form: Form, both: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Return per part and backend the largest relative ``error`` of what is to be equal, how many were ``checked``."""
    if both.empty:
        return pd.DataFrame()
    error = relative_error(both["measured"], both["formula"])
    by = [*form.family]
    groups = both.assign(error=error).groupby([*by, "backend"], observed=True)
    each = [
        {**dict(zip([*by, "backend"], key, strict=True)), "error": own["error"].max(), "checked": len(own),
         "n": len(grouped(own, MODEL)[1])}
        for key, own in groups
    ]  # fmt: skip
    evidence = pd.DataFrame(each).assign(margin=threshold)
    return evidence.assign(part=form_text.parts(evidence, by), backend=evidence["backend"].astype(str))


RULES: Mapping[str, Callable[[pd.DataFrame], pd.Series]] = {
    ABOVE: comparison,
    BELOW: lambda evidence: trend(evidence, decays=True),
    WITHIN: equivalence,
    OUTSIDE: lambda evidence: equivalence(evidence).replace({HOLDS: FAILS, FAILS: HOLDS}),
    EQUAL: lambda evidence: identity(evidence, evidence["margin"].iloc[0] if len(evidence) else 0.0),
}


def decide(form: Form, evidence: pd.DataFrame) -> Verdict:
    """Return the verdict: of a search with its witness, else part by part with the effect of the first."""
    if form.kind in SEARCHES:
        return _searched(form, evidence)
    states = RULES[form.relation](evidence)
    word = combine(states)
    alt = form_text.alt_of_parts(form, evidence)
    known = {"states": dict(states), **_numbers(form, evidence)}
    if word == INCONCLUSIVE:
        least = f"{MIN_CHECKED} values" if form.relation == EQUAL else f"{MIN_REPETITIONS} repetitions"
        what = f"{least} of what the claim is about, on every backend"
        settle = missing if form.relation == EQUAL else to_settle
        said = missing(evidence, what) if settle is missing else to_settle(evidence, states, what)
        return Verdict(word, said, alt, **known)
    return Verdict(word, " ".join(by_state(states, DECIDED)), alt, **known)


def _numbers(form: Form, evidence: pd.DataFrame) -> dict[str, Any]:
    """Return the numbers of the first part; of an identity those of all."""
    if evidence.empty:
        return {}
    if form.relation == EQUAL:
        missing_one = set(BACKENDS) - set(evidence["backend"])
        return {} if missing_one else main_error(evidence)
    return main(evidence[evidence["part"] == evidence["part"].iloc[0]])


def _searched(form: Form, found: pd.DataFrame) -> Verdict:
    """Return the verdict on what is always so, or so in one model at least, with the model that shows it."""
    hit = holds(form, found[list(BACKENDS)], float(found["margin"].iloc[0]) if len(found) else form.threshold)
    against = hit if form.kind == "existence" else ~hit & found[list(BACKENDS)].notna()
    word = universal(found, against)
    word = OPPOSITE.get(word, word) if form.kind == "existence" else word
    alt = form_text.alt_of_search(form, found)
    if word == INCONCLUSIVE:
        what = f"a search of at least {MIN_SEARCHED} settings on every backend, without one-sided findings"
        return Verdict(word, unsearched(found, what), alt, n=settings(found))
    seen = confirmed(found, against)
    row = _extreme(form, found[seen] if seen.any() else found[found[list(BACKENDS)].notna().all(axis=1)])
    words = form_text.of_witness(form, row, int(seen.sum()), len(found))
    return Verdict(word, words, alt, n=settings(found), **witnessed(row))


def _extreme(form: Form, found: pd.DataFrame) -> pd.Series:
    """Return the model that is farthest on the side that decides, of those with a finite value if there are some."""
    finite = found[np.isfinite(found[REFERENCE])]
    found = finite if len(finite) else found
    value = found[REFERENCE].abs() if form.relation in MARGINS else found[REFERENCE]
    largest = (form.relation in (ABOVE, OUTSIDE)) == (form.kind == "existence")
    return found.loc[value.idxmax() if largest else value.idxmin()]

"""How a claim that is written as data is decided: by the rules of its kind, on the values of its form."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from carousel.analysis.stats.tables import MODEL, PAIR, grouped
from carousel.analysis.text import bias_order
from carousel.axes import BACKENDS, REFERENCE
from carousel.claims import form_text
from carousel.claims.claim import Tables, Verdict
from carousel.claims.evidence import (
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
    chosen,
    errors,
    holds,
    values,
)
from carousel.claims.form_text import Words
from carousel.claims.numbers import main, main_error, shown, witnessed
from carousel.claims.robustness import to_settle
from carousel.claims.rules import (
    FAILS,
    HOLDS,
    INCONCLUSIVE,
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


def by_form(form: Form, words: Words) -> dict[str, Any]:
    """Return what a `Claim` is measured and decided by, where its form says it and its words are these."""
    return {
        "models": partial(models, form, words),
        "measure": partial(measure, form),
        "decide": partial(decide, form, words),
        "rows": partial(rows, form),
    }


def models(form: Form, words: Words, tables: Tables) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what is read of the tables whatever the threshold: values, those side by side, or errors.

    And what the ``words`` say of the parts or models beside what decides them.
    """
    found = errors(form, tables) if form.relation == EQUAL else values(form, tables)
    return (wide(found, "value") if form.kind in SEARCHES else found), words.beside(tables)


def rows(form: Form, tables: Tables) -> pd.DataFrame:
    """Return the models that the claim rests on, those that they are paired with among them."""
    if form.relation == EQUAL:
        return errors(form, tables)
    other = asked(form, form.pairing)
    quantity = other.pop("quantity")
    sides = [form, replace(form, filter=other, quantity=quantity)] if form.pairing else [form]
    return pd.concat([values(replace(side, pairing={}), tables) for side in sides], ignore_index=True)


def measure(
    form: Form, models: tuple[pd.DataFrame, pd.DataFrame], threshold: float | None = None
) -> pd.DataFrame:
    """Return the evidence: a row per part and backend, or per model of a search; beside it what words say of it."""
    found, beside = models
    limit = None if threshold is None else float(np.copysign(threshold, form.threshold))
    evidence = _of_errors(form, found, limit) if form.relation == EQUAL else _measured(form, found, limit)
    on = [name for name in (*PAIR, "part", "backend") if name in evidence and name in beside]
    return evidence.merge(beside, "left", on) if on else evidence


def _measured(form: Form, found: pd.DataFrame, limit: float | None) -> pd.DataFrame:
    threshold = form.threshold if limit is None else limit
    if form.kind in SEARCHES:
        return with_margin(found, threshold)
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


def _of_errors(form: Form, both: pd.DataFrame, limit: float | None) -> pd.DataFrame:
    """Return per part and backend the largest relative ``error`` of what is to be equal, how many were ``checked``.

    margin: the limit, where it is not that of rounding.
    """
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
    evidence = pd.DataFrame(each).assign(**({} if limit is None else {"margin": limit}))
    return evidence.assign(part=form_text.parts(evidence, by), backend=evidence["backend"].astype(str))


RULES: Mapping[str, Callable[[pd.DataFrame], pd.Series]] = {
    ABOVE: comparison,
    BELOW: lambda evidence: trend(evidence, decays=True),
    WITHIN: equivalence,
    OUTSIDE: lambda evidence: equivalence(evidence).replace({HOLDS: FAILS, FAILS: HOLDS}),
    EQUAL: lambda evidence: identity(evidence, *evidence.get("margin", pd.Series()).iloc[:1]),
}


def decide(form: Form, words: Words, evidence: pd.DataFrame) -> Verdict:
    """Return the verdict: of a search with its witness, else part by part with the effect of the first."""
    if form.kind in SEARCHES:
        return _searched(form, words, evidence)
    states = RULES[form.relation](evidence)
    word = combine(states)
    known = {"states": dict(states), **_numbers(form, evidence)}
    if word != INCONCLUSIVE:
        return Verdict(word, words.condition(evidence, states), words.alt(evidence), **known)
    if form.relation == EQUAL:
        open_ = missing(evidence, words.missing)
        return Verdict(word, open_, words.alt(evidence), states=dict(states))
    return Verdict(word, to_settle(evidence, states, words.missing), words.alt(evidence), **known)


def _numbers(form: Form, evidence: pd.DataFrame) -> dict[str, Any]:
    """Return the numbers of the part that the form shows, or else of the first; of an identity those of all."""
    if evidence.empty:
        return {}
    if form.relation == EQUAL:
        missing_one = set(BACKENDS) - set(evidence["backend"])
        return {} if missing_one else main_error(evidence)
    return main(shown(_shown(form, evidence)))


def _shown(form: Form, found: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that the form shows, or all where it names none or there are none."""
    own = chosen(found, form.shown)
    return own if len(own) else found


def _searched(form: Form, words: Words, found: pd.DataFrame) -> Verdict:
    """Return the verdict on what is always so, or so in one model at least, with the model that shows it."""
    hit = holds(form, found[list(BACKENDS)], float(found["margin"].iloc[0]) if len(found) else form.threshold)
    against = hit if form.kind == "existence" else ~hit & found[list(BACKENDS)].notna()
    word = universal(found, against)
    word = OPPOSITE.get(word, word) if form.kind == "existence" else word
    alt = words.alt(found)
    if word == INCONCLUSIVE:
        return Verdict(word, unsearched(found, words.missing), alt, n=settings(found))
    seen = confirmed(found, against)
    row = _extreme(form, found[seen] if seen.any() else found[found[list(BACKENDS)].notna().all(axis=1)])
    return Verdict(word, words.condition(found, row, seen), alt, n=settings(found), **witnessed(row))


def _extreme(form: Form, found: pd.DataFrame) -> pd.Series:
    """Return the model that is farthest on the side that decides, on the backend on which it is least so.

    Of those that the form shows first if there are some, and of those with a finite value.
    """
    found = _shown(form, found)
    finite = found[np.isfinite(found[REFERENCE])]
    found = finite if len(finite) else found
    value = found[list(BACKENDS)].abs() if form.relation in MARGINS else found[list(BACKENDS)]
    largest = (form.relation in (ABOVE, OUTSIDE)) == (form.kind == "existence")
    return found.loc[value.min(axis=1).idxmax() if largest else value.max(axis=1).idxmin()]

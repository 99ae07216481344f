"""A claim that is written as data, in words: what is read, what settles it, its parts and pictures."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import pandas as pd

from carousel.analysis import names
from carousel.analysis.text import listed, number
from carousel.axes import BACKENDS, REFERENCE
from carousel.claims.claim import Tables
from carousel.claims.evidence import DECIDED, by_state, reference
from carousel.claims.form import ABOVE, BELOW, EQUAL, OUTSIDE, SEARCHES, WITHIN, Form
from carousel.claims.rule_text import CONFIRMED, FEWER, words_of_universal
from carousel.claims.rules import ALPHA, MIN_CHECKED, MIN_REPETITIONS, MIN_SEARCHED
from carousel.claims.settings_text import named
from carousel.tables.columns import ACCURACY, FACTORS
from carousel.tables.quantities import PATHS, quantity

SAID: Mapping[str, Callable[[str], str]] = {
    "cell": names.cell,
    "init": lambda value: f"{names.init(value)} init",
    "forget_bias": names.at_bias,
    "slice": "slice {}".format,
    "task": lambda value: f"task {names.task(value)}",
    "trained": lambda value: "before training" if value == "no" else f"trained on {names.task(value)}",
}
"""How the values of these factors are said; those of others as the tables' columns say it."""
BOUNDS = {"from": "from {}", "to": "to {}", "not": "not {}"}
RELATION = {
    ABOVE: "above {}",
    BELOW: "below {}",
    WITHIN: "within {} of zero",
    OUTSIDE: "farther than {} from zero",
    EQUAL: "the same to {}",
}


class Words(NamedTuple):
    """What is said of the evidence of a claim."""

    condition: Callable[
        ..., str
    ]  # of the evidence and its states; of a search, its witness and which others are such
    alt: Callable[[pd.DataFrame], str]
    missing: str  # what has to be measured where nothing is decided
    beside: Callable[[Tables], pd.DataFrame] = lambda tables: (
        pd.DataFrame()
    )  # what they read that decides nothing


def words(form: Form) -> Words:
    """Return what is said of every claim that is written as data and has no words of its own."""
    if form.kind in SEARCHES:
        least = f"a search of at least {MIN_SEARCHED} settings on every backend, without one-sided findings"
        return Words(partial(of_witness, form), partial(alt_of_search, form), least)
    least = f"{MIN_CHECKED} values" if form.relation == EQUAL else f"{MIN_REPETITIONS} repetitions"
    missing = f"{least} of what the claim is about, on every backend"
    return Words(of_states, partial(alt_of_parts, form), missing)


def of_states(evidence: pd.DataFrame, states: pd.Series) -> str:
    """Return in words which parts hold, fail, depend on the setting, or are undecided."""
    return " ".join(by_state(states, DECIDED))


def parts(evidence: pd.DataFrame, by: Sequence[str]) -> pd.Series | str:
    """Return the name of each row's part, made of the columns ``by``; "all" for one part alone."""
    if not by:
        return "all"
    columns = {name: [one(name, value) for value in evidence[name]] for name in by}
    return pd.DataFrame(columns, index=evidence.index).agg(" at ".join, axis=1)


def one(name: str, value: Any) -> str:
    """Return one value of a factor in words: "LSTM", "orthogonal init", "forget bias 1", "gain 0.5"."""
    if name in SAID:
        return SAID[name](str(value))
    words = FACTORS[name].words if name in FACTORS and FACTORS[name].words else name
    said = FACTORS[name].said if name in FACTORS else ""
    shown = f"{value:g}" if isinstance(value, float) else str(value)
    return said.format(shown) if said else f"{words} {shown}"


def several(name: str, value: Any) -> str:
    """Return a wish of a filter in words."""
    if isinstance(value, Mapping):
        shown = [BOUNDS[key].format(bound) for key, bound in value.items()]
        return f"{one(name, '')}{' '.join(shown)}"
    return " or ".join(one(name, each) for each in (value if isinstance(value, list) else [value]))


def of_filter(wanted: Mapping[str, Any]) -> str:
    """Return the rows that are read in words: all that is said of them but quantity and path."""
    return ", ".join(
        several(name, value) for name, value in wanted.items() if name not in ("quantity", "path")
    )


def what(form: Form, change: Mapping[str, Any] | None = None) -> str:
    """Return the number of a model in words: "norm of the loss's gradient by the input (all routes), ..."."""
    wanted = {**form.filter, "quantity": form.quantity, **(change or {})}
    if form.table == "accuracy":
        meaning = next(column.meaning for column in ACCURACY if column.name == wanted["quantity"])
        return f"{meaning}, at the last evaluation"
    meaning = quantity(wanted["quantity"]).meaning
    path = f" ({PATHS[wanted['path']]})" if "path" in wanted else ""
    return f"{meaning}{path}{at(form)}"


def at(form: Form) -> str:
    """Return where along the sequence the number is read, in words."""
    if form.table != "decay" or form.relation == EQUAL:
        return ""
    if not form.lag:
        return ", its rate in decades per step"
    if len(form.lag) == 1:
        return f", decades left at lag {form.lag[0]}"
    return f", decades from lag {form.lag[0]} to lag {form.lag[1]}"


def limit(form: Form) -> str:
    """Return the relation to the threshold in words."""
    return RELATION[form.relation].format(number(form.threshold))


def reading(form: Form) -> str:
    """Return the formal statement that is decided."""
    first = {"universal": "In every model: ", "existence": "In one model at least: "}.get(form.kind, "")
    words = f"{first}{what(form)}, of {of_filter(form.filter) or 'all models'},{less(form)} is {limit(form)}."
    apart = (
        f" Decided for each {listed(FACTORS[name].words or name for name in form.family)}."
        if form.family
        else ""
    )
    return f"{words[0].upper()}{words[1:]}{apart}"


def less(form: Form) -> str:
    """Return in words what a value is paired with."""
    if not form.pairing:
        return ""
    change = {name: value for name, value in form.pairing.items() if name not in ("quantity", "path")}
    other = of_filter(change)
    read = what(form, form.pairing) if set(form.pairing) & {"quantity", "path"} else "that"
    if form.relation == EQUAL:
        return f" against {read}{f' of {other}' if other else ''},"
    return f" less {read} of {f'{other}, all else' if other else 'the model'} the same,"


def rule(form: Form) -> str:
    """Return what settles the claim, with its thresholds."""
    if form.relation == EQUAL:
        return (
            f"Largest relative error at most {number(form.threshold)} on every backend, over at least {MIN_CHECKED} "
            "values on each; a larger one refutes it."
        )
    if form.kind == "universal":
        return words_of_universal(f"One model that is not {limit(form)}")
    if form.kind == "existence":
        return words_of_universal(f"One model that is {limit(form)}").replace(
            "refutes it; none", "supports it; none").replace("settings supports it", "settings refutes it")  # fmt: skip
    return (
        "A part holds (fails) where the 95 % interval over repetitions, each the median over settings, lies "
        f"{limit(form)} (outside of that), and Holm's p over the parts of the claim is at most {ALPHA:g}. {FEWER} "
        f"{CONFIRMED}"
    )


def unit(form: Form, own: str) -> str:
    """Return the unit of the effect, and of which part or model it is."""
    if form.relation == EQUAL:
        return "relative error, largest"
    which = "the witness" if form.kind in SEARCHES else "the first part" if form.family else ""
    return f"{own} ({which})" if which else own


def of_witness(form: Form, found: pd.DataFrame, row: pd.Series, seen: pd.Series) -> str:
    """Return the model that decides a search in words, and how many others do."""
    if not seen.any():
        return f"None among {len(found):,} models; the nearest has {number(row[REFERENCE])}: {named(row)}."
    what_it_is = "Witness" if form.kind == "existence" else "Counterexample"
    such = f"{seen.sum():,} of {len(found):,} models are such"
    return f"{what_it_is}: {named(row)}, with {number(row[REFERENCE])}; {such}."


def alt_of_parts(form: Form, evidence: pd.DataFrame) -> str:
    """Return the picture of the parts in words."""
    if evidence.empty:
        return "Nothing was measured that fits the claim."
    own = reference(evidence)
    column = "error" if form.relation == EQUAL else "effect"
    words = [f"{row['part']}: {number(row[column])}" for _, row in own.iterrows()]
    line = f"the threshold {number(form.threshold)} as a line"
    return f"A dot per part with its interval, and {line}: {'; '.join(words)}."


def alt_of_search(form: Form, found: pd.DataFrame) -> str:
    """Return the picture of a search in words."""
    if found.empty:
        return "Nothing was measured that fits the claim."
    each = found[list(BACKENDS)].agg(["min", "median", "max"])[REFERENCE]
    return (
        f"A dot per backend for the model that decides, and the threshold {number(form.threshold)} as a line. Of "
        f"{len(found):,} models the least has {number(each['min'])}, the median {number(each['median'])}, the largest "
        f"{number(each['max'])}."
    )

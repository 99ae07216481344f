"""A1e: is there no exponentially fast decaying factor in the product of forget gates?"""

import pandas as pd

from carousel.analysis import names
from carousel.analysis.stats.curves import best_model
from carousel.analysis.stats.slopes import rates
from carousel.analysis.stats.tables import MODEL, joined, repeated, select
from carousel.analysis.text import bias_order, listed, number
from carousel.claims import defaults
from carousel.claims.claim import Claim, Tables, Verdict
from carousel.claims.evidence import planned, reference, stack, trends
from carousel.claims.half_left import (
    CHRONO,
    HALF,
    LAG,
    by_lag,
    evidence_of,
    from_bias,
    judged,
    one_threshold,
)
from carousel.claims.lines import tested_and_lines
from carousel.claims.numbers import main
from carousel.claims.robustness import to_settle
from carousel.claims.routes import decades
from carousel.claims.rule_text import CONFIRMED, FEWER
from carousel.claims.rules import (
    ALPHA,
    DEPENDS,
    FAILS,
    HOLDS,
    INCONCLUSIVE,
    LONG,
    MIN_REPETITIONS,
    MIXED,
    WITH_FORGET_GATE,
    combine,
    trend,
)

PRODUCT = "factor_product", "formula"


def rows(tables: Tables) -> pd.DataFrame:
    """Return the product of forget gates of every LSTM at initialisation over LONG steps or more."""
    return _rows(tables.decay)


def _rows(decay: pd.DataFrame) -> pd.DataFrame:
    found = select(decay, cell=WITH_FORGET_GATE, trained="no", quantity="factor_product", path="formula")
    return planned(found[found["length"] >= LONG])


def slopes(decay: pd.DataFrame) -> pd.DataFrame:
    """Return the rate of the product of forget gates, one row per model."""
    return rates(_rows(decay), *PRODUCT)


def models(tables: Tables) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what is left of each model's product at the lag at which it is judged, and the thresholds of each line.

    Beside what is left: the ``rate`` in decades per step, and the ``best`` model of its decay.
    """
    found = rows(tables)
    each = repeated(judged(found, *PRODUCT), MIN_REPETITIONS)
    each = joined(each, rates(found, *PRODUCT)[[*MODEL, "rate"]], MODEL)
    each = joined(each, best_model(found, *PRODUCT)[[*MODEL, "best"]], MODEL)
    return each, by_lag(select(found, cell="lstm"), *PRODUCT)


def measure(models: tuple[pd.DataFrame, pd.DataFrame], margin: float) -> pd.DataFrame:
    """Return per part what is left of the product at the lag at which it is judged, and the thresholds of each line.

    Beside what is left: the ``rate`` in decades per step, and the ``model`` that most often predicts it best.
    """
    each, lines = models
    evidence = trends(each, ["part"], margin, "left")
    if evidence.empty:
        return evidence
    beside = each.groupby("part").agg(
        rate=("rate", "median"), model=("best", lambda names: names.mode().iloc[0]),
        forget_bias=("forget_bias", "first"), lag=("lag", "first"),
    )  # fmt: skip
    return stack([evidence.merge(beside.reset_index(), on="part"), evidence_of(lines)])


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict: whether a half of the product is left, by forget bias, and from which bias on."""
    products, lines = tested_and_lines(evidence)
    states = trend(products, decays=False)
    word = combine(states)
    if word == INCONCLUSIVE:
        what = f"{MIN_REPETITIONS} repetitions of an LSTM at T of at least {LONG}, on every backend"
        return Verdict(word, to_settle(products, states, what), _alt(products), states=dict(states))
    condition = f"{_condition(reference(products), states)} {from_bias(lines)}".strip()
    at = one_threshold(lines) if word == DEPENDS and len(lines) else None
    numbers = main(defaults.headline(products))
    return Verdict(word, condition, _alt(products), **numbers, boundary=at, states=dict(states))


def _condition(products: pd.DataFrame, states: pd.Series) -> str:
    said = {
        FAILS: "Less than half is left",
        HOLDS: "At least half is left",
        MIXED: "It depends on the setting",
    }
    words = [_places(products[products["part"].map(states) == state], what) for state, what in said.items()]
    return " ".join(word for word in words if word)


def _places(group: pd.DataFrame, what: str) -> str:
    """Return in words where ``what`` is so: by forget bias, by library, and of chrono biases over their own length."""
    bias = group["forget_bias"].astype(str)
    chrono, library = bias.str.startswith(CHRONO), group["part"].str.contains("default")
    plain = names.at_biases(bias_order(bias[~chrono & ~library]))
    words = [f"after {LAG} steps {plain}"] if plain else []
    words += [f"after {LAG} steps in {_left(group[library])}"] if library.any() else []
    words += [_drawn(group[chrono])] if chrono.any() else []
    return f"{what} {'; '.join(words)}." if words else ""


def _left(group: pd.DataFrame) -> str:
    return listed(f"{row['part']} ({decades(row['effect'])})" for _, row in group.iterrows())


def _drawn(chrono: pd.DataFrame) -> str:
    """Return in words for how many steps chrono biases are drawn, and what is left at both ends."""
    rows = chrono.sort_values("lag")
    steps, ends = [f"{lag:,}" for lag in rows["lag"]], rows["effect"].iloc[[0, -1]].map(decades)
    left = ends.iloc[0] if len(rows) == 1 else f"{ends.iloc[0]} to {ends.iloc[1]}"
    return f"with chrono biases for {listed(steps)} steps after as many ({left})"


def _alt(products: pd.DataFrame) -> str:
    if products.empty:
        return "No product of forget gates was measured."
    own = reference(products).set_index("part")
    words = [f"{part}: {number(own['rate'][part])} ({own['model'][part]})" for part in own.index]
    return (
        f"Decades that the product of forget gates loses over {LAG} steps, by forget bias, beside what gates of the "
        "bias alone lose. Decades per step and best model, by forget bias: " + "; ".join(words) + "."
    )


CLAIM = Claim(
    id="A1e",
    who="answer 1",
    kind="trend",
    statement="The product of forget gates contains no exponentially fast decaying factor.",
    reading="At initialisation at least a half of the product of forget gates is left at a stated lag, whatever the "
    "forget bias. Any gate below one makes a product that falls exponentially; fast is what leaves less than half "
    f"of it over {LAG} steps, with chrono biases over the number of steps that they were drawn for. The product is "
    "the geometric mean over units.",
    prediction="depends: on the forget bias",
    unit="decades left after 100 steps (PyTorch's default LSTM, else the lowest forget bias)",
    rule="A forget bias (a library's default, chrono biases for T steps) decays where the 95 % interval of what is "
    f"left of the product after {LAG} steps (after T steps) lies below a half. It does not where it lies above. "
    f"Either takes a Holm's p over the parts of the claim of at most {ALPHA:g}. {FEWER} {CONFIRMED} None "
    "decays: supported; all: refuted; both: depends. A threshold is interpolated in the logarithm of the decades "
    "lost, line by line, and is one where their intervals meet.",
    takeaway={
        "supported": "Forget gates do not make the cell's gradient decay.",
        "refuted": "Forget gates are an exponentially decaying factor at every bias tried.",
        "depends": "A forget gate is an exponential factor like any other, and its bias says how slow: about ln(n / "
        "ln 2) keeps a half over n steps (5 for 100, 7.3 for 1,000). Every chrono bias for n steps lies below that.",
    },
    models=models,
    measure=measure,
    decide=decide,
    rows=rows,
    margin=HALF,
)

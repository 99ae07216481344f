"""K3: do LSTMs therefore catch more distant dependencies?"""

import numpy as np
import pandas as pd

from carousel.analysis import names
from carousel.analysis.stats.learning import longest_solved
from carousel.analysis.stats.resampling import SEED, bootstrap
from carousel.analysis.stats.slopes import rates
from carousel.analysis.stats.tables import RUN, repeated, select
from carousel.analysis.text import listed, number
from carousel.claims.claim import Claim, Margin, Tables, Verdict
from carousel.claims.evidence import DECIDED, by_state, compare, missing, on_every_backend, reference, stack
from carousel.claims.numbers import main
from carousel.claims.rule_text import words_of_comparison
from carousel.claims.rules import (
    DEPENDS,
    FAILS,
    HOLDS,
    INCONCLUSIVE,
    MIN_REPETITIONS,
    SUPPORTED,
    UNCLEAR,
    combine,
    comparison,
)

MIN_INFORMATIVE = (
    0.2  # of the pairs: where more are censored alike, the lengths tried cannot tell the cells apart
)
MIN_RANKED = 5  # settings: a rank correlation over fewer is not worth the name
LONGER = Margin(0.0, "octaves", "longer is an order, however small")
RANKS = "rank correlation of the rate at the start with the longest length"
PLACE = ["task", "slice", "cell", "init", "gain", "forget_bias", "hidden", "gradient"]


def lengths(accuracy: pd.DataFrame) -> pd.DataFrame:
    """Return each LSTM's longest length solved and the tanh RNN's: ``gained`` octaves, ``informative``."""
    solved = longest_solved(accuracy).assign(bias=0.0)
    on = [name for name in RUN if name not in ("cell", "forget_bias")]
    other = select(solved, cell="rnn_tanh")[[*on, "octaves", "censored"]].drop_duplicates(on)
    both = select(solved, cell="lstm").merge(other, on=on, suffixes=("", "_right"))
    alike = (both["censored"] == both["censored_right"]) & (both["censored"] != "")
    return both.assign(gained=both["octaves"] - both["octaves_right"], informative=~alike)


def rows(tables: Tables) -> pd.DataFrame:
    """Return every evaluation of every trained network: LSTM and tanh RNN in pairs, all of them for the ranks."""
    return tables.accuracy


def starts(tables: Tables) -> pd.DataFrame:
    """Return one row per RUN with ``octaves`` solved and ``rate``, the total gradient's before training.

    The rate is taken on the task itself at the longest length tried, where the window of lags is widest.
    """
    rows = select(tables.decay, quantity="loss_state", path="full", step=0)
    rows = rows[rows["trained"] != "no"]
    start = rates(rows, "loss_state", "full").rename(columns={"trained": "task", "length": "longest_tried"})
    on = [*RUN, "longest_tried"]
    solved = longest_solved(tables.accuracy)
    return solved.astype({"task": str}).merge(start[[*on, "rate"]].astype({"task": str}), on=on)


def measure(tables: Tables, margin: float) -> pd.DataFrame:
    """Return per task and backend the octaves gained over the tanh RNN, and the rank correlation."""
    both = repeated(lengths(tables.accuracy), MIN_REPETITIONS)
    tasks = [_task(group, str(task), margin) for task, group in both.groupby("task", observed=True)]
    return stack([*tasks, _ranks(repeated(starts(tables), MIN_REPETITIONS))])


def _task(group: pd.DataFrame, task: str, margin: float) -> pd.DataFrame:
    rows = compare(group, "gained", task, margin, how="mean")
    share = group.groupby(group["backend"].astype(str))["informative"].mean()
    share = rows["backend"].astype(str).map(share)
    return rows.assign(informative=share >= MIN_INFORMATIVE, informative_share=share)


def _ranks(table: pd.DataFrame) -> pd.DataFrame:
    table = table.dropna(subset=["rate"]) if len(table) else table
    both = on_every_backend(table) if len(table) else pd.Series(dtype=bool)
    groups = table.groupby("backend", observed=True) if len(table) else ()
    rows = [
        _correlation(group) | {"backend": name, "shared": _rho(group[both[group.index]])}
        for name, group in groups
    ]
    return pd.DataFrame([row for row in rows if row.get("n", 0) >= MIN_RANKED])


def _rho(group: pd.DataFrame) -> float:
    """Return Spearman's correlation over settings alone; NaN where there are too few."""
    rate, octaves = _by_setting(group)
    return (
        float(_spearman(rate, octaves, np.arange(rate.shape[1])[None])[0])
        if len(rate) >= MIN_RANKED
        else np.nan
    )


def _by_setting(group: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the rate and the octaves [settings, repetitions] of the settings that have every repetition."""
    if group.empty:
        return np.empty((0, 0)), np.empty((0, 0))
    index = [name for name in PLACE if name in group]
    values = ["rate", "octaves"]
    cells = group.pivot_table(index=index, columns="repetition", values=values, observed=True).dropna()
    return cells["rate"].to_numpy(), cells["octaves"].to_numpy()


def _correlation(group: pd.DataFrame) -> dict:
    """Return Spearman's correlation over settings, its interval over repetitions and its p."""
    from scipy.stats import spearmanr

    rate, octaves = _by_setting(group)
    if len(rate) < MIN_RANKED:
        return {}
    low, high = bootstrap(
        lambda draw: _spearman(rate, octaves, draw), rate.shape[1], np.random.default_rng(SEED)
    )
    rho = _spearman(rate, octaves, np.arange(rate.shape[1])[None])[0]
    x, y = np.median(rate, axis=1), octaves.mean(axis=1).round(9)
    p = float(spearmanr(x, y).pvalue) if np.ptp(x) and np.ptp(y) else 1.0
    return {
        "part": RANKS, "effect": rho, "low": low, "high": high, "p": p, "margin": 0.0, "edge": 0.0,
        "share": float(rho > 0), "reverse": float(rho < 0), "repetitions": rate.shape[1], "settings": len(rate),
        "n": len(rate), "informative": True, "informative_share": 1.0,
    }  # fmt: skip


def _spearman(rate: np.ndarray, octaves: np.ndarray, draw: np.ndarray) -> np.ndarray:
    """Return the rank correlation over settings for each draw of repetitions, shape (draws,)."""
    x = _ranked(np.median(rate[:, draw], axis=-1))
    y = _ranked(octaves[:, draw].mean(axis=-1).round(9))
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    scale = np.sqrt((x * x).sum(axis=0) * (y * y).sum(axis=0))
    return np.where(scale > 0, (x * y).sum(axis=0) / np.where(scale > 0, scale, 1.0), 0.0)


def _ranked(values: np.ndarray) -> np.ndarray:
    """Return the rank of each entry of a column, equal ones sharing theirs."""
    return pd.DataFrame(values).rank().to_numpy().reshape(values.shape)


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict: longer lengths on every task, and a correlation that makes it a "therefore"."""
    if evidence.empty:
        what = f"LSTM and tanh RNN trained on every backend in {MIN_REPETITIONS} repetitions"
        return Verdict(INCONCLUSIVE, missing(evidence, what), "No pair of trained networks was measured.")
    states = comparison(evidence)
    word = _therefore(combine(states.drop(RANKS, errors="ignore")), states.get(RANKS, UNCLEAR))
    shown = {"states": dict(states), **main(evidence[evidence["part"] != RANKS])}
    if word == INCONCLUSIVE:
        what = (
            "lengths between those tried, for the tasks, and more settings of one task, budget and range of lengths, "
            "for the rank correlation,"
        )
        return Verdict(word, f"{missing(evidence, what)} {_parts(evidence, states)}", _alt(evidence), **shown)
    return Verdict(word, _parts(evidence, states), _alt(evidence), **shown)


def _therefore(tasks: str, ranks: str) -> str:
    """Return the word: longer lengths on every task, which depends where the decay does not rank them."""
    if tasks != SUPPORTED:
        return tasks
    return {HOLDS: SUPPORTED, FAILS: DEPENDS}.get(ranks, INCONCLUSIVE)


def _parts(evidence: pd.DataFrame, states: pd.Series) -> str:
    effect = reference(evidence).groupby("part", sort=False)["effect"].mean()
    return " ".join(
        by_state(
            states.rename(lambda part: f"{names.task(part)} ({number(effect.get(part, np.nan))})"), DECIDED
        )
    )


def _alt(evidence: pd.DataFrame) -> str:
    effects = reference(evidence).groupby("part", sort=False)["effect"].mean()
    gained = [f"{number(effects[part])} on {names.task(part)}" for part in effects.index if part != RANKS]
    ranks = f" The {RANKS} is {number(effects[RANKS])}." if RANKS in effects else ""
    return (
        "Above: longest sequence solved, by cell and task. Octaves gained by the LSTM over the tanh RNN: "
        f"{listed(gained) or 'none measured'}. Below: longest length against the rate before training.{ranks}"
    )


CLAIM = Claim(
    id="K3",
    who="comment",
    kind="comparison",
    statement="Therefore LSTMs catch more distant dependencies.",
    reading="On every task the LSTM solves longer sequences than the tanh RNN of the same seeds and budget, and over "
    "all settings the slower the gradient decays before training, the longer the sequences solved.",
    prediction="depends: longer lags, but the rate at the start ranks the settings only loosely",
    unit="octaves of length, LSTM over tanh RNN",
    rule=words_of_comparison(
        LONGER, "octaves of the longest length solved at any evaluation, the LSTM's less the tanh RNN's"
    )
    + " A part is a task, and the last one the rank correlation, whose p is Spearman's over settings. Unsolved counts "
    f"as one octave below the shortest length tried; a task where less than {MIN_INFORMATIVE:.0%} of the pairs are not "
    "censored alike is undecided. All tasks and the correlation hold: supported; the tasks alone: depends.",
    takeaway={
        "supported": "For long dependencies take an LSTM, and check the decay before training.",
        "refuted": "Neither the LSTM nor its slower decay bought longer dependencies here.",
        "depends": "The decay before training is a hint, not a promise: train on the lag you need.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
    margin=LONGER,
)

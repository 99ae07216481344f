"""Rates, intervals and tests: functions from the measured tables to smaller tables."""

from carousel.stats.crossing import Crossing, crossing
from carousel.stats.curves import best_model
from carousel.stats.learning import gehan, longest_solved, restricted_mean, time_to_solve
from carousel.stats.resampling import SEED, bootstrap, centres, hierarchical, interval, intervals, spread
from carousel.stats.slopes import (
    FIT_WINDOW,
    STEADY,
    half_life,
    in_window,
    margin,
    rates,
    regime,
    regime_between,
)
from carousel.stats.tables import (
    MODEL,
    PAIR,
    RUN,
    SETTING,
    by_repetition,
    difference,
    grouped,
    joined,
    numbered,
    paired,
    repeated,
    select,
)
from carousel.stats.tested import Equivalence, equivalent, holm, signed_rank, student

__all__ = [
    "Crossing",
    "Equivalence",
    "FIT_WINDOW",
    "MODEL",
    "PAIR",
    "RUN",
    "SEED",
    "SETTING",
    "STEADY",
    "best_model",
    "bootstrap",
    "by_repetition",
    "centres",
    "crossing",
    "difference",
    "equivalent",
    "gehan",
    "grouped",
    "half_life",
    "hierarchical",
    "holm",
    "in_window",
    "interval",
    "intervals",
    "joined",
    "longest_solved",
    "margin",
    "numbered",
    "paired",
    "rates",
    "regime",
    "regime_between",
    "repeated",
    "restricted_mean",
    "select",
    "signed_rank",
    "spread",
    "student",
    "time_to_solve",
]

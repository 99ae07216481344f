"""Rates, intervals and tests: functions from the measured tables to smaller tables."""

from carousel.stats.curves import best_model
from carousel.stats.learning import longest_solved
from carousel.stats.resampling import SEED, bootstrap, centres, interval, intervals, spread
from carousel.stats.slopes import (
    FIT_WINDOW,
    STEADY,
    grouped,
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
    paired,
    repeated,
    select,
)
from carousel.stats.tested import holm, signed_rank

__all__ = [
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
    "difference",
    "grouped",
    "half_life",
    "holm",
    "in_window",
    "interval",
    "intervals",
    "longest_solved",
    "margin",
    "paired",
    "rates",
    "regime",
    "regime_between",
    "repeated",
    "select",
    "signed_rank",
    "spread",
]

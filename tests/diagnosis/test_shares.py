"""The share that arrives: dead sequences, and what lies beyond the last lag."""

import math

import numpy as np
import pytest

from carousel.diagnosis.rates import Rate
from carousel.diagnosis.shares import Share, beyond, share_at
from carousel.measures.adjoint import Quantity

FRO = Quantity("jacobian_fro", "full")


def norms(*logs: float) -> list[dict]:
    return [{0: {FRO: np.zeros((1, len(logs)))}, 10: {FRO: np.array([logs])}}]


@pytest.mark.parametrize(("logs", "share", "zero"), [
    ((-2.0, -4.0, -math.inf, -math.inf), -3.0, 2),
    ((-2.0, -math.inf, -math.inf, -math.inf), -math.inf, 3),
    ((-2.0, -4.0), -3.0, 0),
])  # fmt: skip
def test_exactly_half_of_the_sequences_alive_is_something(logs: tuple, share: float, zero: int) -> None:
    found = share_at(norms(*logs), 10)
    assert (found.log10_share, found.n, found.n_zero) == (share, len(logs), zero)


def test_beyond_the_last_lag_both_intervals_add_up() -> None:
    last = Share(10, -1.0, -1.5, -0.75, 4, 0, False)
    found = beyond(last, Rate(-0.1, -0.125, -0.0625, False, ()), 100)
    assert found == Share(100, -10.0, -1.5 - 90 * 0.125, -0.75 - 90 * 0.0625, 4, 0, True)
    alone = beyond(last._replace(low=math.nan, high=math.nan), Rate(-0.1, -0.1, -0.1, False, ()), 100)
    assert (alone.low, alone.high) == (-10.0, -10.0)

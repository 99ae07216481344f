"""The thresholds of single claims: planted cases just on either side of each."""

import numpy as np
import pandas as pd
import pytest

from carousel.claims import (
    CLAIMS,
    a1c_scalar_exponential as a1c,
    a2e_largest_factor as a2e,
    lstm_against_rnn,
)

BIASES = ("0", "1", "10", "chrono")


@pytest.mark.parametrize(("left", "word"), [(-0.8, False), (-1.2, True), (-4.0, True)])
def test_just_above_and_just_below_what_counts_as_vanished(plant, left: float, word: bool) -> None:
    """A tenth is left at lag 100 of a gradient that loses a decade by then."""
    rates = dict.fromkeys(BIASES, left / 100)
    tables = plant(need="K1", forget=rates, loop97=left / 100, starts={"lstm/0": 0.0, "lstm/1": 0.0})
    claim = CLAIMS["K1"]
    assert (claim.decide(claim.evidence(tables)).verdict == "refuted") == word


def test_steady_chains_near_one_count_as_moving() -> None:
    """A factor of w^n that changes by less than two in a hundred steps decays and grows nowhere."""
    weights = np.array([1.0005, 1 / 1.0005, 2 ** (1 / 101), 2 ** (1 / 99), 2 ** (-1 / 99), 1.1, 1.6, 0.25])
    space = pd.DataFrame({"gain": weights, "factor": np.log10(weights), "margin": a1c.CLAIM.margin.value,
                          "numpy": np.log10(weights), "torch": np.log10(weights)})  # fmt: skip
    assert a1c.moving(space)["gain"].tolist() == weights[3:].tolist()
    alike = a1c.breaks(a1c.moving(space))
    assert not alike.to_numpy().any()
    turned = space.assign(numpy=-space["numpy"])
    found = a1c.breaks(a1c.moving(turned))
    assert found["numpy"].all() and not found["torch"].any()
    still = a1c.breaks(a1c.moving(space.assign(numpy=0.0)))
    assert still["numpy"].all()


def test_a_chain_of_one_unit_is_no_network_of_the_comparison(plant) -> None:
    tables = plant(need="K2")
    short = tables.decay["repetition"] == 3
    one = tables.decay["repetition"] == 4
    decay = tables.decay.assign(
        hidden=tables.decay["hidden"].mask(one, 1), length=tables.decay["length"].mask(short, 99)
    )
    left = lstm_against_rnn.rows(tables._replace(decay=decay))
    assert set(left["repetition"]) == set(range(10)) - {3, 4}
    assert set(lstm_against_rnn.pairs(decay)["repetition"]) == set(range(10)) - {3, 4}


@pytest.mark.parametrize(("factor", "within"), [(0.2236, True), (0.2244, True), (0.2234, False), (0.2246, False),
                                                (0.227, False)])  # fmt: skip
def test_a_factor_is_the_printed_one_where_it_rounds_to_it(factor: float, within: bool) -> None:
    assert (a2e._factor(pd.Series([0.224, factor]))["error"] <= 1.0) == within
    assert round(factor, 3) == 0.224 or not within


def test_the_largest_factor_of_a_state_at_one_rounds_to_what_is_printed() -> None:
    w = np.linspace(1.4, 1.7, 300_001)
    factors = w * np.exp(-w) / (1 + np.exp(-w)) ** 2
    best = w[factors.argmax()]
    assert (round(best, 4), round(factors.max(), 3)) == (1.5434, 0.224)
    found = a2e._maximum()
    assert found["effect"] == pytest.approx(factors.max(), rel=1e-9)
    assert found["error"] == pytest.approx(
        max(abs(best - 1.5434) / 5e-5, abs(factors.max() - 0.224) / 5e-4), abs=0.05
    )

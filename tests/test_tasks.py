"""Tasks: targets follow from the inputs, baselines are the scores they claim to be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carousel.tasks import SYMBOLS, TASKS, digits_split


def sample(name, length, n, seed=0, test=False):
    return TASKS[name].sample(np.random.default_rng(seed), length, n, test)


@given(length=st.integers(2, 60), n=st.integers(1, 20), seed=st.integers(0, 99))
def test_adding_asks_for_the_sum_of_the_two_marked_numbers(length, n, seed):
    batch = sample("adding", length, n, seed)
    numbers, marks = batch.x[:, 0], batch.x[:, 1]
    np.testing.assert_allclose((numbers * marks).sum(0), batch.target[0])
    np.testing.assert_array_equal(marks[: length // 2].sum(0), 1)
    np.testing.assert_array_equal(marks[length // 2 :].sum(0), 1)


@given(length=st.integers(10, 80), n=st.integers(1, 20), seed=st.integers(0, 99))
def test_temporal_order_asks_for_the_order_of_the_two_symbols(length, n, seed):
    batch = sample("temporal_order", length, n, seed)
    symbols = batch.x.argmax(1)
    np.testing.assert_array_equal(batch.x.sum(1), 1)
    assert batch.x.shape == (length, SYMBOLS, n)
    for column, answer in zip(symbols.T, batch.target.argmax(0), strict=True):
        places = np.flatnonzero(column < 2)
        assert len(places) == 2
        assert places[0] < max(length // 5, length // 10 + 1) <= length // 2 <= places[1]
        assert answer == 2 * column[places[0]] + column[places[1]]


def test_digits_are_the_real_ones_split_once():
    train_x, train_y, test_x, test_y = digits_split()
    assert (train_x.shape, test_x.shape) == ((1297, 64), (500, 64))
    assert 0 <= train_x.min() < train_x.max() == 1
    assert len({row.tobytes() for row in train_x} & {row.tobytes() for row in test_x}) < 5
    assert set(test_y) == set(range(10))
    batch = sample("digits", 64, 500, test=True)
    assert {c.tobytes() for c in batch.x[:, 0].T.copy()} == {row.tobytes() for row in test_x}
    padded = sample("digits", 100, 500, test=True)
    np.testing.assert_array_equal(padded.x[:64], batch.x)
    assert not padded.x[64:].any()


@pytest.mark.parametrize("name", TASKS)
def test_the_same_seed_gives_the_same_sequences(name):
    length = max(TASKS[name].shortest, 30)
    a, b, c = sample(name, length, 9), sample(name, length, 9), sample(name, length, 9, seed=1)
    np.testing.assert_array_equal(a.x, b.x)
    np.testing.assert_array_equal(a.target, b.target)
    assert not np.array_equal(a.x, c.x)
    assert a.x.shape[1] == TASKS[name].inputs
    assert a.target.shape == (TASKS[name].outputs, 9)


def test_baselines_are_the_scores_of_predictors_without_memory():
    target = sample("adding", 40, 200_000).target[0]
    loss, accuracy = TASKS["adding"].baseline()
    assert np.square(target - 1).mean() == pytest.approx(loss, rel=0.01)
    assert (np.abs(target - 1) < 0.1).mean() == pytest.approx(accuracy, rel=0.02)
    frequencies = sample("temporal_order", 40, 40_000).target.mean(1)
    np.testing.assert_allclose(frequencies, TASKS["temporal_order"].baseline()[1], rtol=0.03)
    loss, accuracy = TASKS["digits"].baseline()
    assert 0.08 < accuracy < 0.25
    assert np.log(10) * 0.9 < loss < np.log(10) * 1.02


@pytest.mark.parametrize("name", TASKS)
def test_a_baseline_does_not_count_as_solved(name):
    assert not TASKS[name].solved(*TASKS[name].baseline())

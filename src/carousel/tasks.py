"""Tasks whose answer lies far back. Every one is read step by step and scored at the last step only.

A task is a table row: its sampler, its loss, the level at which it counts as solved, and the score of the best
predictor without memory. The dialects are stated with the samplers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Batch:
    """B sequences and their targets; for a task with classes the targets are one-hot."""

    x: Float[np.ndarray, "T D B"]
    target: Float[np.ndarray, "O B"]


Sample = Callable[[np.random.Generator, int, int, bool], Batch]


@dataclass(frozen=True)
class Task:
    """A task. `sample(rng, length, n, test)` draws n sequences of `length` steps."""

    sample: Sample
    inputs: int
    outputs: int
    loss: str  # squared_error or cross_entropy
    solved: Callable[[float, float], bool]  # of the test loss and accuracy
    baseline: Callable[[int], tuple[float, float]]  # by length: loss and accuracy of the best predictor
    # that sees the last step alone
    shortest: int  # length; all from there on are possible
    test_sequences: int | None = None  # how many there are to test on, if not as many as one likes


ADDING_TOLERANCE = 0.1  # an answer closer than this counts as right in `accuracy`
ADDING_SOLVED = 0.01  # mean squared error, 1/17 of the baseline: both numbers are remembered
CLASSES_SOLVED = 0.95  # of the sequences classified rightly
DIGITS_SOLVED = 0.5  # of the test digits; the no-memory baseline is near 0.1


def adding(rng: np.random.Generator, length: int, n: int, test: bool) -> Batch:
    """The adding problem (Hochreiter and Schmidhuber 1997, task 4) in the dialect of Arjovsky et al. (2016).

    Two inputs a step: a number uniform on [0, 1], and a mark, which is 1 at one step of the first half and one of
    the second, else 0. The target is the sum of the two marked numbers, as it is (not halved).
    """
    numbers, marks = rng.uniform(size=(length, n)), np.zeros((length, n))
    half = length // 2
    first, second = rng.integers(0, half, n), rng.integers(half, length, n)
    column = np.arange(n)
    marks[first, column] = marks[second, column] = 1
    return Batch(np.stack([numbers, marks], axis=1), (numbers[first, column] + numbers[second, column])[None])


def adding_baseline(length: int) -> tuple[float, float]:
    """Always 1, or u + 1/2 where the last step is marked with u: the sum of two or one uniform is left to chance."""
    marked = 1 / (length - length // 2)
    near_one, near_half = 1 - (1 - ADDING_TOLERANCE) ** 2, 2 * ADDING_TOLERANCE
    return (1 - marked) / 6 + marked / 12, (1 - marked) * near_one + marked * near_half


SYMBOLS = 6  # X, Y, then four distractors


def temporal_order(rng: np.random.Generator, length: int, n: int, test: bool) -> Batch:
    """Which of XX, XY, YX, YY was read? (Hochreiter and Schmidhuber 1997, task 6a.)

    One-hot symbols: X or Y at one step in the second tenth of the sequence and at one between 5/10 and 6/10;
    all others are drawn from four distractors. No start and end symbols (the paper has them): the answer is asked
    after a fixed number of steps.
    """
    symbols = rng.integers(2, SYMBOLS, (length, n))
    column = np.arange(n)
    first = rng.integers(length // 10, max(length // 5, length // 10 + 1), n)
    second = rng.integers(length // 2, max(3 * length // 5, length // 2 + 1), n)
    a, b = rng.integers(0, 2, (2, n))
    symbols[first, column], symbols[second, column] = a, b
    return Batch(one_hot(symbols, SYMBOLS), one_hot(2 * a + b, 4))


@cache
def digits_split() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The 1,797 digits of scikit-learn: pixels in [0, 1] and labels, 1,297 to train on and 500 to test on.

    The split is a fixed shuffle, for the data come in the order in which people wrote them.
    """
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(1797).permutation(len(labels))
    pixels, labels = pixels[order] / 16, labels[order]
    return pixels[:1297], labels[:1297], pixels[1297:], labels[1297:]


def digits(rng: np.random.Generator, length: int, n: int, test: bool) -> Batch:
    """Handwritten digits (Alpaydin and Kaynak 1998; 8 x 8 pixels) read pixel by pixel, row by row, in 64 steps.

    A longer sequence ends in blanks (zeros), which set the lag on real data.
    Training batches are drawn with replacement, test sequences without, from the split's own part.
    """
    train_x, train_y, test_x, test_y = digits_split()
    pixels, labels = (test_x, test_y) if test else (train_x, train_y)
    chosen = rng.choice(len(labels), n, replace=not test)
    blanks = np.zeros((length - 64, n))
    return Batch(np.concatenate([pixels[chosen].T, blanks])[:, None], one_hot(labels[chosen], 10))


def digits_baseline(length: int) -> tuple[float, float]:
    """Test loss and accuracy of the class frequencies given the last step, counted on the training digits.

    The last step is the last pixel, or a blank beyond 64. One is added to every count, so that no digit is
    impossible.
    """
    train_x, train_y, test_x, test_y = digits_split()
    seen, asked = ((16 * x[:, -1]).astype(int) * (length == 64) for x in (train_x, test_x))
    counts = np.ones((17, 10))
    np.add.at(counts, (seen, train_y), 1)
    p = (counts / counts.sum(1, keepdims=True))[asked]
    return float(-np.log(p[np.arange(len(test_y)), test_y]).mean()), float((p.argmax(1) == test_y).mean())


def one_hot(values: np.ndarray, classes: int) -> np.ndarray:
    """[..., n] to [..., classes, n]."""
    return np.moveaxis(np.eye(classes)[values], -1, -2)


TASKS: dict[str, Task] = {
    "adding": Task(
        sample=adding,
        inputs=2,
        outputs=1,
        loss="squared_error",
        solved=lambda loss, accuracy: loss <= ADDING_SOLVED,
        baseline=adding_baseline,
        shortest=2,
    ),
    "temporal_order": Task(
        sample=temporal_order,
        inputs=SYMBOLS,
        outputs=4,
        loss="cross_entropy",
        solved=lambda loss, accuracy: accuracy >= CLASSES_SOLVED,
        baseline=lambda length: (float(np.log(4)), 0.25),  # the last symbol is a distractor
        shortest=10,
    ),
    "digits": Task(
        sample=digits,
        inputs=1,
        outputs=10,
        loss="cross_entropy",
        solved=lambda loss, accuracy: accuracy >= DIGITS_SOLVED,
        baseline=digits_baseline,
        shortest=64,
        test_sequences=500,
    ),
}

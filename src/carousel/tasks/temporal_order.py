"""The order of symbols that stand far apart."""

import numpy as np

from carousel.tasks.task import Batch, Task, at_the_end, chance, mostly_right, one_hot

SYMBOLS = 6  # X, Y, then four distractors
THIRDS = ((10, 20), (33, 43), (66, 76))  # hundredths of the sequence where one of three symbols stands


def temporal_order(rng: np.random.Generator, length: int, n: int, test: bool) -> Batch:
    """Which of XX, XY, YX, YY was read? (Hochreiter and Schmidhuber 1997, task 6a.)

    One-hot symbols: X or Y at one step in the second tenth of the sequence and at one between 5/10 and 6/10;
    all others are drawn from four distractors. No start and end symbols (the paper has them): the target stands
    after a fixed number of steps.
    """
    symbols = rng.integers(2, SYMBOLS, (length, n))
    column = np.arange(n)
    first = rng.integers(length // 10, max(length // 5, length // 10 + 1), n)
    second = rng.integers(length // 2, max(3 * length // 5, length // 2 + 1), n)
    a, b = rng.integers(0, 2, (2, n))
    symbols[first, column], symbols[second, column] = a, b
    return at_the_end(one_hot(symbols, SYMBOLS), one_hot(2 * a + b, 4))


def temporal_order3(rng: np.random.Generator, length: int, n: int, test: bool) -> Batch:
    """`temporal_order` with three symbols: eight classes, XXX to YYY (Hochreiter and Schmidhuber 1997, task 6b).

    They stand in the second tenth of the sequence, between 33/100 and 43/100, and between 66/100 and 76/100, as in
    the paper at its 100 steps; all else is as in `temporal_order`.
    """
    symbols = rng.integers(2, SYMBOLS, (length, n))
    column, answer = np.arange(n), np.zeros(n, int)
    for start, end in THIRDS:
        first = start * length // 100
        place = rng.integers(first, max(end * length // 100, first + 1), n)
        symbols[place, column] = rng.integers(0, 2, n)
        answer = 2 * answer + symbols[place, column]
    return at_the_end(one_hot(symbols, SYMBOLS), one_hot(answer, 8))


TEMPORAL_ORDER = Task(
    sample=temporal_order,
    inputs=SYMBOLS,
    outputs=4,
    loss="cross_entropy",
    solved=mostly_right,
    baseline=chance(4),  # the last symbol is a distractor
    shortest=10,
)
TEMPORAL_ORDER3 = Task(
    sample=temporal_order3,
    inputs=SYMBOLS,
    outputs=8,
    loss="cross_entropy",
    solved=mostly_right,
    baseline=chance(8),  # the last symbol is a distractor
    shortest=10,
)

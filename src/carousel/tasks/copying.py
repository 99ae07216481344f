"""The copy problem."""

import numpy as np

from carousel.tasks.task import Batch, Task, chance, mostly_right, one_hot

LETTERS = 8  # symbols to be copied; the blank and the delimiter come after them
BLANK, DELIMITER = LETTERS, LETTERS + 1
MOST = 10  # symbols per sequence
FEW, FEW_LETTERS = 2, 4  # of `copy_two`: symbols per sequence, out of so many


def copy(rng: np.random.Generator, length: int, n: int, test: bool) -> Batch:
    """Read symbols, wait, recall them (Hochreiter and Schmidhuber 1997 in spirit; Arjovsky et al. 2016, section 4.1).

    The version of the latter: 10 symbols out of 8, blanks, a delimiter, and 10 blanks, at each of which one symbol is
    to be recalled, in the order read. From a symbol to its recall it is `length` - 10 steps. Loss and accuracy count
    the recalled symbols alone; the other steps have no target (there: a blank).
    Below 21 steps there are as many symbols as fit, and no blank or one before the delimiter.
    """
    return copied(rng, length, n, min(MOST, (length - 1) // 2), LETTERS)


def copy_two(rng: np.random.Generator, length: int, n: int, test: bool) -> Batch:
    """`copy` of two symbols out of four: few bits, so that its lag of `length` - 2 steps is hard, not its load."""
    return copied(rng, length, n, FEW, FEW_LETTERS)


def copied(rng: np.random.Generator, length: int, n: int, count: int, letters: int) -> Batch:
    """n sequences of `count` symbols out of so many `letters`, blanks, a delimiter, and as many blanks as symbols."""
    symbols, blank = rng.integers(0, letters, (count, n)), letters
    x = np.full((length, n), blank)
    x[:count], x[-count - 1] = symbols, blank + 1
    everywhere = np.ones((count, n))
    return Batch(one_hot(x, letters + 2), one_hot(symbols, letters), everywhere / count, everywhere)


COPY = Task(
    sample=copy,
    inputs=LETTERS + 2,
    outputs=LETTERS,
    loss="cross_entropy",
    solved=mostly_right,
    baseline=chance(LETTERS),  # a blank is read where a symbol is the target
    shortest=3,
)
COPY_TWO = Task(
    sample=copy_two,
    inputs=FEW_LETTERS + 2,
    outputs=FEW_LETTERS,
    loss="cross_entropy",
    solved=mostly_right,
    baseline=chance(FEW_LETTERS),  # as of `copy`
    shortest=2 * FEW + 1,
)

"""The copy problem."""

import numpy as np

from carousel.tasks.task import Batch, Task, chance, mostly_right, one_hot

LETTERS = 8  # symbols to be copied; the blank and the delimiter come after them
BLANK, DELIMITER = LETTERS, LETTERS + 1
MOST = 10  # symbols per sequence


def symbols(length: int) -> int:
    """How many symbols a sequence of `length` steps holds: 10, or as many as leave room to recall them."""
    return min(MOST, (length - 1) // 2)


def copy(rng: np.random.Generator, length: int, n: int, test: bool) -> Batch:
    """Read symbols, wait, recall them (Hochreiter and Schmidhuber 1997 in spirit; Arjovsky et al. 2016, section 4.1).

    The version of the latter: 10 symbols out of 8, blanks, a delimiter, and 10 blanks, at each of which one symbol is
    to be recalled, in the order read. From a symbol to its recall it is `length` - 10 steps. Loss and accuracy count
    the recalled symbols alone; the other steps have no target (there: a blank).
    Below 21 steps there are as many symbols as fit, and no blank or one before the delimiter.
    """
    count = symbols(length)
    letters = rng.integers(0, LETTERS, (count, n))
    x = np.full((length, n), BLANK)
    x[:count], x[-count - 1] = letters, DELIMITER
    everywhere = np.ones((count, n))
    return Batch(one_hot(x, LETTERS + 2), one_hot(letters, LETTERS), everywhere / count, everywhere)


COPY = Task(
    sample=copy,
    inputs=LETTERS + 2,
    outputs=LETTERS,
    loss="cross_entropy",
    solved=mostly_right,
    baseline=chance(LETTERS),  # a blank is read where a symbol is the target
    shortest=3,
)

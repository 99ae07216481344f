"""The adding problem."""

import numpy as np

from carousel.tasks.task import Batch, Task, at_the_end

ADDING_TOLERANCE = 0.1  # an answer closer than this counts as right in `accuracy`
ADDING_SOLVED = 0.01  # mean squared error, 1/17 of the baseline: both numbers are remembered


def adding(rng: np.random.Generator, length: int, n: int, test: bool) -> Batch:
    """The adding problem (Hochreiter and Schmidhuber 1997, task 4) in the version of Arjovsky et al. (2016).

    Two inputs per step: a number uniform on [0, 1], and a mark, which is 1 at one step of the first half and one of
    the second, else 0. The target is the sum of the two marked numbers, as it is (not halved).
    """
    x, half, column = np.zeros((length, 2, n)), length // 2, np.arange(n)
    x[:, 0] = rng.random((length, n))
    first, second = rng.integers(0, half, n), rng.integers(half, length, n)
    x[first, 1, column] = x[second, 1, column] = 1
    total = x[first, 0, column] + x[second, 0, column]
    return at_the_end(x, total[None])


def adding_baseline(length: int) -> tuple[float, float]:
    """The answer 1, or u + 1/2 where the last step is marked and its number is u: the mean given that step alone."""
    marked = 1 / (length - length // 2)
    near_one, near_half = 1 - (1 - ADDING_TOLERANCE) ** 2, 2 * ADDING_TOLERANCE
    return (1 - marked) / 6 + marked / 12, (1 - marked) * near_one + marked * near_half


ADDING = Task(
    sample=adding,
    inputs=2,
    outputs=1,
    loss="squared_error",
    solved=lambda loss, accuracy: loss <= ADDING_SOLVED,
    baseline=adding_baseline,
    shortest=2,
)

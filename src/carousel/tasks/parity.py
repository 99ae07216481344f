"""The parity of random bits."""

import numpy as np

from carousel.tasks.task import Batch, Task, at_the_end, chance, mostly_right, one_hot


def parity(rng: np.random.Generator, length: int, n: int, test: bool) -> Batch:
    """Is the number of ones odd? (Bengio et al. 1994, section III; Hochreiter and Schmidhuber 1997, section 5.)

    One input per step, 0 or 1 with equal chances; two classes, even and odd, the target of the last step. Every step
    counts: a predictor that misses a single bit is no better than one without memory.
    """
    bits = rng.integers(0, 2, (length, n))
    return at_the_end(bits[:, None].astype(float), one_hot(bits.sum(0) % 2, 2))


PARITY = Task(
    sample=parity,
    inputs=1,
    outputs=2,
    loss="cross_entropy",
    solved=mostly_right,
    baseline=chance(2),  # the earlier bits are as often odd as even
    shortest=2,
)

"""Two classes that the first steps of a noisy sequence decide."""

import numpy as np

from carousel.tasks.task import Batch, Task, at_the_end, chance, mostly_right, one_hot

INFORMATIVE = 3  # steps at the beginning that carry the class
VARIANCE = 0.2  # of the noise


def noisy_two_sequence(rng: np.random.Generator, length: int, n: int, test: bool) -> Batch:
    """The 2-sequence problem with noise on the signal (Hochreiter and Schmidhuber 1997, task 3b, N = 3).

    One input per step, Gaussian noise of variance 0.2; in the first three steps its mean is 1 for class 1 and -1 for
    class 2, later 0. The classes are equally likely and the target of the last step. Not as in the paper: two outputs
    and cross-entropy (there one output, 1 or 0), and all sequences of one length (there up to a tenth longer).
    The sign of the first three inputs' sum is right in all but 5 of 100,000 sequences.
    """
    classes = rng.integers(0, 2, n)
    x = VARIANCE**0.5 * rng.standard_normal((length, n))
    x[:INFORMATIVE] += 1 - 2 * classes
    return at_the_end(x[:, None], one_hot(classes, 2))


NOISY_TWO_SEQUENCE = Task(
    sample=noisy_two_sequence,
    inputs=1,
    outputs=2,
    loss="cross_entropy",
    solved=mostly_right,
    baseline=chance(2),  # the last step is noise
    shortest=INFORMATIVE + 1,
)

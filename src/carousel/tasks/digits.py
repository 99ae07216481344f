"""The small handwritten digits that come with scikit-learn (Alpaydin and Kaynak 1998), 8 x 8 pixels."""

from dataclasses import replace
from functools import cache

import numpy as np

from carousel.tasks.images import CLASSES, Images, last_pixel_baseline, read
from carousel.tasks.task import Batch, Task

DIGITS_SOLVED = 0.5  # of the test digits; the no-memory baseline is near 0.1
PIXELS, TRAIN, TEST = 64, 1297, 500


@cache
def digit_images() -> Images:
    """The 1,797 digits, 1,297 to train on and 500 to test on.

    The split is a fixed shuffle, for the data come in the order in which people wrote them.
    """
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(TRAIN + TEST).permutation(len(labels))
    pixels, labels = pixels[order].astype(int), labels[order]
    return Images(pixels[:TRAIN], labels[:TRAIN], pixels[TRAIN:], labels[TRAIN:], top=16)


@cache
def permuted_images() -> Images:
    """The digits with the pixels of every image in one fixed random order."""
    images, order = digit_images(), np.random.default_rng(PIXELS).permutation(PIXELS)
    return images._replace(train_x=images.train_x[:, order], test_x=images.test_x[:, order])


def digits(rng: np.random.Generator, length: int, n: int, test: bool) -> Batch:
    """Digits read pixel by pixel, row by row, in 64 steps; a longer sequence ends in blanks."""
    return read(digit_images(), rng, length, n, test)


def digits_permuted(rng: np.random.Generator, length: int, n: int, test: bool) -> Batch:
    """As `digits`, the pixels in one fixed random order, so that neighbours are far apart (Le et al. 2015 on MNIST)."""
    return read(permuted_images(), rng, length, n, test)


DIGITS = Task(
    sample=digits,
    inputs=1,
    outputs=CLASSES,
    loss="cross_entropy",
    solved=lambda loss, accuracy: accuracy >= DIGITS_SOLVED,
    baseline=lambda length: last_pixel_baseline(digit_images(), length),
    shortest=PIXELS,
    test_sequences=TEST,
)
DIGITS_PERMUTED = replace(
    DIGITS,
    sample=digits_permuted,
    baseline=lambda length: last_pixel_baseline(permuted_images(), length),
)

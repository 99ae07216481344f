"""Images of ten classes, read pixel by pixel."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Integer

from carousel.tasks.task import Batch, at_the_end, one_hot

CLASSES = 10


class Images(NamedTuple):
    """A data set of N images to train on and K to test on, P pixels each, from 0 to `top`."""

    train_x: Integer[np.ndarray, "N P"]
    train_y: Integer[np.ndarray, " N"]
    test_x: Integer[np.ndarray, "K P"]
    test_y: Integer[np.ndarray, " K"]
    top: int


def read(images: Images, rng: np.random.Generator, length: int, n: int, test: bool) -> Batch:
    """n images, their pixels scaled to [0, 1], and their classes as targets of the last step.

    The steps of `length` after the pixels are blanks (zeros), which set the lag on real data.
    Training batches are drawn with replacement, test sequences without, from the split's own part.
    """
    pixels, labels = (images.test_x, images.test_y) if test else (images.train_x, images.train_y)
    chosen = rng.choice(len(labels), n, replace=not test)
    blanks = np.zeros((length - pixels.shape[1], n))
    return at_the_end(
        np.concatenate([pixels[chosen].T / images.top, blanks])[:, None], one_hot(labels[chosen], CLASSES)
    )


def last_pixel_baseline(images: Images, length: int) -> tuple[float, float]:
    """Test loss and accuracy of the class frequencies given the last step, counted on the training images.

    The last step is the last pixel, or a blank after it. One is added to every count, so that no class is impossible.
    """
    last = length == images.train_x.shape[1]
    train, test = (x[:, -1].astype(int) * last for x in (images.train_x, images.test_x))
    counts = np.ones((images.top + 1, CLASSES))
    np.add.at(counts, (train, images.train_y), 1)
    p = (counts / counts.sum(1, keepdims=True))[test]
    loss = -np.log(p[np.arange(len(test)), images.test_y]).mean()
    return float(loss), float((p.argmax(1) == images.test_y).mean())

"""What a task is: sequences to read, targets at the last steps of each, and the score that needs no memory."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Batch:
    """B sequences of T steps; the last S of them have targets, one-hot for a task with classes.

    A sequence's loss is the sum over these steps of `weight`, which sums to 1, times the step's loss. Accuracy is
    counted over all steps of the batch with `scored` = 1, else 0.
    """

    x: Float[np.ndarray, "T D B"]
    target: Float[np.ndarray, "S O B"]
    weight: Float[np.ndarray, "S B"]
    scored: Float[np.ndarray, "S B"]


def at_the_end(x: Float[np.ndarray, "T D B"], target: Float[np.ndarray, "O B"]) -> Batch:
    """Sequences with one answer each, after the last step."""
    return Batch(x, target[None], np.ones((1, target.shape[1])), np.ones((1, target.shape[1])))


class DataError(Exception):
    """The data of a task are missing; the message is one line that says what to do."""


Sample = Callable[[np.random.Generator, int, int, bool], Batch]


@dataclass(frozen=True)
class Task:
    """A task. `sample(rng, length, n, test)` draws n sequences of `length` steps."""

    sample: Sample
    inputs: int
    outputs: int
    loss: str  # squared_error or cross_entropy
    solved: Callable[[float, float], bool]  # of the test loss and accuracy
    baseline: Callable[
        [int], tuple[float, float]
    ]  # by length: the best loss and the best accuracy of a predictor
    # without memory, which sees the input of the step alone
    shortest: int  # length; all from there on are possible
    test_sequences: int | None = None  # how many test sequences there are; None: any number


CLASSES_SOLVED = 0.95  # of the answers right, the level of every task whose answers can all be right


def mostly_right(loss: float, accuracy: float) -> bool:
    """Whether the share `CLASSES_SOLVED` of the answers is right."""
    return accuracy >= CLASSES_SOLVED


def chance(classes: int) -> Callable[[int], tuple[float, float]]:
    """The baseline of a task whose `classes` are equally likely, whatever the input of the step is."""
    return lambda length: (float(np.log(classes)), 1 / classes)


def one_hot(values: np.ndarray, classes: int) -> np.ndarray:
    """Classes [..., n] as one-hot vectors [..., classes, n]."""
    return (values[..., None, :] == np.arange(classes)[:, None]).astype(float)

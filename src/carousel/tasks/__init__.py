"""The table of tasks, whose answers lie far back. A new task is one file beside this one, and one line here.

A task is a table row: its sampler, its loss, the level at which it counts as solved, and the score of the best
predictor without memory. Where a task has several versions in the literature, its sampler says which one it is.
"""

from carousel.tasks.adding import ADDING, ADDING_TOLERANCE
from carousel.tasks.copying import COPY, COPY_TWO
from carousel.tasks.digits import DIGITS, DIGITS_PERMUTED
from carousel.tasks.gunpoint import GUNPOINT
from carousel.tasks.mnist import MNIST
from carousel.tasks.noisy_two_sequence import NOISY_TWO_SEQUENCE
from carousel.tasks.parity import PARITY
from carousel.tasks.reber import EMBEDDED_REBER, REBER_CONTINUAL
from carousel.tasks.task import Batch, DataError, Task
from carousel.tasks.temporal_order import TEMPORAL_ORDER, TEMPORAL_ORDER3

TASKS: dict[str, Task] = {
    "adding": ADDING,
    "temporal_order": TEMPORAL_ORDER,
    "temporal_order3": TEMPORAL_ORDER3,
    "noisy_two_sequence": NOISY_TWO_SEQUENCE,
    "copy": COPY,
    "copy_two": COPY_TWO,
    "parity": PARITY,
    "reber": EMBEDDED_REBER,
    "reber_continual": REBER_CONTINUAL,
    "digits": DIGITS,
    "digits_permuted": DIGITS_PERMUTED,
    "mnist": MNIST,
    "gunpoint": GUNPOINT,
}

__all__ = ["ADDING_TOLERANCE", "TASKS", "Batch", "DataError", "Task"]

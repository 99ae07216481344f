"""Random streams named by what they depend on.

The rule: a seed is keyed by axes, never by position, cell or backend. The data of a task depend on task, length
and repetition; the weights on init, size and repetition. Two cells at one setting then see the same data, and two
backends the same weights: every comparison is paired. There is no global generator; whoever draws is handed one.
"""

import hashlib
import json
from dataclasses import dataclass

import numpy as np

Key = str | int | float


def generator(master: int, *keys: Key) -> np.random.Generator:
    """The stream of `keys` under the study's seed `master`.

    The keys are hashed (SHA-256): streams of different keys are independent, the same on every machine and in
    every process, and unmoved by what a study adds later. Equal numbers are equal keys: 1 and 1.0 name one stream,
    "1" another. Raises ValueError for a number that is not finite.
    """
    text = json.dumps([_canonical(key) for key in (master, *keys)], allow_nan=False)
    return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest(), "big"))


@dataclass(frozen=True)
class Streams:
    """A stream for each of M models, drawn from at once: what a model gets depends on no other model."""

    each: tuple[np.random.Generator, ...]

    def standard_normal(self, shape: tuple[int, ...]) -> np.ndarray:
        """Gaussian numbers; the first axis, M or a multiple of it, has the models one after the other."""
        share = (shape[0] // len(self.each), *shape[1:])
        return np.concatenate([rng.standard_normal(share) for rng in self.each])


Normals = np.random.Generator | Streams
"""Where Gaussian numbers for a batch of models come from."""


def _canonical(key: Key) -> Key:
    return int(key) if isinstance(key, float) and key.is_integer() else key

"""Forget biases: a number, one of the named schemes that give every unit its own, or what a library sets by default."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from carousel.cells import Cell
from carousel.inits.libraries import LIBRARY_FORGET_BIAS

DEFAULT = "default"  # in a study; a model and the tables have the number that it stands for
LONGEST = re.compile(r"chrono:([1-9][0-9]{0,6})")  # T_max
SHORTEST = 3  # the first T_max with a range, 1 to T_max - 1, to draw from
STEP_MIN, STEP_MAX = 0.001, 0.1  # between which those of `loguniform` lie: time scales of 1,000 to 10 steps

Scheme = Callable[[np.random.Generator, int, int], Float[np.ndarray, " H"]]


def chrono(rng: np.random.Generator, H: int, longest: int) -> Float[np.ndarray, " H"]:
    """The log of a time scale U(1, T_max - 1), T_max = `longest` steps (Tallec and Ollivier 2018).

    Up to T_max = 3, where there is no such range, the scales are U(1, 2).
    """
    return np.log(rng.uniform(1, max(longest - 1, 2), H))


def uniform_gates(rng: np.random.Generator, H: int, longest: int) -> Float[np.ndarray, " H"]:
    """log(u / (1 - u)), u uniform on [1/H, 1 - 1/H] (Gu et al. 2020): without input, the gates are uniform.

    Up to H = 2 that range is no more than u = 1/2.
    """
    edge = 1 / max(H, 2)
    u = rng.uniform(edge, 1 - edge, H)
    return np.log(u / (1 - u))


def loguniform(rng: np.random.Generator, H: int, longest: int) -> Float[np.ndarray, " H"]:
    """sigma(b) = exp(-Delta), Delta log-uniform on [STEP_MIN, STEP_MAX]: the step sizes of Gu and Dao's code (2023)."""
    return -np.log(np.expm1(np.exp(rng.uniform(np.log(STEP_MIN), np.log(STEP_MAX), H))))


FORGET_BIASES: dict[str, Scheme] = {
    "chrono": chrono,
    "uniform": uniform_gates,
    "loguniform": loguniform,
}


def forget_bias_text(value: Any) -> str:
    """A forget bias in the one form that it has from a study to the page: "3", "0.5", "chrono", "chrono:1000".

    `value` is as a study's file may have it: a number, the name of a scheme, chrono:T with its own T_max, or default,
    which `library_forget_bias` makes a number. Raises ValueError, one line that says what is allowed.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and math.isfinite(value):
        return repr(float(value) + 0.0).removesuffix(".0")  # to its last digit, and zero without a sign
    given = LONGEST.fullmatch(value) if isinstance(value, str) else None
    if isinstance(value, str) and (value in {DEFAULT, *FORGET_BIASES} or given and int(given[1]) >= SHORTEST):
        return value
    raise ValueError(
        f"allowed: a finite number, {', '.join(FORGET_BIASES)}, or chrono:T with a T_max of {SHORTEST} to 9999999; "
        f"{DEFAULT} is the one of the init's library"
    )


def as_written(forget_bias: str) -> float | str:
    """What a study's file has for this text: the number, the scheme's name, or default."""
    named = forget_bias.partition(":")[0] in {DEFAULT, *FORGET_BIASES}
    return forget_bias if named else float(forget_bias)


def library_forget_bias(init: str, cell: str) -> str:
    """The number, as text, that default stands for: 0 unless the library of this init sets another for the cell."""
    return LIBRARY_FORGET_BIAS.get(init, {}).get(cell, "0")


def forget_biases(
    cell: Cell,
    forget_bias: str,
    drawn: Mapping[str, Float[np.ndarray, " H"]],
    rng: np.random.Generator,
    H: int,
    length: int,
) -> dict[str, Float[np.ndarray, " H"]]:
    """The biases that `forget_bias` sets, by gate: the forget gate's; in a scheme, the input gate's is minus that.

    A number is added to what the init has `drawn`, so that PyTorch's default is 0 beside its two random vectors; a
    scheme takes its place.
    """
    if cell.forget is None or forget_bias == "none":
        return {}
    name, _, longest = forget_bias.partition(":")
    if name not in FORGET_BIASES:
        return {cell.forget: drawn[cell.forget] + float(forget_bias)}
    b = FORGET_BIASES[name](rng, H, int(longest or length))
    return {cell.forget: b} | ({cell.input: -b} if cell.input else {})

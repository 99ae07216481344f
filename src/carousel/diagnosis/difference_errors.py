"""The errors of tables that rest on finite differences: how far those from two step sizes lie apart."""

import numpy as np
import pandas as pd

from carousel.diagnosis.layer import ModuleError
from carousel.engine.log_space import Logs
from carousel.measures.adjoint import Quantity

LARGEST = 0.05  # decades, of a norm: 12 %
Norms = list[dict[int, dict[Quantity, Logs]]]  # of sequences of one length each, by lag: [1 B]


def with_errors(found: Norms, coarse: Norms) -> Norms:
    """The norms with their differences from those at twice the step size. Raises ModuleError where these are large."""
    return [
        {lag: fine[lag] | errors(lag, fine[lag], other[lag]) for lag in fine}
        for fine, other in zip(found, coarse, strict=True)
    ]


def errors(lag: int, fine: dict[Quantity, Logs], coarse: dict[Quantity, Logs]) -> dict[Quantity, Logs]:
    """The differences at one lag. Raises ModuleError."""
    found = {q._replace(column="error"): difference(logs, coarse[q]) for q, logs in fine.items()}
    worst = max(error.max() for error in found.values())
    if worst > LARGEST:
        raise ModuleError(
            f"function: its finite differences at two step sizes differ by {worst:.2g} decades at lag {lag}; allowed: "
            "a smooth function, computed in the precision of the state that is given"
        )
    return found


def difference(one: Logs, other: Logs) -> Logs:
    """How far two logs lie apart, 0 where both are -inf."""
    return abs(np.subtract(one, other, out=np.zeros_like(one), where=one != other))


def exponents_with_errors(found: pd.DataFrame, coarse: pd.DataFrame) -> pd.DataFrame:
    """The exponents, whose standard errors have their differences from those at twice the step size in them."""
    return found.assign(error=np.hypot(found["error"], found["value"] - coarse["value"]))

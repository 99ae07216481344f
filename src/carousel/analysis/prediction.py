"""What a closed form says of a setting's rate of decay, where there is one: the column beside the measurement.

Each law holds in a limit that its setting only approaches: that of mean field for wide networks, that of the gates
for a gate that receives the input alone. The gap between the two columns is what the limit leaves out.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from carousel.analysis.text import as_number
from carousel.analysis.theory import forget, mean_field as mean_field_theory, products, scalar, spectral
from carousel.axes import TASK_DRIVE, UNIT_DRIVE

INPUT_VARIANCE: Mapping[str, Callable[[int, int], float]] = {  # of one weight of W, of H units and D inputs
    "torch": lambda H, D: 1 / (3 * H),
    "glorot": lambda H, D: 2 / (H + D),
    "orthogonal": lambda H, D: 2 / (H + D),
    "identity": lambda H, D: 2 / (H + D),
    "gaussian": lambda H, D: 1 / D,
}
ISOMETRIES = ("orthogonal", "identity", "irnn")  # R is the gain times a matrix that keeps norms
WITHOUT_BIAS = ("gaussian", "orthogonal")  # inits of mean-field theory: R's entries of variance gain^2 / H
WIDE = 4  # units per step
NODES = 32  # of the mean over chrono's units: exact to rounding up to T = 10,000
AGREE = 1e-9  # decades per step: two starting points that end in one rate

Prediction = tuple[str, float]
Row = Any  # of the summary, as DataFrame.itertuples gives it


def predicted(table: pd.DataFrame) -> pd.DataFrame:
    """Return ``law`` ("" where there is none) and ``theory`` (decades per step, NaN likewise) for each row.

    `table`: a summary's columns, and the slice's ``input_size``.
    """
    keys = [
        "cell",
        "init",
        "gain",
        "forget_bias",
        "bias",
        "drive",
        "hidden",
        "length",
        "quantity",
        "input_size",
    ]
    distinct = table[keys].drop_duplicates()
    found = [first(row) for row in distinct.itertuples()]
    laws = distinct.assign(law=[law for law, _ in found], theory=[value for _, value in found])
    return table[keys].merge(laws, on=keys, how="left")[["law", "theory"]].set_axis(table.index)


def first(row: Row) -> Prediction:
    """Return the name and the rate of the first law that applies."""
    found = ((name, law(row)) for name, law in LAWS.items())
    return next(((name, value) for name, value in found if value is not None), ("", np.nan))


def isometry(row: Row) -> float | None:
    """A linear network whose R is the gain times an orthogonal matrix: log10 |gain|."""
    untrained = row.drive != TASK_DRIVE
    if row.cell == "rnn_linear" and row.quantity == "loss_state" and row.init in ISOMETRIES and untrained:
        return float(products.isometry_exponents(1, abs(row.gain))[0])
    return None


def chain(row: Row) -> float | None:
    """The scalar chain without input, where all starting points end in one rate.

    That is the rate of the stable orbits, if they have one. There is none at a critical weight, where the decay is no
    exponential; and none is given for a ReLU of w >= 1 or b = 0, where the starting point decides.
    """
    activation = row.cell.removeprefix("rnn_")
    alone = row.hidden == 1 and row.init == "identity" and row.drive == "0"
    if not (alone and row.quantity == "loss_state" and activation in ("sigmoid", "tanh", "relu")):
        return None
    if activation == "relu" and (row.gain >= 1 or row.gain == -1 or row.bias == 0):
        return None
    rates = [orbit.exponent for orbit in scalar.orbits(activation, row.gain, row.bias) if orbit.stable]
    return rates[0] if rates and (len(set(rates)) == 1 or np.ptp(rates) < AGREE) else None


def resting(row: Row) -> float | None:
    """A gated cell without input whose zero state attracts: log10 of the spectral radius there, R being the identity.

    Where the radius is 1 or more the state leaves zero, unless it starts there exactly, which the table does not say.
    """
    alone = row.quantity == "loss_state" and row.drive == "0" and row.init == "identity" and row.bias == 0
    bias = as_number(row.forget_bias)
    if not (alone and row.cell in WITH_GATES) or np.isnan(bias):
        return None
    radius = spectral.gru_radius if row.cell == "gru" else spectral.lstm_radius
    found = abs(radius(row.gain, bias))
    return float(np.log10(found)) if 0 < found < 1 else None


def gaussian_product(row: Row) -> float | None:
    """A linear network with a Gaussian R of many more units than steps: Newman's first exponent.

    Over so few steps the powers of one matrix grow as the products of independent ones do.
    """
    linear = row.cell == "rnn_linear" and row.init == "gaussian" and row.quantity == "loss_state"
    if linear and row.hidden >= WIDE * row.length:
        return float(products.gaussian_exponents(row.hidden, abs(row.gain))[0])
    return None


def mean_field(row: Row) -> float | None:
    """A vanilla network in the limit of many units: half the log of chi."""
    activation = row.cell.removeprefix("rnn_")
    smooth = row.cell.startswith("rnn_") and activation in ("tanh", "sigmoid", "relu")
    if not (
        smooth
        and row.hidden > 1
        and row.quantity == "loss_state"
        and row.init in WITHOUT_BIAS
        and driven(row)
    ):
        return None
    return float(mean_field_theory.exponent(activation, row.gain, net_variance(row), row.bias))


def forget_gates(row: Row) -> float | None:
    """The product of forget gates that receive a Gaussian input alone; under chrono a mean over the units."""
    if row.quantity not in ("cec", "factor_product") or row.cell not in WITH_GATES or not driven(row):
        return None
    biases, shares = forget_biases(row.forget_bias, row.length)
    rates = [forget.gaussian_gate(float(b), net_variance(row) ** 0.5).mean for b in biases]
    return float(np.dot(shares, rates)) if rates else None


def forget_biases(forget_bias: str, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the units' forget biases and the share of each: one number, or the nodes of Gauss and Legendre.

    Under chrono exp(b) is uniform on [1, T - 1] (Tallec and Ollivier 2018). Empty for any other scheme.
    """
    if forget_bias == "chrono":
        nodes, weights = np.polynomial.legendre.leggauss(NODES)
        longest = max(length - 1, 2)
        b = np.log(longest) * (nodes + 1) / 2
        return b, weights / 2 * np.log(longest) * np.exp(b) / (longest - 1)
    number = as_number(forget_bias)
    return (np.array([]), np.array([])) if np.isnan(number) else (np.array([number]), np.ones(1))


WITH_GATES = ("lstm", "lstm_peephole", "gru")


def driven(row: Row) -> bool:
    """Is the network driven by noise of a known variance?"""
    return net_variance(row) > 0


def net_variance(row: Row) -> float:
    """Return the variance of W x: the drive, or that of a unit input; NaN where it is not known."""
    if row.drive != UNIT_DRIVE or row.init not in INPUT_VARIANCE or np.isnan(row.input_size):
        return as_number(row.drive)
    D = int(row.input_size)
    return D * INPUT_VARIANCE[row.init](row.hidden, D)


LAWS: Mapping[str, Callable[[Row], float | None]] = {
    "isometry": isometry,
    "scalar chain": chain,
    "state at rest": resting,
    "Gaussian product": gaussian_product,
    "mean field": mean_field,
    "forget gates": forget_gates,
}

"""The joint Jacobian of gated cells at zero input, where their state rests at zero.

With the candidate's bias zero, h = c = 0 stays there: the candidate is 0, so no gate's slope enters. Every gate is
constant, sigma of its bias, and each eigenvalue rho of the candidate's block R_z can be looked at alone.

LSTM: dc' = f dc + i rho dh and dh' = o dc', since tanh'(0) = 1. The matrix [[f, i rho], [o f, o i rho]] has rank
one: its eigenvalues are 0 and its trace, f + i o rho. Cells with peepholes agree (they multiply c = 0).

GRU: dh' = u dh + (1 - u) r rho dh, so u + (1 - u) r rho, with the reset gate before or after the product.

Both come from linearising the equations of Greff et al. (2017) and Cho et al. (2014). The radius in units of the
state per step; below 1 the zero state attracts and zero-input gradients decay by log10 of it.
"""

import numpy as np

from carousel.analysis.theory.scalar import Number, Real, sigmoid

Eigenvalues = Real | complex


def lstm_eigenvalues(
    rho: Eigenvalues, forget_bias: Number, input_bias: Number = 0.0, output_bias: Number = 0.0
) -> np.ndarray:
    """Return f + i o rho, the joint Jacobian's eigenvalue for each eigenvalue of R_z; as many more are 0.

    ``forget_bias`` = inf is the cell of 1997, which has f = 1.
    """
    return np.asarray(sigmoid(forget_bias) + sigmoid(input_bias) * sigmoid(output_bias) * np.asarray(rho))


def gru_eigenvalues(rho: Eigenvalues, forget_bias: Number, reset_bias: Number = 0.0) -> np.ndarray:
    """Return u + (1 - u) r rho, where the forget bias opens the update gate u."""
    u = sigmoid(forget_bias)
    return np.asarray(u + (1 - u) * sigmoid(reset_bias) * np.asarray(rho))


def lstm_radius(
    radius: Number, forget_bias: Number, input_bias: Number = 0.0, output_bias: Number = 0.0
) -> float:
    """Return the LSTM's spectral radius, f + i o r, for an R_z that has its spectral radius r as an eigenvalue.

    So have identity and, in the limit of many units, Gaussian and orthogonal matrices of gain r, whose eigenvalues
    fill a disc or a circle. For others it is an upper bound.
    """
    return float(lstm_eigenvalues(radius, forget_bias, input_bias, output_bias))


def gru_radius(radius: Number, forget_bias: Number, reset_bias: Number = 0.0) -> float:
    """Return the GRU's spectral radius, u + (1 - u) r rho, for an R_z as in `lstm_radius`.

    It tends to 1 as the bias grows, from below or above as r rho is below or above 1: no bias makes the zero state
    cross over.
    """
    return float(gru_eigenvalues(radius, forget_bias, reset_bias))


def lstm_critical_bias(radius: Number, input_bias: Number = 0.0, output_bias: Number = 0.0) -> float:
    """Return the forget bias from which on the LSTM's zero state repels: logit(1 - i o r).

    log 3 = 1.0986 for a radius of 1 with the other biases zero; -inf where it repels at every bias.
    """
    rest = max(0.0, 1 - float(sigmoid(input_bias) * sigmoid(output_bias)) * radius)
    with np.errstate(divide="ignore"):
        return float(np.log(rest) - np.log1p(-rest))

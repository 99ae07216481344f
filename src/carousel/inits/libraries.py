"""What the libraries draw by default, for their LSTM, GRU and plain RNN, each init as read in that library's source.

A library's default is its weights and biases together with its forget bias, see `LIBRARY_FORGET_BIAS`.
"""

import numpy as np

from carousel.inits.rows import Rows, orthonormal, uniform

LIBRARY_FORGET_BIAS = {"keras": {"lstm": "1"}}
"""The forget biases other than 0 that a library sets by default, by init and cell.

Keras: unit_forget_bias of keras.layers.LSTM. The GRU's update gate has 0 in all three libraries, PyTorch and Flax
set none in the LSTM either. Flax's MGU has 1, but is another cell than `mgu`: its reset gate is the gate that keeps.
"""
TRUNCATED = 2.0  # standard deviations, at which Flax cuts the Gaussian off,
TRUNCATED_STD = 0.87962566103423978  # and the standard deviation of one that is cut off there


def torch_default(rng: np.random.Generator, H: int, D: int) -> Rows:
    """U(-1/sqrt(H), 1/sqrt(H)) everywhere, in both biases.

    PyTorch 2.13: torch.nn.RNNBase.reset_parameters, which LSTM, GRU and RNN share.
    """
    k = H**-0.5
    return Rows(uniform(rng, k, H, D), uniform(rng, k, H, H), uniform(rng, k, H), uniform(rng, k, H))


def keras(rng: np.random.Generator, H: int, D: int) -> Rows:
    """Glorot's uniform W, R Haar-distributed orthogonal, zero bias: keras.layers.SimpleRNN (Keras 3.15).

    With several gates all are drawn at once: see `keras_gates`.
    """
    return keras_gates(rng, 1, H, D)[0]


def keras_gates(rng: np.random.Generator, gates: int, H: int, D: int) -> list[Rows]:
    """The rows of all gates of a cell, zero bias (but LSTM's forget bias of 1).

    Keras 3.15: build of LSTMCell, GRUCell and SimpleRNNCell in keras.layers. The initializers see the kernels of all
    G gates as one matrix: W is uniform with the variance 2 / (D + G H), and the columns of R, [G H, H], are
    orthonormal, so that one gate's R has entries of variance 1 / (G H) and is not orthogonal. The two biases of
    the GRU (reset_after) are both zero.
    """
    bound = (6 / (D + gates * H)) ** 0.5
    blocks = np.split(orthonormal(rng, gates * H, H), gates)
    return [Rows(uniform(rng, bound, H, D), R, np.zeros(H), np.zeros(H)) for R in blocks]


def flax(rng: np.random.Generator, H: int, D: int) -> Rows:
    """W Gaussian of variance 1 / D, cut off at two standard deviations; R Haar-distributed orthogonal; zero bias.

    Flax 0.12: LSTMCell, OptimizedLSTMCell, GRUCell and SimpleCell in flax.linen, and LSTMCell and SimpleCell in
    flax.nnx: lecun_normal and orthogonal, gate by gate; the variance 1 / D is that after the cut. The
    OptimizedLSTMCell and GRUCell of flax.nnx draw the R of all gates at once, as Keras does; they are not meant here.
    """
    from scipy.special import ndtr, ndtri

    W = ndtri(rng.uniform(ndtr(-TRUNCATED), ndtr(TRUNCATED), (H, D))) / (TRUNCATED_STD * D**0.5)
    return Rows(W, orthonormal(rng, H, H), np.zeros(H), np.zeros(H))

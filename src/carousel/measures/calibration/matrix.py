"""A matrix state: a carousel of H x H numbers, and a normaliser that makes up for what it loses."""

import numpy as np

from carousel.analysis.theory import scalar
from carousel.measures.calibration.ground_truth import Check, Given, GroundTruth, Network, models, network

Known = tuple[Network, list[Check]]
H = 3
READ = np.log10(scalar.sigmoid(0.0) * H)  # an output gate of 1/2, on a covector and a query of length sqrt(H)


def mlstm_held(rng: np.random.Generator) -> Known:
    """h = o C q with n = 0. C has H^2 exponents and n has H; those of h are lost."""
    b, n = models(-2.0, 1.0, 5.0), 20
    step = scalar.log10_sigmoid(b[..., 0])
    shape, exponents = (3, H, 1), H + H * H
    return network("mlstm", n, shape, b={"f": b, "q": 1.0}, state={"C": 0.3}, warm_up=5), [
        Check("cec", "cell", n, n * step),
        Check("factor_product", "formula", n, n * step),
        *(Check("loss_C", path, n, READ + n * step) for path in ("full", "cell", "truncated")),
        Check("loss_h", "full", n, -np.inf),
        Check("jacobian_spec_cc", "full", n, n * step),
        Check("jacobian_fro_cc", "full", n, n * step + np.log10(H)),
        *(Check("lyapunov", "full", k, step) for k in (1, exponents)),
        *(Check("lyapunov", "full", k, -np.inf) for k in (exponents + 1, exponents + H)),
    ]


def mlstm_normalised(rng: np.random.Generator) -> Known:
    """h = o C q / (n . q): both n and C lose f a step, their ratio does not, nor its gradient by the first C."""
    b, size, n = models(-2.0, 1.0, 5.0), 1e30, 20
    product = n * scalar.log10_sigmoid(b[..., 0])
    bias: Given = {"f": b, "q": 1.0, "i": -800.0}
    return network("mlstm", n, (3, H, 1), b=bias, state={"n": size, "C": 0.3}), [
        Check("cec", "cell", n, product),
        Check("loss_C", "full", 1, READ - np.log10(H * size) + product / n - product),
        Check("loss_C", "full", n, READ - np.log10(H * size)),
    ]


SYSTEMS = {
    "mlstm_held": GroundTruth(
        "mLSTMs whose forget gate is held by its bias: each of the H^2 numbers of the carousel loses sigma(b) a step, "
        "and the spectrum counts all of them.",
        "sigma(b)^n",
        mlstm_held,
    ),
    "mlstm_normalised": GroundTruth(
        "mLSTMs with a closed input gate and a normaliser that is at work: the carousel loses sigma(b) a step, the "
        "gradient of what is read by the first C nothing.",
        "o |q| |d h| / |n_0 . q|",
        mlstm_normalised,
    ),
}

"""Linear networks: powers of one matrix, and products of independent ones."""

import numpy as np

from carousel.analysis.theory import products as products_theory
from carousel.measures.calibration.ground_truth import Check, GroundTruth, Network, haar, network

Known = tuple[Network, list[Check]]


def scalar(rng: np.random.Generator) -> Known:
    w, n = 0.25, 3_000
    return network("rnn_linear", n, R={"z": w}, state={"h": 1.0}), [
        Check("loss_state", "full", lag, lag * np.log10(w)) for lag in (1, 100, n)
    ]


def explosion(rng: np.random.Generator) -> Known:
    w, n = -3.0, 700
    return network("rnn_linear", n, R={"z": w}, state={"h": 1.0}), [
        Check("loss_state", "full", lag, lag * np.log10(-w)) for lag in (1, n)
    ]


def orthogonal(rng: np.random.Generator) -> Known:
    H, R = 8, haar(rng, 3, 8)
    fro, spec = products_theory.isometry_norms(H, 1.0, 40)
    return network("rnn_linear", 40, (3, H, 2), R={"z": R}, covector=H**-0.5, warm_up=10), [
        Check("loss_state", "full", 40, 0.0),
        Check("jacobian_fro", "full", 40, fro),
        Check("jacobian_spec", "full", 40, spec),
        *(Check("lyapunov", "full", k, 0.0) for k in (1, H)),
    ]


def identity(rng: np.random.Generator) -> Known:
    H, gain = 8, 0.9
    fro, spec = products_theory.isometry_norms(H, gain, 40)
    return network("rnn_linear", 40, (1, H, 1), R={"z": gain * np.eye(H)}, covector=H**-0.5), [
        Check("loss_state", "full", 40, spec),
        Check("weights", "full", 40, spec),
        Check("slopes", "full", 40, 0.0),
        Check("jacobian_fro", "full", 40, fro),
        Check("jacobian_spec", "full", 40, spec),
    ]


def rotation(rng: np.random.Generator) -> Known:
    r, angle = 1.1, 1.0
    R = r * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    covector = np.array([[1.0], [0.0]])
    return network("rnn_linear", 60, (1, 2, 1), R={"z": R}, covector=covector, warm_up=5), [
        Check("loss_state", "full", 60, 60 * np.log10(r)),
        *(Check("lyapunov", "full", k, np.log10(r)) for k in (1, 2)),
    ]


def triangular(rng: np.random.Generator) -> Known:
    diagonal = np.array([2.0, 0.9, 0.4, -0.15])
    R = np.tril(rng.standard_normal((3, 4, 4)), -1) + np.diag(diagonal)
    total = np.log10(abs(np.prod(diagonal)))
    return network("rnn_linear", 112, (3, 4, 1), R={"z": R}, warm_up=40), [
        *(Check("lyapunov", "full", k, np.log10(abs(diagonal[k - 1]))) for k in (1, 2, 3, 4)),
        Check("lyapunov_sum", "full", 0, total),
        Check("log_det", "full", 0, total),
    ]


def jordan(rng: np.random.Generator) -> Known:
    """J^n = l^n [[1, n / l], [0, 1]]; with a = n / l its largest singular value is l^n (a + sqrt(a^2 + 4)) / 2."""
    value = 0.9
    checks = []
    for n in (10, 120):
        grown = n * np.log10(value)
        a = 10 ** (float(products_theory.jordan_entry(value, n, 1)) - grown)
        checks += [
            Check("loss_state", "full", n, grown + np.log10(np.hypot(1, a))),
            Check("jacobian_fro", "full", n, grown + np.log10(2 + a**2) / 2),
            Check("jacobian_spec", "full", n, grown + np.log10((a + np.hypot(a, 2)) / 2)),
        ]
    R = np.array([[value, 1.0], [0.0, value]])
    covector = np.array([[1.0], [0.0]])
    return network("rnn_linear", 120, (1, 2, 1), R={"z": R}, covector=covector), checks


def products(rng: np.random.Generator) -> Known:
    """R sends each group of units on to the next by a matrix of its own: every step back multiplies by a new one."""
    size, steps, M, gain = 4, 8, 400, 1.2
    H = size * (steps + 1)
    R = np.zeros((M, H, H))
    for k in range(steps):
        here, after = slice(k * size, (k + 1) * size), slice((k + 1) * size, (k + 2) * size)
        R[:, after, here] = gain * rng.standard_normal((M, size, size)) / size**0.5
    covector = np.arange(H)[:, None] == H - 1
    rate = products_theory.gaussian_exponents(size, gain)[0]
    return network("rnn_linear", steps, (M, H, 1), R={"z": R}, covector=covector), [
        Check("loss_state", "full", lag, lag * rate, statistical=True) for lag in (1, steps)
    ]


def estimate(rng: np.random.Generator) -> Known:
    H, gain, lag = 260, 0.9, 5
    fro, _ = products_theory.isometry_norms(H, gain, lag)
    return network("rnn_linear", lag, (20, H, 1), R={"z": gain * np.eye(H)}, covector=H**-0.5), [
        Check("jacobian_fro", "full", lag, fro, statistical=True)
    ]


def entry(rng: np.random.Generator) -> Known:
    w, w_in = 0.8, 0.5
    checks = [
        Check(quantity, "full", lag, np.log10(w_in) + (lag - 1) * np.log10(w))
        for quantity in ("loss_x", "jacobian_fro_x", "jacobian_spec_x")
        for lag in (1, 2, 40)
    ]
    return network("rnn_linear", 40, R={"z": w}, W={"z": w_in}), checks


SYSTEMS = {
    "linear_scalar": GroundTruth(
        "A linear chain h = 0.25 h over ten thousand steps: 10^-6021, where float64 ends at 10^-324.",
        "w^n",
        scalar,
    ),
    "linear_explosion": GroundTruth(
        "A linear chain h = -3 h: a gradient of 10^334, and a state that leaves the range of float64 on the way.",
        "w^n",
        explosion,
    ),
    "linear_orthogonal": GroundTruth(
        "Linear networks with random orthogonal R: no gradient, norm or exponent changes.", "0", orthogonal
    ),
    "linear_identity": GroundTruth(
        "A linear network with R = 0.9 I: norms g^n and sqrt(H) g^n, all of it by the weights.",
        "g^n, sqrt(H) g^n",
        identity,
    ),
    "linear_rotation": GroundTruth(
        "A rotation by one radian times 1.1, whose eigenvalues are complex: both exponents are log 1.1.",
        "r^n",
        rotation,
    ),
    "linear_spectrum": GroundTruth(
        "Triangular matrices that are far from normal: the exponents are the diagonal, largest first.",
        "log |R_kk| (eigenvalues of a triangular matrix)",
        triangular,
    ),
    "linear_jordan": GroundTruth(
        "A Jordan block with eigenvalue 0.9: norms first grow and are 0.9^n only in the end.",
        "n l^(n-1) (Horn and Johnson 2013, section 3.2)",
        jordan,
    ),
    "gaussian_products": GroundTruth(
        "Products of eight independent Gaussian 4 x 4 matrices of gain 1.2: the mean log of a vector's growth.",
        "(log 2 + psi(H / 2)) / 2 (Newman 1986)",
        products,
    ),
    "jacobian_estimate": GroundTruth(
        "A Jacobian of 260 units, 0.9^n I, whose norm is estimated from random vectors.",
        "sqrt(H) g^n",
        estimate,
    ),
    "input_gradient": GroundTruth(
        "A linear chain with an input: the gradient by the input k steps before the end is w_in w^(k-1).",
        "w_in w^(k-1)",
        entry,
    ),
}

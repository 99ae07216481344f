"""Cells whose carousel has parameters of its own: selective recurrences, held or driven by noise, and oscillators."""

import numpy as np

from carousel.analysis.theory import forget, scalar
from carousel.measures.calibration.ground_truth import Check, GroundTruth, Network, models, network

Known = tuple[Network, list[Check]]


def mamba_held(rng: np.random.Generator) -> Known:
    """A step's Jacobian in the order h, c is (o, 1)' (0, f)."""
    A, bias, o, n = models(0.5, 1.0, 4.0), 0.3, 0.5, 20
    rate = A[..., 0] * scalar.log10_sigmoid(bias)
    b, p = {"f": bias, "o": o}, {"log_A": np.log(A)}
    return network("mamba", n, (3, 1, 1), b=b, p=p, state={"c": 0.3}, warm_up=5), [
        Check("cec", "cell", n, n * rate),
        Check("factor_product", "formula", n, n * rate),
        *(Check("loss_c", path, n, np.log10(o) + n * rate) for path in ("full", "candidate", "truncated")),
        Check("loss_h", "full", n, -np.inf),
        Check("loss_state", "gates", n, -np.inf),
        Check("jacobian_spec_cc", "full", n, n * rate),
        Check("jacobian_fro", "full", n, np.log10(np.hypot(o, 1)) + n * rate),
        Check("lyapunov", "full", 1, rate),
        Check("lyapunov", "full", 2, -np.inf),
    ]


def mamba_noisy_step(rng: np.random.Generator) -> Known:
    M, B, n, bias, s, A = 100, 24, 50, 0.5, 1.5, 3.0
    rate = A * forget.gaussian_gate(bias, s).mean
    xs = rng.standard_normal((n, M, 1, B))
    b, p = {"f": bias, "o": 1.0}, {"log_A": np.log(A)}
    return network("mamba", n, (M, 1, B), b=b, W={"f": s}, p=p, xs=xs), [
        Check("cec", "cell", n, n * rate, statistical=True),
        Check("loss_c", "full", n, n * rate, statistical=True),
    ]


def rglru_held(rng: np.random.Generator) -> Known:
    b, Lambda, n = models(-2.0, 1.0, 5.0), 1.5, 20
    rate = 8 * scalar.sigmoid(-b[..., 0]) * scalar.log10_sigmoid(Lambda)
    return network("rglru", n, (3, 1, 1), b={"f": b}, p={"Lambda": Lambda}, state={"h": 0.4}, warm_up=5), [
        Check("cec", "cell", n, n * rate),
        Check("factor_product", "formula", n, n * rate),
        *(Check("loss_h", path, n, n * rate) for path in ("full", "candidate", "cell")),
        Check("loss_state", "gates", n, -np.inf),
        Check("jacobian_spec", "full", n, n * rate),
        Check("lyapunov", "full", 1, rate),
    ]


def cornn_rest(rng: np.random.Generator) -> Known:
    """At rest tanh is linear: R adds to the spring and to the damping, and a step is a kick and then a drift."""
    dt, gamma, eps, n = 0.042, 2.7, 4.7, 20
    spring, damping = -60.0, 1.3
    free, whole = (
        np.array([[1, dt], [0, 1]]) @ np.array([[1, 0], [dt * (w - gamma), 1 + dt * (u - eps)]])
        for w, u in ((0.0, 0.0), (spring, damping))
    )
    alone, both = (np.linalg.matrix_power(J, n) for J in (free, whole))
    slower = np.log10(abs(np.linalg.eigvals(free)).max())
    swinging = np.log10(abs(np.linalg.eigvals(whole)).max())
    return network("cornn", n, R={"z": np.array([[[spring, damping]]])}, warm_up=5), [
        *(Check("loss_state", path, n, np.log10(np.hypot(*both[0]))) for path in ("full", "candidate")),
        Check("loss_h", "full", n, np.log10(abs(both[0, 0]))),
        Check("loss_state", "cell", n, np.log10(np.hypot(*alone[0]))),
        Check("loss_h", "truncated", n, np.log10(abs(alone[0, 0]))),
        Check("loss_state", "gates", n, -np.inf),
        Check("cec", "cell", n, np.log10(abs(alone[1, 1]))),
        Check("factor_product", "formula", n, n * slower),
        Check("jacobian_spec", "full", n, np.log10(np.linalg.norm(both, 2))),
        Check("jacobian_fro", "full", n, np.log10(np.linalg.norm(both))),
        Check("lyapunov_sum", "full", 0, 2 * swinging),
        Check("log_det", "full", 0, 2 * swinging),
    ]


SYSTEMS = {
    "mamba_held": GroundTruth(
        "Mamba's recurrence with A = 0.5, 1 and 4 and a constant step size: a factor sigma(b)^A per step, on every "
        "path.",
        "exp(-n A softplus(-b))",
        mamba_held,
    ),
    "mamba_noisy_step": GroundTruth(
        "Mamba's recurrence with A = 3 whose step size sees nothing but white Gaussian noise around its bias.",
        "A E[log sigma(b + s z)] by quadrature",
        mamba_noisy_step,
    ),
    "rglru_held": GroundTruth(
        "RG-LRUs without weights and with forget bias -2, 1 and 5: a step keeps a^(8 sigma(-b)).",
        "a^(8 n sigma(-b))",
        rglru_held,
    ),
    "cornn_rest": GroundTruth(
        "An oscillator at rest whose position and velocity are fed back: it swings with these weights and creeps "
        "without.",
        "powers of the 2 x 2 matrix of a kick and a drift",
        cornn_rest,
    ),
}

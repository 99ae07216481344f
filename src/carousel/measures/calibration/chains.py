"""Scalar chains h = phi(w h + b) and a wide driven network: saturating units and ReLUs."""

import numpy as np

from carousel.analysis.theory import mean_field as mean_field_theory, scalar
from carousel.measures.calibration.ground_truth import Check, GroundTruth, Network, network

Known = tuple[Network, list[Check]]


def chain(activation: str, w: float, b: float, h0: float, steps: int) -> Network:
    return network(f"rnn_{activation}", steps, R={"z": w}, b={"z": b}, state={"h": h0})


def sigmoid_point(rng: np.random.Generator) -> Known:
    w, b, n = -4.0, 1.0, 100
    (orbit,) = scalar.orbits("sigmoid", w, b)
    slope = orbit.exponent - np.log10(-w)
    return chain("sigmoid", w, b, orbit.states[0], n), [
        Check("loss_h", "full", n, n * orbit.exponent),
        Check("weights", "full", n, n * np.log10(-w)),
        Check("slopes", "full", n, n * slope),
        Check("factor_product", "formula", n, n * slope),
        Check("lyapunov", "full", 1, orbit.exponent),
    ]


def tanh_point(rng: np.random.Generator) -> Known:
    orbit = scalar.orbits("tanh", 2.0, 0.0)[-1]
    return chain("tanh", 2.0, 0.0, orbit.states[0], 100), [
        Check("loss_h", "full", n, n * orbit.exponent) for n in (1, 100)
    ]


def sigmoid_cycle(rng: np.random.Generator) -> Known:
    *_, orbit = scalar.orbits("sigmoid", -12.0, 0.0)
    return chain("sigmoid", -12.0, 0.0, orbit.states[0], 100), [
        Check("loss_h", "full", 100, 100 * orbit.exponent),
        Check("lyapunov", "full", 1, orbit.exponent),
    ]


def critical(rng: np.random.Generator) -> Known:
    n = 300
    return chain("tanh", 1.0, 0.0, 0.5, n), [
        Check("loss_h", "full", n, scalar.log10_derivative("tanh", 1.0, 0.0, 0.5, n))
    ]


def dead_relu(rng: np.random.Generator) -> Known:
    """Two units without weights between them: one is alive with w = 0.5, the other is pushed below zero."""
    R, b = np.diag([0.5, 0.7]), np.array([[1.0], [-2.0]])
    alone = np.array([[0.0], [1.0]])
    both = np.array([alone, np.ones((2, 1))])
    n = 50
    alive = np.array([[-np.inf], [n * np.log10(0.5)]])
    return (
        network("rnn_relu", n, (2, 2, 1), R={"z": R}, b={"z": b}, state={"h": 0.3}, covector=both, warm_up=5),
        [
            Check("loss_h", "full", n, alive),
            Check("jacobian_spec", "full", n, n * np.log10(0.5)),
            Check("lyapunov", "full", 1, np.log10(0.5)),
            Check("lyapunov", "full", 2, -np.inf),
        ],
    )


def mean_field(rng: np.random.Generator) -> Known:
    M, H, lag, gain, noise = 16, 128, 20, 1.2, 0.7
    R, W = rng.standard_normal((2, M, H, H)) / H**0.5
    xs = noise * rng.standard_normal((30, M, H, 1))
    rate = mean_field_theory.exponent("tanh", gain, noise**2)
    return network("rnn_tanh", 30, (M, H, 1), R={"z": gain * R}, W={"z": W}, xs=xs, covector=H**-0.5), [
        Check("loss_h", "full", lag, lag * rate, True, lag * 0.5 / H / scalar.LN10)
    ]


SYSTEMS = {
    "sigmoid_fixed_point": GroundTruth(
        "A sigmoid chain with w = -4, b = 1 at its fixed point: every step multiplies by w sigma'(w h + b).",
        "multiplier of the fixed point",
        sigmoid_point,
    ),
    "tanh_fixed_point": GroundTruth(
        "A bistable tanh chain, w = 2, at a stable point that is not zero.",
        "multiplier of the fixed point",
        tanh_point,
    ),
    "sigmoid_cycle": GroundTruth(
        "A sigmoid chain with w = -12, beyond the flip at -5.87, on its cycle of two.",
        "mean log multiplier of the cycle (Strogatz 2015, section 10.5)",
        sigmoid_cycle,
    ),
    "tanh_critical": GroundTruth(
        "A tanh chain with w = 1: no rate at all, a gradient that falls as n^(-3/2).",
        "product of slopes on the way to zero",
        critical,
    ),
    "relu_dead": GroundTruth(
        "A dead ReLU beside one that is alive: the gradient of the one is exactly zero, that of the other 0.5^n.",
        "0 and w^n",
        dead_relu,
    ),
    "mean_field_tanh": GroundTruth(
        "Sixteen tanh networks of 128 units at gain 1.2, driven by white noise. The closed form is that of infinite "
        "width; its error allows for 1 / (2 H) nats a step.",
        "0.5 log chi (Molgedey et al. 1992)",
        mean_field,
    ),
}

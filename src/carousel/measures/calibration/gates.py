"""Gated cells: gates held by their biases, driven by noise, closed by a pulse; and systems whose paths differ."""

import numpy as np

from carousel.analysis.theory import forget, scalar, spectral
from carousel.measures.calibration.ground_truth import Check, GroundTruth, Network, models, network

Known = tuple[Network, list[Check]]
HALF = float(np.log10(0.5))  # of a gate whose bias is zero


def lstm_held(rng: np.random.Generator) -> Known:
    b, n = models(-2.0, 1.0, 5.0), 20
    product = n * scalar.log10_sigmoid(b[..., 0])
    return network("lstm", n, (3, 1, 1), b={"f": b}, state={"h": 0.3}), [
        Check("cec", "cell", n, product),
        Check("factor_product", "formula", n, product),
        Check("loss_c", "full", n, HALF + product),
        Check("loss_c", "truncated", n, HALF + product),
        Check("loss_h", "full", n, -np.inf),
        Check("jacobian_spec_cc", "full", n, product),
    ]


def lstm97_held(rng: np.random.Generator) -> Known:
    c, n = 0.7, 20
    entered = HALF + 2 * np.log10(1 / np.cosh(c))
    return network("lstm97", n, state={"c": c}), [
        Check("cec", "cell", n, 0.0),
        Check("loss_c", "full", n, entered),
        Check("jacobian_spec_cc", "full", n, 0.0),
    ]


def gru_held(rng: np.random.Generator) -> Known:
    b, n = models(-2.0, 1.0, 5.0), 20
    product = n * scalar.log10_sigmoid(b[..., 0])
    return network("gru", n, (3, 1, 1), b={"u": b}, state={"h": 0.4}), [
        Check("cec", "cell", n, product),
        Check("loss_h", "full", n, product),
        Check("lyapunov", "full", 1, product / n),
    ]


def chrono(rng: np.random.Generator) -> Known:
    M, H, n, length = 300, 64, 10, 100
    u = rng.uniform(1, length - 1, (M, H, 1))
    return network("lstm", n, (M, H, 1), b={"f": np.log(u), "i": -np.log(u)}), [
        Check("cec", "cell", n, n * forget.chrono_gate(u[..., 0])),
        Check("cec", "cell", n, n * forget.chrono_rate(length), statistical=True),
    ]


def noisy_gate(rng: np.random.Generator) -> Known:
    M, B, n, bias, s = 100, 24, 50, 0.5, 1.5
    rate = forget.gaussian_gate(bias, s).mean
    xs = rng.standard_normal((n, M, 1, B))
    return network("lstm", n, (M, 1, B), b={"f": bias}, W={"f": s}, xs=xs), [
        Check("cec", "cell", n, n * rate, statistical=True),
        Check("loss_c", "full", n, HALF + n * rate, statistical=True),
    ]


def pulse(rng: np.random.Generator) -> Known:
    """The forget gate is closed in the seventh step before the end: the product contains that step from lag 7 on."""
    steps, at = 20, 7
    xs = np.zeros((steps, 1, 1, 1))
    xs[steps - at] = 1.0
    open_, closed = scalar.log10_sigmoid(2.0), scalar.log10_sigmoid(-3.0)
    checks = []
    for lag in (at - 1, at, at + 1):
        product = lag * open_ + (lag >= at) * (closed - open_)
        checks += [
            Check("cec", "cell", lag, product),
            Check("loss_c", "full", lag, HALF + product),
            Check("jacobian_fro_cc", "full", lag, product),
        ]
    return network("lstm", steps, b={"f": 2.0}, W={"f": -5.0}, xs=xs), checks


def lstm_rest(rng: np.random.Generator) -> Known:
    """At rest a step's Jacobian in the order h, c is (o, 1)' (i rho, f): its n-th power is l^(n-1) times it."""
    rho, n = models(1.0, -2.0, 4.0), 20
    bias = {"f": 0.5, "i": 0.2, "o": -0.3}
    f, i, o = (scalar.sigmoid(bias[gate]) for gate in "fio")
    value = spectral.lstm_eigenvalues(rho[..., 0], bias["f"], bias["i"], bias["o"])
    rest, back = (n - 1) * np.log10(abs(value)), i * rho[..., 0]
    whole = rest + np.log10(np.hypot(o, 1) * np.hypot(back, f))
    return network("lstm", n, (3, 1, 1), R={"z": rho}, b=bias, warm_up=5), [
        *(Check("loss_h", path, n, rest + np.log10(abs(o * back))) for path in ("full", "candidate")),
        *(Check("loss_c", path, n, rest + np.log10(o * f)) for path in ("full", "candidate")),
        Check("loss_h", "cell", n, -np.inf),
        Check("loss_c", "cell", n, np.log10(o) + n * np.log10(f)),
        Check("loss_state", "gates", n, -np.inf),
        Check("jacobian_spec", "full", n, whole),
        Check("jacobian_fro_hh", "full", n, rest + np.log10(abs(o * back))),
        Check("jacobian_fro_cc", "full", n, rest + np.log10(f)),
        Check("lyapunov", "full", 1, np.log10(abs(value))),
        Check("lyapunov", "full", 2, -np.inf),
    ]


def gru_rest(rng: np.random.Generator) -> Known:
    rho, n = models(1.0, -3.0, 4.0), 20
    value = spectral.gru_eigenvalues(rho[..., 0], 0.5, -0.3)
    update = scalar.log10_sigmoid(0.5)
    return network("gru", n, (3, 1, 1), R={"z": rho}, b={"u": 0.5, "r": -0.3}), [
        *(Check("loss_h", path, n, n * np.log10(abs(value))) for path in ("full", "candidate")),
        Check("loss_h", "cell", n, n * update),
        Check("jacobian_fro", "full", n, n * np.log10(abs(value))),
    ]


def output_gate(rng: np.random.Generator) -> Known:
    """c rests at c*, h at o tanh(c*). A step's Jacobian is [[m, o s f], [0, f]] in the order h, c."""
    c, net, r, n = 0.8, 0.4, 6.0, 30
    f, o, squashed, s = scalar.sigmoid(2.0), scalar.sigmoid(net), np.tanh(c), 1 / np.cosh(c) ** 2
    m = r * squashed * o * (1 - o)
    biases = {"f": 2.0, "z": np.arctanh(2 * c * (1 - f)), "o": net - r * o * squashed}
    both, alone = (m**n - f**n) / (m - f), f ** (n - 1)
    entered = np.log10(o * s * f)
    state = {"h": o * squashed, "c": c}
    return network("lstm", n, R={"o": r}, b=biases, state=state), [
        Check("loss_h", "full", n, n * np.log10(m)),
        Check("loss_c", "full", n, entered + np.log10(both)),
        Check("loss_h", "gates", n, n * np.log10(m)),
        Check("loss_c", "gates", n, entered + np.log10(both - alone)),
        Check("loss_h", "candidate", n, -np.inf),
        Check("loss_c", "candidate", n, entered + np.log10(alone)),
        Check("loss_c", "cell", n, entered + np.log10(alone)),
    ]


SYSTEMS = {
    "lstm_held": GroundTruth(
        "LSTMs without weights and with forget bias -2, 1 and 5: the carousel loses sigma(b) a step.",
        "sigma(b)^n",
        lstm_held,
    ),
    "lstm97_held": GroundTruth(
        "The cell of 1997 without weights: what has entered the carousel stays.", "1", lstm97_held
    ),
    "gru_held": GroundTruth("GRUs without weights and with forget bias -2, 1 and 5.", "sigma(b)^n", gru_held),
    "lstm_chrono": GroundTruth(
        "LSTMs whose biases chrono drew for T = 100: unit by unit, and the mean over units.",
        "u / (1 + u); ((T - 1) log(T - 1) - T log T + 2 log 2) / (T - 2) (Tallec and Ollivier 2018)",
        chrono,
    ),
    "lstm_noisy_gate": GroundTruth(
        "LSTMs whose forget gate sees nothing but white Gaussian noise around its bias.",
        "E[log sigma(b + s z)] by quadrature",
        noisy_gate,
    ),
    "lstm_pulse": GroundTruth(
        "An LSTM whose forget gate is closed by a pulse in the seventh step before the end: lags are counted right.",
        "sigma(2)^(n-1) sigma(-3) from lag 7 on",
        pulse,
    ),
    "lstm_rest": GroundTruth(
        "LSTMs at rest whose candidate alone has recurrent weights: one eigenvalue, f + i o rho, for all paths but the "
        "carousel's.",
        "zero-input Jacobian (theory.spectral)",
        lstm_rest,
    ),
    "gru_rest": GroundTruth(
        "GRUs at rest whose candidate alone has recurrent weights: u + (1 - u) r rho.",
        "zero-input Jacobian (theory.spectral)",
        gru_rest,
    ),
    "lstm_output_gate": GroundTruth(
        "An LSTM whose output gate alone has recurrent weights: candidate and gates are two different sums.",
        "powers of a triangular 2 x 2 matrix",
        output_gate,
    ),
}

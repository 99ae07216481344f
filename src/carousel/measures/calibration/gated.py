"""Gated cells: gates held by their biases, driven by noise, shut by a pulse; and paths told apart."""

import numpy as np

from carousel.analysis.theory import forget, scalar, spectral
from carousel.measures.calibration.system import Planted, Reading, System, models, planted

Plan = tuple[Planted, list[Reading]]
HALF = float(np.log10(0.5))  # of a gate whose bias is zero


def lstm_held(rng: np.random.Generator) -> Plan:
    b, n = models(-2.0, 1.0, 5.0), 20
    product = n * scalar.log10_sigmoid(b[..., 0])
    return planted("lstm", n, (3, 1, 1), b={"f": b}, state={"h": 0.3}), [
        Reading("cec", "cell", n, product),
        Reading("factor_product", "formula", n, product),
        Reading("loss_c", "full", n, HALF + product),
        Reading("loss_c", "truncated", n, HALF + product),
        Reading("loss_h", "full", n, -np.inf),
        Reading("jacobian_spec_cc", "full", n, product),
    ]


def lstm97_held(rng: np.random.Generator) -> Plan:
    c, n = 0.7, 20
    entered = HALF + 2 * np.log10(1 / np.cosh(c))
    return planted("lstm97", n, state={"c": c}), [
        Reading("cec", "cell", n, 0.0),
        Reading("loss_c", "full", n, entered),
        Reading("jacobian_spec_cc", "full", n, 0.0),
    ]


def gru_held(rng: np.random.Generator) -> Plan:
    b, n = models(-2.0, 1.0, 5.0), 20
    product = n * scalar.log10_sigmoid(b[..., 0])
    return planted("gru", n, (3, 1, 1), b={"u": b}, state={"h": 0.4}), [
        Reading("cec", "cell", n, product),
        Reading("loss_h", "full", n, product),
        Reading("lyapunov", "full", 1, product / n),
    ]


def chrono(rng: np.random.Generator) -> Plan:
    M, H, n, length = 300, 64, 10, 100
    u = rng.uniform(1, length - 1, (M, H, 1))
    return planted("lstm", n, (M, H, 1), b={"f": np.log(u), "i": -np.log(u)}), [
        Reading("cec", "cell", n, n * forget.chrono_gate(u[..., 0])),
        Reading("cec", "cell", n, n * forget.chrono_rate(length), statistical=True),
    ]


def noisy_gate(rng: np.random.Generator) -> Plan:
    M, B, n, bias, s = 100, 24, 50, 0.5, 1.5
    rate = forget.gaussian_gate(bias, s).mean
    xs = rng.standard_normal((n, M, 1, B))
    return planted("lstm", n, (M, 1, B), b={"f": bias}, W={"f": s}, xs=xs), [
        Reading("cec", "cell", n, n * rate, statistical=True),
        Reading("loss_c", "full", n, HALF + n * rate, statistical=True),
    ]


def pulse(rng: np.random.Generator) -> Plan:
    """The seventh step before the end has a shut gate: the product meets it at lag 7, not before."""
    steps, at = 20, 7
    xs = np.zeros((steps, 1, 1, 1))
    xs[steps - at] = 1.0
    open_, shut = scalar.log10_sigmoid(2.0), scalar.log10_sigmoid(-3.0)
    readings = []
    for lag in (at - 1, at, at + 1):
        product = lag * open_ + (lag >= at) * (shut - open_)
        readings += [
            Reading("cec", "cell", lag, product),
            Reading("loss_c", "full", lag, HALF + product),
            Reading("jacobian_fro_cc", "full", lag, product),
        ]
    return planted("lstm", steps, b={"f": 2.0}, W={"f": -5.0}, xs=xs), readings


def lstm_rest(rng: np.random.Generator) -> Plan:
    """At rest a step's Jacobian in the order h, c is (o, 1)' (i rho, f): its n-th power is l^(n-1) times it."""
    rho, n = models(1.0, -2.0, 4.0), 20
    bias = {"f": 0.5, "i": 0.2, "o": -0.3}
    f, i, o = (scalar.sigmoid(bias[gate]) for gate in "fio")
    value = spectral.lstm_eigenvalues(rho[..., 0], bias["f"], bias["i"], bias["o"])
    rest, back = (n - 1) * np.log10(abs(value)), i * rho[..., 0]
    whole = rest + np.log10(np.hypot(o, 1) * np.hypot(back, f))
    return planted("lstm", n, (3, 1, 1), R={"z": rho}, b=bias, warm_up=5), [
        *(Reading("loss_h", path, n, rest + np.log10(abs(o * back))) for path in ("full", "candidate")),
        *(Reading("loss_c", path, n, rest + np.log10(o * f)) for path in ("full", "candidate")),
        Reading("loss_h", "cell", n, -np.inf),
        Reading("loss_c", "cell", n, np.log10(o) + n * np.log10(f)),
        Reading("loss_state", "gates", n, -np.inf),
        Reading("jacobian_spec", "full", n, whole),
        Reading("jacobian_fro_hh", "full", n, rest + np.log10(abs(o * back))),
        Reading("jacobian_fro_cc", "full", n, rest + np.log10(f)),
        Reading("lyapunov", "full", 1, np.log10(abs(value))),
        Reading("lyapunov", "full", 2, -np.inf),
    ]


def gru_rest(rng: np.random.Generator) -> Plan:
    rho, n = models(1.0, -3.0, 4.0), 20
    value = spectral.gru_eigenvalues(rho[..., 0], 0.5, -0.3)
    kept = scalar.log10_sigmoid(0.5)
    return planted("gru", n, (3, 1, 1), R={"z": rho}, b={"u": 0.5, "r": -0.3}), [
        *(Reading("loss_h", path, n, n * np.log10(abs(value))) for path in ("full", "candidate")),
        Reading("loss_h", "cell", n, n * kept),
        Reading("jacobian_fro", "full", n, n * np.log10(abs(value))),
    ]


def output_gate(rng: np.random.Generator) -> Plan:
    """c rests at c*, h at o tanh(c*). A step's Jacobian is [[m, o s f], [0, f]] in the order h, c."""
    c, net, r, n = 0.8, 0.4, 6.0, 30
    f, o, squashed, s = scalar.sigmoid(2.0), scalar.sigmoid(net), np.tanh(c), 1 / np.cosh(c) ** 2
    m = r * squashed * o * (1 - o)
    biases = {"f": 2.0, "z": np.arctanh(2 * c * (1 - f)), "o": net - r * o * squashed}
    both, alone = (m**n - f**n) / (m - f), f ** (n - 1)
    entered = np.log10(o * s * f)
    state = {"h": o * squashed, "c": c}
    return planted("lstm", n, R={"o": r}, b=biases, state=state), [
        Reading("loss_h", "full", n, n * np.log10(m)),
        Reading("loss_c", "full", n, entered + np.log10(both)),
        Reading("loss_h", "gates", n, n * np.log10(m)),
        Reading("loss_c", "gates", n, entered + np.log10(both - alone)),
        Reading("loss_h", "candidate", n, -np.inf),
        Reading("loss_c", "candidate", n, entered + np.log10(alone)),
        Reading("loss_c", "cell", n, entered + np.log10(alone)),
    ]


SYSTEMS = {
    "lstm_held": System(
        "LSTMs without weights and with forget bias -2, 1 and 5: the carousel loses sigma(b) a step.",
        "sigma(b)^n",
        lstm_held,
    ),
    "lstm97_held": System(
        "The cell of 1997 without weights: what has entered the carousel stays.", "1", lstm97_held
    ),
    "gru_held": System("GRUs without weights and with forget bias -2, 1 and 5.", "sigma(b)^n", gru_held),
    "lstm_chrono": System(
        "LSTMs whose biases chrono drew for T = 100: unit by unit, and the mean over units.",
        "u / (1 + u); ((T - 1) log(T - 1) - T log T + 2 log 2) / (T - 2) (Tallec and Ollivier 2018)",
        chrono,
    ),
    "lstm_noisy_gate": System(
        "LSTMs whose forget gate sees nothing but white Gaussian noise around its bias.",
        "E[log sigma(b + s z)] by quadrature",
        noisy_gate,
    ),
    "lstm_pulse": System(
        "An LSTM whose forget gate is shut by a pulse in the seventh step before the end: lags are counted right.",
        "sigma(2)^(n-1) sigma(-3) from lag 7 on",
        pulse,
    ),
    "lstm_rest": System(
        "LSTMs at rest whose candidate hears h: one eigenvalue, f + i o rho, for all paths but the carousel's.",
        "zero-input Jacobian (theory.spectral)",
        lstm_rest,
    ),
    "gru_rest": System(
        "GRUs at rest whose candidate hears h: u + (1 - u) r rho.",
        "zero-input Jacobian (theory.spectral)",
        gru_rest,
    ),
    "lstm_output_gate": System(
        "An LSTM whose output gate alone hears h: candidate and gates are two different sums.",
        "powers of a triangular 2 x 2 matrix",
        output_gate,
    ),
}

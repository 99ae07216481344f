"""The linear recurrent unit (Orvieto et al. 2023, section 3): a complex number per unit, rotated and shrunk every step.

    lambda  = exp(-exp(nu) + i exp(theta)),  gamma = sqrt(1 - |lambda|^2)
    h_t + i s_t = lambda * (h_{t-1} + i s_{t-1}) + gamma * (z_t + i y_t)
    z_t = W_z x_t + b_z,  y_t = W_y x_t + b_y        real and imaginary part of B x_t

h is the real part and s the imaginary one. There is no R and no gate: the gradient of (h, s) over k steps is
|lambda|^k times a rotation by k exp(theta), unit by unit, whatever the input. The quantity ``cec`` is the imaginary
part's own share of it, |lambda|^k |cos(k exp(theta))|.

A readout sees h alone, where the paper's is Re(C (h + i s)) with complex C. One output loses nothing by that: what
the phase of an entry of C does to the state, the phase of the unit's row of B does as well, since a complex factor
commutes with lambda. Several outputs share that phase here; the paper's need not.

The paper trains gamma as a parameter of its own that starts from this value; here it follows lambda, so that the
variance of the state stays that of its input. b is not in the paper.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from carousel.axes import Nets, PerUnit, State, Units
from carousel.cells.cell import Adjoints, Cell, Ops, Pointwise, Saved

R_MIN, R_MAX, MAX_PHASE = (
    0.0,
    1.0,
    6.28,
)  # lambda uniform on this ring: the defaults of the paper's appendix A


def draw_nu(rng: np.random.Generator, H: int) -> Float[np.ndarray, " H"]:
    """log(-log |lambda|) for |lambda|^2 uniform on [R_MIN^2, R_MAX^2] (lemma 3.2)."""
    return np.log(-0.5 * np.log(rng.uniform(R_MIN**2, R_MAX**2, H)))


def draw_theta(rng: np.random.Generator, H: int) -> Float[np.ndarray, " H"]:
    """The log of a phase uniform on [0, MAX_PHASE] (lemma 3.2)."""
    return np.log(rng.uniform(0, MAX_PHASE, H))


class Eigenvalue(NamedTuple):
    """lambda by its rate and phase, its real and imaginary part, and gamma."""

    rate: PerUnit  # -log |lambda|
    phase: PerUnit
    real: PerUnit
    imaginary: PerUnit
    gamma: PerUnit


def eigenvalue(ops: Ops, p: Pointwise) -> Eigenvalue:
    """1 - |lambda|^2 = 2 t / (1 + t) with t = tanh(rate): no digit is lost where |lambda| is near 1."""
    rate, phase = ops.exp(p["nu"]), ops.exp(p["theta"])
    size, (t, _) = ops.exp(-rate), ops.tanh(rate)
    return Eigenvalue(rate, phase, size * ops.cos(phase), size * ops.sin(phase), (2 * t / (1 + t)) ** 0.5)


def _forward(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> tuple[State, Saved]:
    h_prev, s_prev = state
    z, y = ops.gates(wx)
    _, _, a, w, gamma = eigenvalue(ops, p)
    rotated_h, rotated_s = a * h_prev - w * s_prev, w * h_prev + a * s_prev
    return (rotated_h + gamma * z, rotated_s + gamma * y), (z, y, rotated_h, rotated_s)


def _backward(ops: Ops, p: Pointwise, saved: Saved, d_state: State) -> Adjoints:
    z, y, rotated_h, rotated_s = saved
    d_h, d_s = d_state
    rate, phase, a, w, gamma = eigenvalue(ops, p)
    d_rate = -(d_h * rotated_h + d_s * rotated_s)
    d_rate = d_rate + (d_h * z + d_s * y) * (a * a + w * w) / gamma
    d_phase = d_s * rotated_h - d_h * rotated_s
    d_net = ops.stack((gamma * d_h, gamma * d_s))
    d_before = (a * d_h + w * d_s, a * d_s - w * d_h)
    return {"nu": rate * d_rate, "theta": phase * d_phase}, d_net, d_net, d_before


def _log_factor(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> Units:
    return ops.zeros(state[0]) - ops.exp(p["nu"])


LRU = Cell(
    states=("h", "s"),
    gates=("z", "y"),
    candidate="z",
    pointwise={"nu": draw_nu, "theta": draw_theta},
    forward=_forward,
    backward=_backward,
    log_factor=_log_factor,
    recurrent_states=(),
)

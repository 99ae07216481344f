"""The coupled oscillatory network (Rusch and Mishra 2021, equation 3): a damped oscillator per unit, one step of it.

    z_t = tanh(W x_t + R_h h_{t-1} + R_v v_{t-1} + b)               candidate: the force
    v_t = v_{t-1} + dt (z_t - gamma h_{t-1} - eps v_{t-1})          velocity
    h_t = h_{t-1} + dt v_t                                          position

R multiplies both states. The damping is that of t - 1, as in the authors' code; the paper allows that of t as well.
There is no gate, and no forget bias: how much a unit keeps is fixed by dt, gamma and eps.

The carousel is the oscillator itself. With R blocked a step back is the transpose of

    J = [[1 - dt^2 gamma, dt (1 - dt eps)], [-dt gamma, 1 - dt eps]]        in the order h, v

whose determinant is 1 - dt eps, so an oscillator that swings loses its root a step; one whose damping is too strong
to swing (dt eps + dt^2 gamma > 2 sqrt(gamma) dt) has two real eigenvalues. The log-factor is the log of the larger
modulus. The quantity ``cec`` is the velocity's own share of J^k.
"""

import numpy as np

from carousel.axes import Nets, State, Units
from carousel.cells.cell import Adjoints, Cell, Ops, Pointwise, Saved

STEP, STIFFNESS, DAMPING = 0.042, 2.7, 4.7
"""dt, gamma and eps: those of the authors' code for digits read pixel by pixel; they are searched for every task."""


def cornn(dt: float, gamma: float, eps: float) -> Cell:
    """The network of oscillators with step `dt`, stiffness `gamma` and damping `eps`."""
    kept = 1 - dt * eps
    J = np.array([[1 - dt * dt * gamma, dt * kept], [-dt * gamma, kept]])
    log_factor = float(np.log(abs(np.linalg.eigvals(J)).max()))

    def forward(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> tuple[State, Saved]:
        h_prev, v_prev = state
        (net,) = ops.gates(wx + rh)
        z, dz = ops.tanh(net)
        v = kept * v_prev + dt * (z - gamma * h_prev)
        return (h_prev + dt * v, v), (dz,)

    def backward(ops: Ops, p: Pointwise, saved: Saved, d_state: State) -> Adjoints:
        (dz,) = saved
        d_h, d_v = d_state
        dv = d_v + dt * d_h
        d_net = ops.stack((dt * dv * dz,))
        dh_prev, dv_prev = d_h - dt * gamma * dv, kept * dv
        return {}, d_net, d_net, (dh_prev, dv_prev)

    def constant(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> Units:
        return ops.zeros(state[0]) + log_factor

    return Cell(("h", "v"), ("z",), "z", forward, backward, constant, recurrent_states=("h", "v"))


CORNN = cornn(STEP, STIFFNESS, DAMPING)

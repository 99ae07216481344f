"""The antisymmetric network (Chang et al. 2019, section 3): small steps of an equation that neither decays nor grows.

    h_t = h_{t-1} + eps tanh(W x_t + R h_{t-1} + b),  R = V - V^T - gamma I

V is trained, R is not. The eigenvalues of V - V^T are imaginary, so in continuous time the gradient would keep its
norm, where the slopes agree; a step of length eps adds (eps omega)^2 / 2 to the log of the factor at frequency omega,
and the diffusion gamma takes eps gamma away. The carousel is the term h_{t-1}: its log-factor is zero.
"""

from carousel.axes import Array, Nets, State, Units
from carousel.cells.cell import Adjoints, Cell, Ops, Pointwise, Saved, Weight

STEP = 0.1  # eps: the middle one of the three that the paper's appendix C searches (0.01, 0.1, 1)
DIFFUSION = 0.1  # gamma: equal to eps it balances the step's growth near omega = sqrt(2)


def antisymmetric(eps: float, gamma: float) -> Cell:
    """The network with step `eps` and diffusion `gamma`."""

    def weight(ops: Ops, V: Array) -> tuple[Array, Saved]:
        return V - V.swapaxes(1, 2) - gamma * ops.eye(V), ()

    def d_weight(ops: Ops, saved: Saved, d_R: Array) -> Array:
        return d_R - d_R.swapaxes(1, 2)

    def forward(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> tuple[State, Saved]:
        (h_prev,) = state
        (net,) = ops.gates(wx + rh)
        z, dz = ops.tanh(net)
        return (h_prev + eps * z,), (dz,)

    def backward(ops: Ops, p: Pointwise, saved: Saved, d_state: State) -> Adjoints:
        (dz,) = saved
        (d_h,) = d_state
        d_net = ops.stack((eps * d_h * dz,))
        dh_prev = d_h
        return {}, d_net, d_net, (dh_prev,)

    return Cell(("h",), ("z",), "z", forward, backward, _log_factor, weight=Weight(weight, d_weight))


def _log_factor(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> Units:
    return ops.zeros(state[0])


ANTISYMMETRIC_RNN = antisymmetric(STEP, DIFFUSION)

"""The eight variants of Greff et al. (2017, section IV): the vanilla LSTM with a single change each.

    i_t = sigma(W_i x_t + R_i h_{t-1} + p_i * c_{t-1} + b_i)    input gate
    f_t = sigma(W_f x_t + R_f h_{t-1} + p_f * c_{t-1} + b_f)    forget gate
    z_t = g(W_z x_t + R_z h_{t-1} + b_z)                        candidate (block input), g = tanh
    c_t = f_t * c_{t-1} + i_t * z_t                             the carousel
    o_t = sigma(W_o x_t + R_o h_{t-1} + p_o * c_t + b_o)        output gate
    h_t = o_t * y(c_t),  y = tanh

==============  ======================================  ============================================
``lstm_nig``    no input gate                           i_t = 1
``lstm_nfg``    no forget gate                          f_t = 1
``lstm_nog``    no output gate                          o_t = 1
``lstm_niaf``   no input activation function            g(x) = x
``lstm_noaf``   no output activation function           y(x) = x
``lstm_cifg``   coupled input and forget gate           i_t = 1 - f_t
``lstm_np``     no peepholes                            p = 0; equals ``lstm``
``lstm_fgr``    full gate recurrence                    R multiplies i, f and o of t-1 too
==============  ======================================  ============================================

A gate that is taken out has no rows and no peephole. The paper couples by f = 1 - i; here f is the gate that stays,
so that a positive forget bias keeps; but for the sign of its parameters it is the same cell. In ``lstm_fgr`` the gates
i, f and o are recurrent states: R has nine more blocks, and those from a gate to the candidate are masked.
"""

from collections.abc import Callable
from typing import NamedTuple

from carousel.axes import Array, Nets, State, Units
from carousel.cells.cell import Adjoints, Cell, Ops, Pointwise, Saved

Activation = Callable[[Ops, Array], tuple[Array, Array]]  # value and slope


def tanh(ops: Ops, x: Array) -> tuple[Array, Array]:
    """The squashing of the vanilla LSTM."""
    return ops.tanh(x)


def linear(ops: Ops, x: Array) -> tuple[Array, Array]:
    """No squashing."""
    return x, 1.0


class Parts(NamedTuple):
    """The parts of an LSTM; the defaults are those of the vanilla one."""

    gates: tuple[str, ...] = ("i", "f", "z", "o")
    g: Activation = tanh
    y: Activation = tanh
    coupled: bool = False  # i = 1 - f
    peepholes: bool = True
    states: tuple[str, ...] = ()  # the gates that are recurrent states


def gate(ops: Ops, p: Pointwise, net: dict[str, Units], name: str, seen: Units) -> tuple[Array, Array]:
    """The gate `name`, with a peephole to the state `seen`, and its slope; 1 and 0 where it is taken out."""
    if name not in net:
        return 1.0, 0.0
    return ops.sigmoid(net[name] + p.get(f"p_{name}", 0.0) * ops.stop_gradient(seen))


def lstm(parts: Parts) -> Cell:
    """The LSTM with these parts."""

    def forward(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> tuple[State, Saved]:
        c_prev = state[-1]
        net = dict(zip(parts.gates, ops.gates(wx + rh), strict=True))
        (i, di), (f, df) = gate(ops, p, net, "i", c_prev), gate(ops, p, net, "f", c_prev)
        i = 1 - f if parts.coupled else i
        z, dz = parts.g(ops, net["z"])
        c = f * c_prev + i * z
        o, do = gate(ops, p, net, "o", c)
        y, dy = parts.y(ops, c)
        gates = tuple({"i": i, "f": f, "o": o}[name] for name in parts.states)
        return (o * y, *gates, c), (i, di, f, df, z, dz, o, do, y, dy, c_prev, c)

    def backward(ops: Ops, p: Pointwise, saved: Saved, d_state: State) -> Adjoints:
        i, di, f, df, z, dz, o, do, y, dy, c_prev, c = saved
        d_h, *d_gates, d_c = d_state
        d_gate = dict.fromkeys("ifo", 0.0) | dict(zip(parts.states, d_gates, strict=True))
        d_o = (d_h * y + d_gate["o"]) * do
        dc = d_c + d_h * o * dy + ops.stop_gradient(p.get("p_o", 0.0) * d_o)
        d_i, d_f = dc * z + d_gate["i"], dc * c_prev + d_gate["f"]
        d_i, d_f = (0.0, (d_f - d_i) * df) if parts.coupled else (d_i * di, d_f * df)
        dc_prev = dc * f + ops.stop_gradient(p.get("p_i", 0.0) * d_i + p.get("p_f", 0.0) * d_f)
        errors = {"i": d_i, "f": d_f, "z": dc * i * dz, "o": d_o}
        d_net = ops.stack(tuple(errors[name] for name in parts.gates))
        d_p = {"p_i": d_i * c_prev, "p_f": d_f * c_prev, "p_o": d_o * c}
        return {name: d_p[name] for name in p}, d_net, d_net, (*(0.0 for _ in d_state[1:]), dc_prev)

    def log_factor(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> Units:
        net = dict(zip(parts.gates, ops.gates(wx + rh), strict=True))
        if "f" not in net:
            return ops.zeros(state[-1])
        return ops.log_sigmoid(net["f"] + p.get("p_f", 0.0) * state[-1])

    present = {name: name for name in parts.gates}
    return Cell(
        states=("h", *parts.states, "c"),
        gates=parts.gates,
        candidate="z",
        forward=forward,
        backward=backward,
        log_factor=log_factor,
        forget=present.get("f"),
        input=present.get("i"),
        output=present.get("o"),
        pointwise={f"p_{name}": "weight" for name in parts.gates if parts.peepholes and name != "z"},
        recurrent_states=("h", *parts.states),
        masked_blocks=frozenset(("z", name) for name in parts.states),
        positive=parts.states,
        saves="i di f df z dz o do y dy c_prev c",
    )


LSTM_NIG = lstm(Parts(gates=("f", "z", "o")))
LSTM_NFG = lstm(Parts(gates=("i", "z", "o")))
LSTM_NOG = lstm(Parts(gates=("i", "f", "z")))
LSTM_NIAF = lstm(Parts(g=linear))
LSTM_NOAF = lstm(Parts(y=linear))
LSTM_CIFG = lstm(Parts(gates=("f", "z", "o"), coupled=True))
LSTM_NP = lstm(Parts(peepholes=False))
LSTM_FGR = lstm(Parts(states=("i", "f", "o")))

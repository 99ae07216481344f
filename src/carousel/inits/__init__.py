"""The table of initialisations, and the draw of a model's parameters. A new init is one function of rows.py and one
line here; what a library draws by default stands in libraries.py.

Every gate draws from its own stream and the candidate's is the same in all cells, so that an RNN and the
candidate of an LSTM start from one matrix R. Only an init of `JOINT` draws all gates of a cell at once, from one
stream: there a gate's weights depend on how many gates there are, and cells with several share no matrix with others.

`gain` multiplies R alone. Biases are effective ones: torch.nn adds two vectors, and their sum is the bias here. A
forget bias of 1 adds 1 to what the init draws, which is zero in most.
"""

from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import Float

from carousel.cells import Cell, Params
from carousel.cells.cell import Draw
from carousel.inits.forget import (
    DEFAULT,
    FORGET_BIASES,
    as_written,
    forget_bias_text,
    forget_biases,
    library_forget_bias,
)
from carousel.inits.libraries import LIBRARY_FORGET_BIAS, flax, keras, keras_gates, torch_default
from carousel.inits.rows import (
    SMALL,
    Init,
    JointInit,
    Rows,
    critical,
    gaussian,
    glorot,
    hochreiter_97,
    identity,
    irnn,
    orthogonal,
    small_identity,
    sparse,
    uniform,
)

INITS: dict[str, Init] = {
    "torch": torch_default,
    "keras": keras,
    "flax": flax,
    "glorot": glorot,
    "orthogonal": orthogonal,
    "identity": identity,
    "gaussian": gaussian,
    "irnn": irnn,
    "small_identity": small_identity,
    "sparse": sparse,
    "critical": critical,
    "hochreiter97": hochreiter_97,
}
JOINT: dict[str, JointInit] = {"keras": keras_gates}
"""The inits that draw all gates of a cell at once."""
DIAGONAL = {"identity": 1.0, "irnn": 1.0, "small_identity": SMALL}
"""The inits whose R is a multiple of the identity, and which."""
GATE_BIASES = {"hochreiter97": {"input": (-1.0, -3.0, -5.0), "output": (-2.0, -4.0, -6.0)}}
"""The biases that an init gives the input and output gate, one number for each of so many equal blocks of units
(Hochreiter and Schmidhuber 1997, experiment 3: three blocks of one)."""

Stream = Callable[[str], np.random.Generator]


def draw(
    init: str,
    cell: Cell,
    stream: Stream,
    *,
    H: int,
    D: int,
    gain: float,
    forget_bias: str,
    bias: float,
    length: int,
    rows: Mapping[str, Rows] | None = None,
) -> Params:
    """The parameters of one model, its leading axis of length 1.

    The two biases of a gate are added up to one, unless the cell has a second bias, which is added to R h (GRU).
    Peepholes are U(-1/sqrt(H), 1/sqrt(H)) in every init.

    `forget_bias` is a number or scheme as text, or "none"; at 0 the init's own stays, which PyTorch draws at random
    about 0. `bias` is added to the candidate's bias; `length` is the
    T_max of chrono where it has none of its own. The input bias of a scheme replaces that of the init.
    `rows` are those of `rows_by_gate`, where they were drawn before; none of them is written to.
    """
    rows = rows or rows_by_gate(init, cell, stream, H, D)
    second = {gate for gate in cell.gates if cell.pointwise.get(f"p_{gate}") == "bias"}
    b = {gate: block.b + (0 if gate in second else block.b_R) for gate, block in rows.items()}
    b[cell.candidate] = b[cell.candidate] + bias
    b |= gate_biases(init, cell, H)
    b |= forget_biases(cell, forget_bias, b, stream("forget bias"), H, length)
    p = {f"p_{gate}": rows[gate].b_R.copy() for gate in second}
    p |= {
        name: pointwise(kind, init, stream(name), H, gain)
        for name, kind in cell.pointwise.items()
        if kind != "bias"
    }
    return Params(
        np.concatenate([used(cell, gate, "x") * block.W for gate, block in rows.items()])[None],
        gain
        * np.concatenate([recurrent_rows(init, cell, stream, gate, rows[gate]) for gate in cell.gates])[None],
        np.concatenate([b[gate] for gate in cell.gates])[None, :, None],
        {name: values[None, :, None] for name, values in p.items()},
    )


def rows_by_gate(init: str, cell: Cell, stream: Stream, H: int, D: int) -> dict[str, Rows]:
    """Each gate's rows: from a stream of its own, or all from one where the init draws them at once."""
    if init in JOINT:
        return dict(zip(cell.gates, JOINT[init](stream("gates"), len(cell.gates), H, D), strict=True))
    return {gate: INITS[init](stream(_role(cell, gate)), H, D) for gate in cell.gates}


def _role(cell: Cell, gate: str) -> str:
    return "candidate" if gate == cell.candidate else gate


def used(cell: Cell, gate: str, source: str) -> bool:
    """Whether the block of this gate and source ("x": the input) is not masked."""
    return (gate, source) not in cell.masked_blocks


def recurrent_rows(init: str, cell: Cell, stream: Stream, gate: str, rows: Rows) -> Float[np.ndarray, "H VH"]:
    """One gate's rows of R. The first source is drawn from the gate's own stream, each further one from its own."""
    H, D = rows.W.shape
    blocks = {source: np.zeros((H, H)) for source in cell.columns}
    for k, source in enumerate(v for v in cell.columns if used(cell, gate, v)):
        blocks[source] = INITS[init](stream(f"{_role(cell, gate)} {source}"), H, D).R if k else rows.R
    return np.concatenate([np.zeros((H, 0)), *blocks.values()], axis=1)


def pointwise(
    kind: str | Draw, init: str, rng: np.random.Generator, H: int, gain: float
) -> Float[np.ndarray, " H"]:
    """A parameter of one number per unit: a peephole ("weight"), a "recurrent" weight, or what `kind` draws.

    A recurrent weight is `gain` times U(0, 1) (Li et al. 2018), or times the diagonal of an init that is one.
    """
    if callable(kind):
        return kind(rng, H)
    if kind == "weight":
        return uniform(rng, H**-0.5, H)
    return gain * (np.full(H, DIAGONAL[init]) if init in DIAGONAL else rng.uniform(0, 1, H))


def gate_biases(init: str, cell: Cell, H: int) -> dict[str, Float[np.ndarray, " H"]]:
    """The biases that this init gives the input and output gate of the cell, by gate."""
    gates = {"input": cell.input, "output": cell.output}
    block = np.arange(H)
    return {
        gate: np.array(values)[block * len(values) // H]
        for role, values in GATE_BIASES.get(init, {}).items()
        if (gate := gates[role])
    }


__all__ = [
    "DEFAULT",
    "FORGET_BIASES",
    "INITS",
    "LIBRARY_FORGET_BIAS",
    "Init",
    "Rows",
    "Stream",
    "as_written",
    "draw",
    "forget_bias_text",
    "library_forget_bias",
    "rows_by_gate",
    "uniform",
]

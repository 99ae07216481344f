"""The text of a cell's Triton kernels: one frame for all cells (`frames`), and the cell's own lines in it."""

import re
from collections.abc import Iterable, Mapping
from textwrap import indent

from carousel.cells import Cell
from carousel.engine.trace import Map, Program, is_literal, needed, program
from gpu.frames import ERRORS, FORWARD, HEAD, NORMS

SPELT = {
    "add": "{} + {}",
    "sub": "{} - {}",
    "mul": "{} * {}",
    "div": "{} / {}",
    "neg": "-{}",
    "greater": "tl.where({} > {}, 1.0, 0.0)",
    "sqrt": "tl.sqrt({})",
    "exp": "tl.exp({})",
    "log": "tl.log({})",
    "cos": "tl.cos({})",
    "sin": "tl.sin({})",
    "relu": "relu({})",
    "tanh": "tanh({})",
    "sigmoid": "sigmoid({})",
    "log_sigmoid": "log_sigmoid({})",
    "tanh_slope": "tanh_slope({})",
    "sigmoid_slope": "sigmoid_slope({})",
}
PRODUCT = 'tl.dot({}, R_{}, input_precision="ieee")'


def source(cell: Cell) -> str:
    """The module with the three kernels of `cell`.

    Raises ValueError for a cell whose R multiplies anything but the first state.
    """
    if cell.intermediate or cell.recurrent_states not in ((), cell.states[:1]):
        raise ValueError(
            f"recurrent states: found {', '.join(cell.columns)}; allowed: {cell.states[0]} alone, or none"
        )
    maps = program(cell)
    blocks = shared(cell) | {"K": str(len(multipliers(maps)))}
    frames = (
        (FORWARD, forward(cell, maps.forward)),
        (NORMS, backward(cell, maps)),
        (ERRORS, backward(cell, maps) | gradients(cell, maps.backward)),
    )
    return HEAD + "".join(fill(frame, blocks | own) for frame, own in frames)


def shared(cell: Cell) -> dict[str, str]:
    """The blocks that all frames need: parameters, states and their ends."""
    states = [f"(({s} * M + model) * B + rows) * H + units" for s in range(len(cell.states))]
    S, G, P = len(cell.states), len(cell.gates), len(cell.pointwise)
    gates = [
        f"R_{gate} = tl.load(R + (model * {G} + {g}) * H * H + within)" for g, gate in enumerate(cell.gates)
    ]
    return {
        "G": str(G),
        "weights": listed(gates) if cell.recurrent_states else "",
        "parameters": listed(
            f"p_{name} = tl.load(p + (model * {P} + {k}) * H + units)"
            for k, name in enumerate(cell.pointwise)
        ),
        "states": each(cell, states, "s_{name} = tl.load(start + {at})"),
        "errors": each(cell, states, "d_{name} = tl.load(start + {at})"),
        "end_states": each(cell, states, "tl.store(end + {at}, s_{name})"),
        "end_errors": each(cell, states, "tl.store(end + {at}, d_{name})"),
        "zeros": listed(f"d_{name} = tl.zeros([ROWS, H], tl.float32)" for name in cell.states),
        "zero_sums": listed(f"sum_{name} = tl.zeros([ROWS, H], tl.float32)" for name in cell.pointwise),
        "peaks": listed(f"peak = tl.maximum(peak, tl.abs(d_{name}))" for name in cell.states[1:]),
        "scaled": listed(f"d_{name} *= factor" for name in cell.states),
        "squares": listed(
            f"tl.store(squares + (back * {S} + {s}) * M * B + sequence, square(d_{name}))"
            for s, name in enumerate(cell.states)
        ),
        "sums": listed(
            f"tl.store(d_p + ((model * B + rows) * {P} + {k}) * H + units, sum_{name})"
            for k, name in enumerate(cell.pointwise)
        ),
    }


def each(cell: Cell, places: Iterable[str], line: str) -> str:
    """`line` for every state of `cell`."""
    return listed(line.format(name=name, at=at) for name, at in zip(cell.states, places, strict=True))


def forward(cell: Cell, whole: Program) -> dict[str, str]:
    """The cell's part of the forward frame; the log of the Q&A's factor is left out."""
    results = {name: value for name, value in whole.results.items() if name != "log_factor"}
    product = PRODUCT if cell.recurrent_states else "tl.zeros([ROWS, H], tl.float32)"
    saved = [value for name, value in results.items() if name[0] == "m"]
    return {
        "drive": listed(f"wx_{gate} = tl.load(drive + {g} * H)" for g, gate in enumerate(cell.gates)),
        "recurrent": listed(f"rh_{gate} = {product.format('s_h', gate)}" for gate in cell.gates),
        "lines": spelt(Program(needed(whole.lines, results.values()), results)),
        "saves": listed(f"tl.store(saved + {k} * H, {value})" for k, value in enumerate(saved)) or "pass",
        "after": assigned(cell, "s", results),
    }


def backward(cell: Cell, maps: Map) -> dict[str, str]:
    """What both frames that go back have of the cell: its adjoint, and R transposed on its gates' errors."""
    results = maps.backward.results
    products = [PRODUCT.format(tensor(results[f"rh_{gate}"]), gate) for gate in cell.gates]
    through = [f"through {'+' * (g > 0)}= {product}" for g, product in enumerate(products)]
    loads = listed(f"{m} = tl.load(saved + at + {k} * H)" for k, m in enumerate(multipliers(maps)))
    return {
        "multipliers": loads,
        "lines": spelt(maps.backward),
        "transposed": listed(through) if cell.recurrent_states else "",
        "before": assigned(cell, "d", results) + "\nd_h += through" * len(cell.recurrent_states),
    }


def gradients(cell: Cell, adjoint: Program) -> dict[str, str]:
    """What the frame with the parameters' gradients has of the cell."""
    nets = [
        f"tl.store(d_{part} + net + {g} * H, {adjoint.results[f'{part}_{gate}']})"
        for part in ("wx", "rh") if part == "wx" or differ(cell, adjoint)
        for g, gate in enumerate(cell.gates)
    ]  # fmt: skip
    summed = listed(f"sum_{name} += {adjoint.results[f'p_{name}']}" for name in cell.pointwise)
    return {"nets": listed(nets), "summed": summed}


def differ(cell: Cell, adjoint: Program) -> bool:
    """Whether the errors of R h are not those of W x + b."""
    return any(adjoint.results[f"rh_{gate}"] != adjoint.results[f"wx_{gate}"] for gate in cell.gates)


def multipliers(maps: Map) -> list[str]:
    """What forward saves for the way back."""
    return [name for name in maps.forward.results if name[0] == "m"]


def assigned(cell: Cell, letter: str, results: Mapping[str, str]) -> str:
    """The states, or their errors, all replaced at once."""
    names = [f"{letter}_{name}" for name in cell.states]
    return f"{', '.join(names)} = {', '.join(tensor(results[name]) for name in names)}"


def tensor(value: str) -> str:
    """A result as a tile, where it is a number."""
    return f"tl.full([ROWS, H], {value}, tl.float32)" if is_literal(value) else value


def spelt(part: Program) -> str:
    """A program in Triton; what is saved of a slope's value is not used."""
    return listed(f"{line.name} = {SPELT[line.op].format(*line.operands)}" for line in part.lines)


def listed(lines: Iterable[str]) -> str:
    return "\n".join(lines)


def fill(frame: str, blocks: Mapping[str, str]) -> str:
    """`frame` with blocks in the place of their names in braces; one on a line of its own is indented as the line."""

    def line(match: re.Match[str]) -> str:
        return indent(blocks[match[2]], match[1]) + "\n" if blocks[match[2]] else ""

    whole = re.sub(r"^( *)\{(\w+)\}\n", line, frame, flags=re.MULTILINE)
    return re.sub(r"\{(\w+)\}", lambda match: blocks[match[1]], whole)

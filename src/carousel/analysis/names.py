"""What readers see instead of the names in the tables: one text per cell, init, forget bias, task and setting."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from carousel.analysis.text import as_number, listed
from carousel.axes import BACKENDS, LIBRARIES

CELLS: Mapping[str, str] = {
    "rnn_sigmoid": "sigmoid RNN",
    "rnn_tanh": "tanh RNN",
    "rnn_relu": "ReLU RNN",
    "rnn_linear": "linear RNN",
    "rnn_orthogonal": "orthogonal RNN",
    "antisymmetric_rnn": "antisymmetric RNN",
    "indrnn": "IndRNN",
    "lstm97": "LSTM of 1997",
    "lstm": "LSTM",
    "lstm_peephole": "peephole LSTM",
    "lstm_nig": "LSTM, no input gate",
    "lstm_nfg": "LSTM, no forget gate",
    "lstm_nog": "LSTM, no output gate",
    "lstm_niaf": "LSTM, linear candidate",
    "lstm_noaf": "LSTM, linear output",
    "lstm_np": "LSTM, no peepholes",
    "lstm_cifg": "LSTM, coupled gates",
    "lstm_fgr": "LSTM, recurrent gates",
    "gru": "GRU",
    "gru_v1": "GRU, first form",
    "mgu": "MGU",
    "janet": "JANET",
    "minimal_rnn": "MinimalRNN",
    "mingru": "minGRU",
    "minlstm": "minLSTM",
    "lru": "LRU",
    "slstm": "sLSTM",
    "mamba": "Mamba's S6",
    "rglru": "RG-LRU",
    "cornn": "coRNN",
    "mlstm": "mLSTM",
}
INITS: Mapping[str, str] = {
    **{name: f"{library}'s default" for name, library in LIBRARIES.items()},
    "glorot": "Glorot",
    "orthogonal": "orthogonal",
    "identity": "identity",
    "gaussian": "Gaussian",
    "irnn": "IRNN",
    "small_identity": "small identity",
    "sparse": "sparse",
    "critical": "edge-of-chaos",
    "hochreiter97": "small uniform (1997)",
}
QUANTITIES: Mapping[str, str] = {
    "loss_state": "gradient by the state",
    "loss_x": "gradient by the input",
    "cec": "derivative along the cell",
    "factor_product": "product of factors",
    "slopes": "slopes' part",
    "weights": "weights' part",
    "jacobian_fro": "Frobenius norm of the Jacobian",
    "jacobian_spec": "spectral norm of the Jacobian",
    "lyapunov": "Lyapunov exponent",
    "lyapunov_sum": "sum of the exponents",
    "log_det": "log determinant of a step",
}
BLOCKS = {"hh": "h to h", "cc": "c to c", "x": "input to h"}
PATHS: Mapping[str, str] = {
    "full": "all routes",
    "candidate": "gates frozen",
    "gates": "through the gates",
    "cell": "carousel alone",
    "truncated": "truncated as in 1997",
    "formula": "by its formula",
}
LETTERS = {"rnn": "RNN", "relu": "ReLU"}  # beside those of CELLS, in the names of slices and systems


def cell(name: str) -> str:
    """Return a cell's name in words, or its own where the table has none."""
    return CELLS.get(name, name)


def init(name: str) -> str:
    """Return an init's name in words, to stand before "init", or its own where the table has none."""
    return INITS.get(name, name)


def task(name: str) -> str:
    """Return a task's name in words."""
    return name.replace("_", " ")


def spelled(name: str) -> str:
    """Return the name of a slice or a system as words: "search LSTM"."""
    return " ".join(CELLS.get(word, LETTERS.get(word, word)) for word in name.split("_"))


def quantity(name: str) -> str:
    """Return the name of a quantity of the tables in words."""
    whole, _, block = name.rpartition("_")
    if whole == "loss" and name not in QUANTITIES:
        return f"gradient by {block}"
    if block in BLOCKS and whole in QUANTITIES:
        return f"{QUANTITIES[whole]}, {BLOCKS[block]}"
    return QUANTITIES.get(name, spelled(name))


def path(name: str) -> str:
    """Return the routes of a path in words."""
    return PATHS.get(name, name)


def backend(name: str) -> str:
    """Return what people call a backend."""
    return BACKENDS[name].label if name in BACKENDS else name


def value(factor: str, level: str) -> str:
    """Return a value of a factor of the tables in words."""
    return VALUES.get(factor, str)(level)


def forget_bias(value: str) -> str:
    """Return a forget bias in words: a number as it is, a scheme with the steps that it is drawn for, or none."""
    scheme, _, longest = value.partition(":")
    return f"{scheme} for {as_number(longest):,.0f} steps" if longest else value


def drawn(schemes: Sequence[str]) -> str:
    """Return the biases that schemes draw, in words: "chrono biases and chrono biases for 30 and 1,000 steps"."""
    steps: dict[str, list[str]] = {}
    for name, _, longest in (scheme.partition(":") for scheme in schemes):
        steps.setdefault(name, []).extend([f"{as_number(longest):,.0f}"] if longest else [])
    plain = [f"{name} biases" for name in steps if name in schemes]
    return listed([*plain, *(f"{name} biases for {listed(own)} steps" for name, own in steps.items() if own)])


def at_biases(values: Sequence[str]) -> str:
    """Return "at forget bias 0 and 1, with chrono biases and without a forget gate"."""
    given = [value for value in values if value != "none"]
    numbers = [value for value in given if not np.isnan(as_number(value))]
    schemes = [value for value in given if value not in numbers]
    words = [f"at forget bias {listed(numbers)}"] if numbers else []
    words += [f"with {drawn(schemes)}"] if schemes else []
    return listed([*words, *(["without a forget gate"] if "none" in values else [])])


def at_bias(value: str) -> str:
    """Return one forget bias in words, to stand in a list of factors: "forget bias 1", "chrono biases"."""
    if value == "none":
        return "no forget gate"
    return drawn([value]) if np.isnan(as_number(value)) else f"forget bias {value}"


def setting(name: str, bias: str) -> str:
    """Return a cell and its forget bias in words, if it has one: "LSTM at forget bias 1", "GRU with chrono biases"."""
    return cell(name) if bias == "none" else f"{cell(name)} {at_biases([bias])}"


def label(text: str) -> str:
    """Return "cell/forget bias" in words; what is no such name is in words already."""
    name, _, bias = text.partition("/")
    return setting(name, bias or "none")


def labels(texts: Sequence[str]) -> str:
    """Return several of `label`, those of one cell together: "LSTM at forget bias 0 and 1 and GRU at forget bias 1"."""
    cells: dict[str, list[str]] = {}
    for text in texts:
        name, _, bias = text.partition("/")
        cells.setdefault(name, []).extend([bias] if bias else [])
    return listed(f"{cell(name)} {at_biases(biases)}".strip() for name, biases in cells.items())


def default(library_init: str, name: str) -> str:
    """Return whose default a cell is, in words: "PyTorch's default LSTM"."""
    return f"{init(library_init)} {cell(name)}"


VALUES: Mapping[str, Callable[[str], str]] = {
    "cell": cell,
    "init": init,
    "forget_bias": forget_bias,
    "task": task,
    "trained": task,
    "slice": spelled,
    "backend": backend,
}
"""How a value of each factor that has names is said."""

"""What readers see instead of the names in the tables: one text per cell, init and task; the tables keep names."""

from collections.abc import Mapping

from carousel.analysis.text import as_number
from carousel.axes import LIBRARIES

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
    "lstm_peephole": "LSTM, peepholes",
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
}
INITS: Mapping[str, str] = {
    **{name: f"{library}’s default" for name, library in LIBRARIES.items()},
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


def cell(name: str) -> str:
    """Return a cell's name in words, or its own where the table has none."""
    return CELLS.get(name, name)


def init(name: str) -> str:
    """Return an init's name in words, to stand before "init", or its own where the table has none."""
    return INITS.get(name, name)


def task(name: str) -> str:
    """Return a task's name in words."""
    return name.replace("_", " ")


def forget_bias(value: str) -> str:
    """Return a forget bias in words: a number as it is, a scheme with the steps that it is drawn for, or none."""
    scheme, _, longest = value.partition(":")
    return f"{scheme} for {as_number(longest):,.0f} steps" if longest else value


def setting(name: str, bias: str) -> str:
    """Return a cell and its forget bias, if it has one."""
    return cell(name) + ("" if bias == "none" else f", bias {forget_bias(bias)}")

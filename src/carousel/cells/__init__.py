"""The table of cells. A new cell is one function or file beside this one, and one line here."""

from carousel.cells.cell import Cell, Ops, Params
from carousel.cells.gru import GRU
from carousel.cells.lstm import LSTM, LSTM_97, LSTM_PEEPHOLE
from carousel.cells.rnn import RNN_LINEAR, RNN_RELU, RNN_SIGMOID, RNN_TANH

CELLS: dict[str, Cell] = {
    "rnn_tanh": RNN_TANH,
    "rnn_sigmoid": RNN_SIGMOID,
    "rnn_relu": RNN_RELU,
    "rnn_linear": RNN_LINEAR,
    "lstm97": LSTM_97,
    "lstm": LSTM,
    "lstm_peephole": LSTM_PEEPHOLE,
    "gru": GRU,
}

__all__ = ["CELLS", "Cell", "Ops", "Params"]

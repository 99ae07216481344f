"""The table of cells. A new cell is one function or file beside this one, and one line here."""

from carousel.cells.antisymmetric import ANTISYMMETRIC_RNN
from carousel.cells.cell import Cell, IntermediateInput, Ops, Params, Weight
from carousel.cells.cornn import CORNN
from carousel.cells.greff import (
    LSTM_CIFG,
    LSTM_FGR,
    LSTM_NFG,
    LSTM_NIAF,
    LSTM_NIG,
    LSTM_NOAF,
    LSTM_NOG,
    LSTM_NP,
)
from carousel.cells.gru import GRU, GRU_V1
from carousel.cells.indrnn import INDRNN
from carousel.cells.linear import MINGRU, MINLSTM
from carousel.cells.lru import LRU
from carousel.cells.lstm import LSTM, LSTM_97, LSTM_PEEPHOLE
from carousel.cells.mamba import MAMBA
from carousel.cells.mlstm import MLSTM
from carousel.cells.orthogonal import RNN_ORTHOGONAL
from carousel.cells.rglru import RGLRU
from carousel.cells.rnn import RNN_LINEAR, RNN_RELU, RNN_SIGMOID, RNN_TANH
from carousel.cells.single_gate import JANET, MGU, MINIMAL_RNN
from carousel.cells.slstm import SLSTM

CELLS: dict[str, Cell] = {
    "rnn_tanh": RNN_TANH,
    "rnn_sigmoid": RNN_SIGMOID,
    "rnn_relu": RNN_RELU,
    "rnn_linear": RNN_LINEAR,
    "lstm97": LSTM_97,
    "lstm": LSTM,
    "lstm_peephole": LSTM_PEEPHOLE,
    "lstm_nig": LSTM_NIG,
    "lstm_nfg": LSTM_NFG,
    "lstm_nog": LSTM_NOG,
    "lstm_niaf": LSTM_NIAF,
    "lstm_noaf": LSTM_NOAF,
    "lstm_cifg": LSTM_CIFG,
    "lstm_np": LSTM_NP,
    "lstm_fgr": LSTM_FGR,
    "gru": GRU,
    "gru_v1": GRU_V1,
    "janet": JANET,
    "mgu": MGU,
    "minimal_rnn": MINIMAL_RNN,
    "indrnn": INDRNN,
    "mingru": MINGRU,
    "minlstm": MINLSTM,
    "lru": LRU,
    "slstm": SLSTM,
    "mamba": MAMBA,
    "rglru": RGLRU,
    "cornn": CORNN,
    "mlstm": MLSTM,
    "antisymmetric_rnn": ANTISYMMETRIC_RNN,
    "rnn_orthogonal": RNN_ORTHOGONAL,
}

__all__ = ["CELLS", "Cell", "IntermediateInput", "Ops", "Params", "Weight"]

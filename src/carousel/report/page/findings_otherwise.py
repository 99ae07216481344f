"""What was found of a claim for the verdicts that have no number to say: true of the verdict by the claim's rule."""

from collections.abc import Mapping

UNDECIDED = "This study cannot say"  # of every claim that is inconclusive

OTHERWISE: Mapping[str, Mapping[str, str]] = {
    "Q1": {
        "supported": "Along the cell the derivative is one in every LSTM measured",
        "refuted": "Along the cell the derivative is one in no LSTM measured",
    },
    "Q2": {
        "supported": "It vanishes at every forget bias, in all and by what passed a gate",
        "refuted": "It vanishes at no forget bias, with the same sigmoids",
    },
    "K1": {
        "supported": "No LSTM of those searched lost its gradient",
    },
    "K2": {
        "supported": "It vanishes, and more slowly than in every plain RNN",
        "refuted": "It does not vanish, or no more slowly than in a plain RNN",
    },
    "K3": {
        "supported": "Every LSTM learns longer sequences than the tanh RNN, the more the more gradient is left",
        "refuted": "No LSTM learns longer sequences than the tanh RNN, and what is left orders none",
    },
    "A1a": {
        "refuted": "The formula is off by more than rounding",
    },
    "A1b": {
        "supported": "The weights outweigh the slopes in every network",
        "refuted": "The slopes outweigh the weights in every network",
    },
    "A1c": {
        "supported": "The gradient follows the factor in every chain searched",
    },
    "A1d": {
        "depends": "The formula is exact in one cell and off in another",
        "refuted": "The formula is off by more than rounding",
    },
    "A1e": {
        "supported": "At least half of it is left at every forget bias",
        "refuted": "Less than half of it is left at every forget bias",
    },
    "A1f": {
        "supported": "There is such a path, and the total kept a tenth of its part wherever it did",
    },
    "A1g": {
        "supported": "Other routes leave less than half of it in every LSTM searched",
    },
    "A1h": {
        "supported": "The slopes cost more than the weights, and ReLU’s cost less, in every network",
        "refuted": "The slopes cost less than the weights, or ReLU’s no less, in every network",
    },
    "A1i": {
        "depends": "It vanishes or explodes with some weights and not with others",
        "refuted": "With ReLU it neither vanishes nor explodes",
    },
    "A1j": {
        "refuted": "Along the cell it stays the same whatever the scale of the weights",
    },
    "A2a": {
        "supported": "It vanishes, and lasts three times as long as in every plain RNN",
        "refuted": "It does not vanish, or lasts less than three times as long as in a plain RNN",
    },
    "A2b": {
        "refuted": "At least one factor is off by more than rounding",
    },
    "A2c": {
        "depends": "Such weights exist, and training reached none",
        "refuted": "No such weights were found",
    },
    "A2d": {
        "supported": "No chain of those searched has a factor near one",
        "refuted": "A chain without a bias has a factor near one",
    },
    "A2e": {
        "supported": "Both the largest value and the rate are right",
        "refuted": "Neither the largest value nor the rate is right",
    },
    "A2f": {
        "supported": "With ReLU it vanishes in no setting",
        "refuted": "With ReLU it vanishes in every setting",
    },
    "A2g": {
        "supported": "The chain rule holds, and start and middle are like the end",
        "refuted": "The chain rule is off, or neither start nor middle is like the end",
    },
    "A3a": {
        "refuted": "What it passes on is off by more than rounding",
    },
    "A3b": {
        "supported": "What flows along the gates decays, and truncation costs little",
        "refuted": "What flows along the gates does not decay, and truncation costs more than a little",
    },
    "A4a": {
        "refuted": "With the gate open and without peepholes it still is another cell",
    },
    "A4b": {
        "supported": "The derivative is zero",
    },
    "A4c": {
        "supported": "Little is lost in the squashing, everywhere",
        "refuted": "More than a little is lost in the squashing, everywhere",
    },
    "A4d": {
        "supported": "Gate, squashing and affine map all shrink it",
        "refuted": "Gate, squashing and affine map do not all shrink it, in no setting",
    },
    "A4e": {
        "refuted": "Error flows unchanged on another route as well",
    },
    "A4f": {
        "supported": "Inside, distance changes nothing at any lag measured",
        "refuted": "Inside, distance changes it at every forget bias",
    },
    "A4g": {
        "supported": "The error shrinks with distance in every setting",
        "refuted": "The error shrinks with distance in no setting",
    },
    "M1": {
        "supported": "With every gate frozen as much is left, within a factor of two, in every setting",
        "refuted": "With every gate frozen another amount is left in every setting",
    },
    "M2": {
        "supported": "Below that bias less than a tenth of it runs along the carousel",
        "refuted": "Below that bias a tenth of it or more runs along the carousel",
    },
    "M3": {
        "supported": "No perfect carousel of those searched lost the total",
    },
}

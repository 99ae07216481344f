"""Pairs of a cell with an init or a backend: every day those that represent all, the whole product in the campaign."""

from collections.abc import Mapping

import pytest
from _pytest.mark import ParameterSet

from carousel.cells import CELLS, Cell
from carousel.inits import GATE_BIASES, INITS

KINDS = "rnn_tanh", "indrnn", "gru", "lstm", "lru"
"""A cell of each kind: plain, without a matrix R, with an intermediate input, with a carousel, complex."""


def cells_on(backends: Mapping[str, object]) -> list[ParameterSet]:
    """Every cell with every backend; beyond the first backend, all but one cell of each kind are campaigns."""
    first = next(iter(backends))
    return [
        pytest.param(
            name,
            backend,
            marks=() if key == first or name in KINDS else pytest.mark.campaign,
            id=f"{name}-{key}",
        )
        for key, backend in backends.items()
        for name in CELLS
    ]


def pairs(cells: Mapping[str, Cell] = CELLS, without: str = "") -> list[ParameterSet]:
    """All pairs of a cell's name and an init but `without`; those that represent no others are campaigns."""
    return [
        pytest.param(name, init, marks=() if stands_for_others(cell, init) else pytest.mark.campaign)
        for name, cell in cells.items()
        for init in INITS
        if init != without
    ]


def stands_for_others(cell: Cell, init: str) -> bool:
    """Every cell with two inits, with a bias and without; every init with one cell; and where they act on each other:
    in a cell's own parameters (GRU's second bias, IndRNN's weights) and in the biases that an init gives to gates."""
    own = {"bias", "recurrent"} & {*cell.pointwise.values()}
    return init in ("torch", "orthogonal", *GATE_BIASES) or cell is CELLS["lstm"] or bool(own)

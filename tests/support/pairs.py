"""Pairs of a cell and an init: every day those that represent all, the whole product in the campaign."""

from collections.abc import Mapping

import pytest
from _pytest.mark import ParameterSet

from carousel.cells import CELLS, Cell
from carousel.inits import GATE_BIASES, INITS


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

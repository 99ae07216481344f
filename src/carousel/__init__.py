"""How does an LSTM keep its gradient from vanishing, and does it? Measurements, claims and verdicts.

``decay``, ``dynamics`` and ``accuracy`` measure one setting and return a table, ``diagnose`` measures a torch module
of your own (``load_checkpoint`` takes one out of a file); CELLS, INITS, TASKS and CLAIMS are the tables of what there
is. All are loaded when first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "CELLS": "carousel.cells",
    "INITS": "carousel.inits",
    "TASKS": "carousel.tasks",
    "CLAIMS": "carousel.claims",
    "decay": "carousel.api",
    "dynamics": "carousel.api",
    "accuracy": "carousel.api",
    "diagnose": "carousel.diagnosis.measuring",
    "load_checkpoint": "carousel.diagnosis.checkpoint",
}
__all__ = [
    "CELLS",
    "CLAIMS",
    "INITS",
    "TASKS",
    "accuracy",
    "decay",
    "diagnose",
    "dynamics",
    "load_checkpoint",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'carousel' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)

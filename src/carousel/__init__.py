"""How does an LSTM keep its gradient from vanishing, and does it? Measurements, claims and verdicts.

``decay``, ``dynamics``, ``depth`` and ``accuracy`` measure one setting and return a table, ``diagnose`` measures a
torch module of your own (``load_checkpoint`` takes one out of a file) and ``Monitor`` watches one while it trains;
CELLS, INITS, TASKS and CLAIMS are the tables of what there is. ``carousel.testing`` checks a cell of your own. All are
loaded when first used (PEP 562), so that the import costs nothing.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from carousel.api import (
        accuracy as accuracy,
        decay as decay,
        depth as depth,
        dynamics as dynamics,
    )
    from carousel.cells import CELLS as CELLS
    from carousel.claims import CLAIMS as CLAIMS
    from carousel.diagnosis.checkpoint import load_checkpoint as load_checkpoint
    from carousel.diagnosis.diagnose import diagnose as diagnose
    from carousel.diagnosis.monitor import Monitor as Monitor
    from carousel.inits import INITS as INITS
    from carousel.tasks import TASKS as TASKS

__version__ = "0.1.0"

HOMES = {
    "CELLS": "carousel.cells",
    "INITS": "carousel.inits",
    "TASKS": "carousel.tasks",
    "CLAIMS": "carousel.claims",
    "decay": "carousel.api",
    "depth": "carousel.api",
    "dynamics": "carousel.api",
    "accuracy": "carousel.api",
    "diagnose": "carousel.diagnosis.diagnose",
    "load_checkpoint": "carousel.diagnosis.checkpoint",
    "Monitor": "carousel.diagnosis.monitor",
}
"""The module of each public name."""
__all__ = [
    "CELLS",
    "CLAIMS",
    "INITS",
    "Monitor",
    "TASKS",
    "accuracy",
    "decay",
    "depth",
    "diagnose",
    "dynamics",
    "load_checkpoint",
]


EXTRAS = {
    "torch": "torch",
    "matplotlib": "torch",
    "seaborn": "torch",
    "sklearn": "study",
    "snakemake": "study",
    "jupytext": "study",
    "pypandoc": "study",
    "numba": "fast",
    "llvmlite": "fast",
}
"""The extra of the distribution that brings a package, by the name that is imported."""


def lacking(error: Exception) -> str:
    """What to install where a package could not be imported; nothing for other errors and packages of no extra."""
    package = str(getattr(error, "name", "")).partition(".")[0]
    extra = EXTRAS.get(package) if isinstance(error, ModuleNotFoundError) else None
    return f"{package} is not installed; allowed: pip install 'carousel-rnn[{extra}]'" if extra else ""


def project_folder() -> Path:
    """The folder of what is no Python, such as Snakefile, config/ and report/: in a wheel the package's own.

    Elsewhere the checkout; pyproject.toml says what a wheel has of it.
    """
    package = Path(__file__).parent
    own = package / "project"
    return own if own.is_dir() else package.parents[1]


def __getattr__(name: str) -> Any:
    if name == "testing":
        return import_module("carousel.testing")
    if name not in HOMES:
        raise AttributeError(f"module 'carousel' has no attribute {name!r}")
    try:
        return getattr(import_module(HOMES[name]), name)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(lacking(error) or str(error), name=error.name) from error


def __dir__() -> list[str]:
    return sorted([*globals(), *HOMES])

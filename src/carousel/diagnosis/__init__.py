"""The measurements of the suite on a user's own torch module: `carousel.diagnose` is the door to them.

What it returns, what it raises and `load_checkpoint` are loaded when first used (PEP 562).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from carousel.diagnosis.checkpoint import load_checkpoint as load_checkpoint
    from carousel.diagnosis.layer import ModuleError as ModuleError
    from carousel.diagnosis.result import Diagnosis as Diagnosis

HOMES = {
    "Diagnosis": "carousel.diagnosis.result",
    "ModuleError": "carousel.diagnosis.layer",
    "load_checkpoint": "carousel.diagnosis.checkpoint",
}
__all__ = ["Diagnosis", "ModuleError", "load_checkpoint"]


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module 'carousel.diagnosis' has no attribute {name!r}")
    return getattr(import_module(HOMES[name]), name)

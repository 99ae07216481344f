"""The measurements of the suite on a user's own torch module."""

from carousel.diagnosis.checkpoint import load_checkpoint
from carousel.diagnosis.layer import ModuleError
from carousel.diagnosis.measuring import diagnose
from carousel.diagnosis.result import Diagnosis

__all__ = ["Diagnosis", "ModuleError", "diagnose", "load_checkpoint"]

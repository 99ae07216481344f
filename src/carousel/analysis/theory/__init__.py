"""Closed forms that the measurements are held against; nothing here measures.

Everything is in decades (log10) or decades per step: negative = the gradient decays on its way back.
"""

from carousel.analysis.theory import forget, mean_field, products, scalar, spectral
from carousel.analysis.theory.forget import (
    Moments,
    chrono_gate,
    chrono_norm,
    chrono_rate,
    chrono_time,
    forget_product,
    gaussian_gate,
    gaussian_product,
)
from carousel.analysis.theory.gaussian import gaussian_mean
from carousel.analysis.theory.products import (
    gaussian_exponents,
    gaussian_norms,
    gaussian_variances,
    isometry_exponents,
    isometry_norms,
    jordan_entry,
)
from carousel.analysis.theory.scalar import (
    ACTIVATIONS,
    CRITICAL_POWER,
    LN10,
    Orbit,
    cycle,
    fixed_points,
    flip_weight,
    largest_factor,
    largest_multiplier,
    log10_derivative,
    log10_sigmoid,
    multiplier,
    orbits,
    rate,
    sigmoid,
    trajectory,
)
from carousel.analysis.theory.spectral import (
    gru_eigenvalues,
    gru_radius,
    lstm_critical_bias,
    lstm_eigenvalues,
    lstm_radius,
)

__all__ = [
    "ACTIVATIONS",
    "CRITICAL_POWER",
    "LN10",
    "Moments",
    "Orbit",
    "chrono_gate",
    "chrono_norm",
    "chrono_rate",
    "chrono_time",
    "cycle",
    "fixed_points",
    "flip_weight",
    "forget",
    "forget_product",
    "gaussian_exponents",
    "gaussian_gate",
    "gaussian_mean",
    "gaussian_norms",
    "gaussian_product",
    "gaussian_variances",
    "gru_eigenvalues",
    "gru_radius",
    "isometry_exponents",
    "isometry_norms",
    "jordan_entry",
    "largest_factor",
    "largest_multiplier",
    "log10_derivative",
    "log10_sigmoid",
    "lstm_critical_bias",
    "lstm_eigenvalues",
    "lstm_radius",
    "mean_field",
    "multiplier",
    "orbits",
    "products",
    "rate",
    "scalar",
    "sigmoid",
    "spectral",
    "trajectory",
]

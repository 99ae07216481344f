"""Adam and clipping, for the stacked arrays of M models: each model is stepped as if it were alone."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from carousel.axes import Array
from carousel.engine.backends.backend import Backend

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8  # Kingma and Ba (2015), their recommendation


@dataclass
class Adam:
    """Adam's moments for the arrays of M models; each model is stepped as if it were alone."""

    first: list[Array]
    second: list[Array]
    backend: Backend
    rates: Float[np.ndarray, " M"]  # learning rates
    steps: int = 0

    def of(self, places: list[int]) -> "Adam":
        """The moments of some of the models."""
        first, second = ([a[places] for a in arrays] for arrays in (self.first, self.second))
        return Adam(first, second, self.backend, self.rates[places], self.steps)

    def step(self, arrays: list[Array], gradients: list[Array]) -> list[Array]:
        """The arrays after one step (Kingma and Ba 2015, algorithm 1)."""
        self.steps += 1
        self.first = [BETA_1 * m + (1 - BETA_1) * g for m, g in zip(self.first, gradients, strict=True)]
        self.second = [BETA_2 * v + (1 - BETA_2) * g * g for v, g in zip(self.second, gradients, strict=True)]
        c_1, c_2 = 1 - BETA_1**self.steps, 1 - BETA_2**self.steps
        rate = self.backend.array((self.rates / c_1).reshape(-1, 1, 1))
        return [
            a - rate * m / ((v / c_2) ** 0.5 + EPSILON)
            for a, m, v in zip(arrays, self.first, self.second, strict=True)
        ]


@np.errstate(over="ignore", invalid="ignore")  # the norms say so
def clipped(
    backend: Backend, gradients: list[Array], limit: float
) -> tuple[list[Array], Float[np.ndarray, " M"]]:
    """The gradients, each model's scaled down to norm `limit` where it is above, and the norms before that.

    A norm is not finite where the gradient is not, or too long for a float64 in all.
    """
    norms = [backend.norm(g.reshape(len(g), -1, 1))[:, 0] for g in gradients]
    norm = np.sqrt(np.square(norms).sum(0))
    if not np.isfinite(norm).all():
        norm = np.where(np.isfinite(norm), norm, far_norm(backend, gradients))
    factor = backend.array((limit / np.maximum(norm, limit)).reshape(-1, 1, 1))
    return [g * factor for g in gradients], norm


def far_norm(backend: Backend, gradients: list[Array]) -> Float[np.ndarray, " M"]:
    """The norm of each model's gradient where squares may overflow; NaN or infinite where it is not finite."""
    rows = np.concatenate([backend.numpy(g).astype(float).reshape(len(g), -1) for g in gradients], axis=1)
    peak = np.maximum(abs(rows).max(1), 1.0)
    return np.where(np.isfinite(peak), peak * np.linalg.norm(rows / peak[:, None], axis=1), peak)

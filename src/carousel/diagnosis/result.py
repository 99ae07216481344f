"""The result of a diagnosis: tables, a sentence and a figure."""

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import pandas as pd

from carousel.diagnosis.sentence import sentence

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Diagnosis:
    """How far back in time the gradient of a module reaches, layer by layer.

    `decay`: layer, direction, quantity, lag, log10_norm, n_zero, n, error: the mean over n sequences, but for n_zero
    that are exactly zero, of log10 of the Jacobian's Frobenius (jacobian_fro) and spectral norm (jacobian_spec); ..._hh
    and ..._cc: h by h and c by c alone; ..._x: h by the input. `error`: the standard error where it is an estimate.
    `rates`: layer, direction, value, low, high, changes, smallest, largest: the rate of jacobian_fro by lag in decades
    per step, negative where it decays, with its interval of 95 %; whether it changes with the lag, as in a transient,
    so that it says nothing of longer sequences; and the rates of the sequences where it is smallest and largest.
    `exponents`: layer, direction, index, value, error: Lyapunov exponents in decades per step, the largest first,
    and their standard errors, which allow for the correlation of neighbouring blocks of steps.
    `gates`: layer, direction, quantity, quantile, value, n: of each gate, and of the factors by which an error enters
    and leaves the carousel (see carousel.measures.gates), the mean (quantile NaN) and quantiles over units, sequences
    and up to 16 steps. RNNs and modules of your own have none.
    `descriptions`: what each layer and direction is, in words.
    """

    decay: pd.DataFrame
    rates: pd.DataFrame
    exponents: pd.DataFrame
    gates: pd.DataFrame
    descriptions: dict[tuple[int, str], str]

    @property
    def sentence(self) -> str:
        """How far back the gradient reaches at what precision, a line per layer and direction."""
        return "\n".join(
            sentence(self.decay, self.rates, key, descriptions, self.two_ways)
            for key, descriptions in self.descriptions.items()
        )

    @property
    def two_ways(self) -> bool:
        """Whether some layers read their sequences backwards."""
        return any(direction == "backward" for _, direction in self.descriptions)

    def figure(self) -> "Figure":
        """Decay, exponents, and gates where there are any, one above the other."""
        from carousel.diagnosis.figure import draw

        return draw(self.decay, self.exponents, self.gates, self.two_ways)

    def __str__(self) -> str:
        return self.sentence

    def _repr_html_(self) -> str:
        return "".join(f"<p>{escape(line)}</p>" for line in self.sentence.splitlines())

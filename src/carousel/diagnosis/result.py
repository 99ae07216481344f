"""The result of a diagnosis: tables, a sentence and a figure."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from carousel.analysis.stats.tables import select
from carousel.diagnosis import answer
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
    `shares`: layer, direction, added, chrono, lag, log10_share, low, high, n, n_zero, extrapolated, entry: log10 of the
    share of the gradient that arrives at lags 10, 100 and 1,000, with its interval of 95 % (see
    carousel.diagnosis.shares), in the module as it is (added 0), in copies with that much more bias on the gate that
    keeps the state and, added NaN, in one with chrono biases for so many steps (chrono, otherwise 0). `entry`: the
    median of d h / d c there, as in `gates`; NaN where a cell has none, or it was not measured.
    `biases`: layer, direction, cell, gate, units, mean, deviation, smallest, largest: that bias over the units, all
    bias vectors added: an LSTM's forget gate (f), a GRU's update gate (u; 1 keeps).
    `advice`: layer, direction, lag, cell, ... of the study's table of recommended settings, which is from `source`.
    `exponents`: layer, direction, index, value, error: Lyapunov exponents in decades per step, the largest first,
    and their standard errors, which allow for the correlation of neighbouring blocks of steps.
    `gates`: layer, direction, quantity, quantile, value, n: of each gate, and of the factors by which an error enters
    and leaves the carousel (see carousel.measures.gates), the mean (quantile NaN) and quantiles over units, sequences
    and up to 16 steps. RNNs and modules of your own have none.
    `descriptions`: what each layer and direction is, in words.
    """

    decay: pd.DataFrame
    rates: pd.DataFrame
    shares: pd.DataFrame
    biases: pd.DataFrame
    exponents: pd.DataFrame
    gates: pd.DataFrame
    descriptions: dict[tuple[int, str], str]
    advice: pd.DataFrame
    source: str

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

    @property
    def answer(self) -> str:
        """The sentence of each layer and direction and, below it, what follows for its user, a line each."""
        lines = zip(self.sentence.splitlines(), self.descriptions, strict=True)
        return "\n".join("\n  ".join([first, *self.more(*key)]) for first, key in lines)

    def more(self, layer: int, direction: str) -> list[str]:
        """What follows for the user of one layer and direction, a line for each subject."""
        where = {"layer": layer, "direction": direction}
        shares, biases, advice, exponents, rates = (
            select(each, **where)
            for each in (self.shares, self.biases, self.advice, self.exponents, self.rates)
        )
        (rate,) = rates.itertuples()
        lines = [
            answer.arriving(shares),
            answer.bias(biases),
            answer.higher(shares, biases),
            answer.recommended(advice, biases, self.source),
            answer.parallel(exponents, rate),
        ]
        return [line for line in lines if line]

    def __str__(self) -> str:
        return self.answer

    def to_json(self, indent: int | None = None) -> str:
        """The tables, and what they say, as JSON; carousel.diagnosis.json_form has its schema."""
        from carousel.diagnosis.json_form import to_json

        return to_json(self, indent)

    def to_html(self) -> str:
        """The answer, the shares and the figure as one fragment of HTML, for light and dark pages."""
        from carousel.diagnosis.html_form import to_html

        return to_html(self)

    def _repr_html_(self) -> str:
        return self.to_html()

"""Studies in which every true effect lies at its margin: a verdict that a claim reaches there is wrong.

A planted study says which parts, settings and repetitions a claim has. What was measured of them is then put at the
value where the effect changes sides, with noise that half is the repetition's and half the setting's own; the backends
see the same. From there on everything is the claim's: effects, intervals, Holm's correction, its rule and how it
combines its parts.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from unittest.mock import patch

import numpy as np
import pandas as pd

from carousel.analysis.stats import resampling
from carousel.analysis.stats.tables import SETTING, numbered
from carousel.axes import BACKENDS
from carousel.claims import CLAIMS, evidence
from carousel.claims.claim import Claim, Tables

WRONG = ("supported", "refuted")
DRAWS = 400  # of the bootstrap: ends move by 5 % of the interval's width, either way
SPREAD = 0.2  # of the noise, of the margin (or of one, where that is zero)
BY_INTERVAL = [
    name for name, claim in CLAIMS.items() if {"comparison", "trend"} & set(claim.kind.split(", "))
]


def at_the_margin(table: pd.DataFrame, column: str, edge: float, rng: np.random.Generator) -> pd.DataFrame:
    """The rows with ``column`` at the edge, and noise by repetition and setting."""
    setting = numbered(table, [name for name in [*SETTING, "task", "rival"] if name in table])
    repetition = table["repetition"].to_numpy(int)
    common, own = (
        rng.standard_normal(repetition.max() + 1),
        rng.standard_normal((setting.max() + 1, repetition.max() + 1)),
    )
    noise = np.sqrt(0.5) * (common[repetition] + own[setting, repetition])
    return table.assign(**{column: edge + SPREAD * (abs(edge) or 1.0) * noise})


def everywhere(found: pd.DataFrame) -> pd.DataFrame:
    """The reference's rows of evidence, and the same on every other backend: all see the same."""
    return pd.concat(
        [found.assign(backend=name, shared=found["effect"]) for name in BACKENDS], ignore_index=True
    )


class Null:
    """`evidence._evidence` of tables at their margin; ``calls`` counts the parts."""

    def __init__(self, study: int) -> None:
        self.rng, self.calls, self.real = np.random.default_rng([20, study]), 0, evidence._evidence

    def __call__(
        self,
        table: pd.DataFrame,
        by: Sequence[str],
        column: str,
        part: str,
        margin: float,
        how: str,
        test: Callable,
    ) -> pd.DataFrame:
        sides = {evidence.equivalence_p: margin * self.rng.choice([-1, 1])}
        table = table.dropna(subset=[column])
        if table.empty:
            return self.real(table, by, column, part, margin, how, test)
        self.calls += 1
        null = at_the_margin(evidence.reference(table), column, sides.get(test, margin), self.rng)
        return everywhere(self.real(null, by, column, part, margin, how, test))


def verdicts(claim: Claim, tables: Tables, studies: Iterable[int]) -> Iterator[str]:
    """The verdicts of a claim on null studies, by their numbers."""
    for study in studies:
        null = Null(study)
        with patch.object(evidence, "_evidence", null), patch.object(resampling, "DRAWS", DRAWS):
            found = claim.evidence(tables)
        assert null.calls, f"{claim.id} has no evidence with an interval"
        yield claim.decide(found).verdict

"""What is wrong with the instrument, and the verdicts that are withheld for it."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from carousel.analysis import names
from carousel.axes import BACKENDS
from carousel.claims.claim import Verdict
from carousel.claims.rules import INCONCLUSIVE


def calibration_failures(calibration: pd.DataFrame) -> list[str]:
    """Return what is wrong with the instrument: each system that failed on a backend, each backend never calibrated."""
    failed = calibration.loc[~calibration["passed"].eq(True), ["system", "backend"]].drop_duplicates()
    absent = [name for name in BACKENDS if name not in set(calibration["backend"])]
    return [
        f"{names.spelled(row.system)} failed its calibration on {names.backend(row.backend)}"
        for row in failed.itertuples()
    ] + [f"the {names.backend(name)} backend was not calibrated" for name in absent]


def withheld_if_uncalibrated(verdict: Verdict, failures: Sequence[str]) -> Verdict:
    """Return the verdict, or an inconclusive one that says why where the calibration has failures.

    The numbers stay: they are what was measured. No word is said over them.
    """
    if not failures or verdict.verdict == INCONCLUSIVE:
        return verdict
    more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
    condition = f"{failures[0]}{more}: no verdict by an instrument that is wrong where the answer is known."
    return replace(verdict, verdict=INCONCLUSIVE, condition=condition)

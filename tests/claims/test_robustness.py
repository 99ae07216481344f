"""What would settle an open claim: the repetitions at which its interval and its corrected p would decide it."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from carousel.analysis.stats.tested import student
from carousel.axes import BACKENDS, REFERENCE
from carousel.claims import CLAIMS
from carousel.claims.claim import Verdict, corrected
from carousel.claims.robustness import repetitions, to_change, to_settle
from carousel.claims.rules import ALPHA, FAILS, HOLDS, UNCLEAR, comparison

MEASURED, HALF = 10, 0.5
ERROR = HALF / t.ppf(0.975, MEASURED - 1) * np.sqrt(MEASURED)  # the standard deviation behind that interval


def sample(count: int, mean: float) -> np.ndarray:
    """That many values of this mean, with the standard deviation ERROR."""
    values = np.random.default_rng(count).standard_normal(count)
    return mean + ERROR * (values - values.mean()) / values.std(ddof=1)


@pytest.mark.parametrize(("off", "family"), [(0.45, 1), (0.45, 12), (0.55, 12), (0.3, 40), (0.1, 3)])
def test_so_many_repetitions_are_just_enough(off: float, family: int) -> None:
    found = repetitions(HALF, off, MEASURED, family)
    assert family * student(sample(found, off), 0.0) <= ALPHA
    fewer = student(sample(found - 1, off), 0.0) * family > ALPHA
    assert fewer or found == MEASURED + 1 or HALF * np.sqrt(MEASURED / (found - 1)) >= off


def test_more_parts_ask_for_more_repetitions() -> None:
    assert repetitions(HALF, 0.45, MEASURED, 20) > repetitions(HALF, 0.45, MEASURED, 1) > MEASURED


@pytest.mark.parametrize("half", [HALF, np.inf, np.nan])
def test_at_its_margin_no_number_is_enough(half: float) -> None:
    assert repetitions(half, 0.0, MEASURED, 1) is None
    assert repetitions(half, 0.001, MEASURED, 1) is None


def evidence(effects: dict[str, float], **changes: object) -> pd.DataFrame:
    """Rows of evidence against a margin of zero, on all backends, with p as the interval has it."""
    rows = [
        {"part": part, "backend": name, "effect": effect, "low": effect - HALF, "high": effect + HALF, "margin": 0.0,
         "edge": 0.0, "p": student(sample(MEASURED, effect), 0.0), "shared": effect, "share": 1.0, "reverse": 0.0,
         "repetitions": MEASURED, "settings": 4, "n": 40, "informative": True}
        for part, effect in effects.items() for name in BACKENDS
    ]  # fmt: skip
    return corrected(pd.DataFrame(rows).assign(**changes))


def settled(rows: pd.DataFrame) -> str:
    return to_settle(rows, comparison(rows), "more")


def test_where_only_the_corrected_p_is_missing_it_says_how_many() -> None:
    """The interval lies above the margin, but three parts share the error that is allowed."""
    rows = evidence({"first": 0.55, "second": 0.55, "third": 0.01})
    assert comparison(rows).eq(UNCLEAR).all()
    needed = repetitions(HALF, 0.55, MEASURED, 3)
    assert needed > MEASURED + 1
    assert f"first (0.55 against 0), which takes about {needed} repetitions" in settled(rows)
    assert "third (0.01 against 0), which lies at its margin" in settled(rows)


def test_parts_that_are_decided_take_no_share() -> None:
    rows = evidence({"first": 9.0, "second": 9.0, "third": 0.45})
    assert comparison(rows).tolist() == [HOLDS, HOLDS, UNCLEAR]
    assert f"about {repetitions(HALF, 0.45, MEASURED, 1)} repetitions" in settled(rows)


def test_settings_that_say_the_opposite_are_named() -> None:
    rows = evidence({"first": 9.0}, reverse=0.5, share=0.0)
    assert comparison(rows).tolist() == [UNCLEAR]
    assert settled(rows).endswith("first (9 against 0), of which some settings say the opposite.")


def test_what_would_change_an_identity_is_an_error() -> None:
    """Q1's effect is a rate: a decided identity is changed by an error on the other side of the tolerance."""
    rows = pd.DataFrame({"part": ["a", "b"], "backend": REFERENCE, "error": [1e-13, 0.2]})
    found = Verdict("depends", "", "", effect=-0.3)
    said = to_change(CLAIMS["Q1"], rows, found)
    assert said.endswith(
        "of the parts that hold the largest is 1e\N{MINUS SIGN}13, of the others the smallest 0.2."
    )
    assert to_change(CLAIMS["Q1"], rows.head(1), found).endswith("it is 1e\N{MINUS SIGN}13.")


def test_the_part_closest_to_its_margin_is_named() -> None:
    rows = evidence({"far": 5.0, "near": 1.5, "further": -3.0})
    found = Verdict("depends", "", "", states={"far": HOLDS, "near": HOLDS, "further": FAILS})
    said = to_change(CLAIMS["K2"], rows, found)
    assert said == "Closest to its margin: near, 1.5 against 0, 3 half-widths of its interval away."

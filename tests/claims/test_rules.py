"""Every rule turns at the numbers that it prints: planted evidence just on either side of each."""

import numpy as np
import pandas as pd
import pytest

from carousel.axes import BACKENDS
from carousel.claims import rules
from carousel.claims.claim import corrected
from carousel.claims.rules import FAILS, HOLDS, INCONCLUSIVE, MIXED, REFUTED, SUPPORTED, UNCLEAR

SETTLED = {"part": "a", "low": 1.1, "high": 1.3, "effect": 1.2, "shared": 1.2, "margin": 1.0, "share": 0.0,
           "reverse": 0.0, "repetitions": 10, "p_holm": 0.05, "informative": True}  # fmt: skip
BELOW = {"low": 0.7, "high": 0.9, "effect": 0.8, "shared": 0.8}
LITTLE = 1e-9


def evidence(changes: dict, of_torch: dict | None = None) -> pd.DataFrame:
    """Return one part on every backend: SETTLED with changes, and others for the second backend alone."""
    rows = [SETTLED | changes | {"backend": name} for name in BACKENDS]
    rows[-1] |= of_torch or {}
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, HOLDS),
        ({"low": 1.0}, UNCLEAR),
        ({"low": 1.0 + LITTLE}, HOLDS),
        (BELOW, FAILS),
        (BELOW | {"high": 1.0}, UNCLEAR),
        (BELOW | {"high": 1.0 - LITTLE}, FAILS),
        ({"p_holm": 0.05 + LITTLE}, UNCLEAR),
        ({"repetitions": 9}, UNCLEAR),
        ({"informative": False}, UNCLEAR),
        ({"reverse": 0.05}, HOLDS),
        ({"reverse": 0.05 + LITTLE}, UNCLEAR),
        ({"share": 1.0}, HOLDS),
        (BELOW | {"share": 0.05}, FAILS),
        (BELOW | {"share": 0.05 + LITTLE}, UNCLEAR),
        (BELOW | {"reverse": 1.0}, FAILS),
        ({"share": 0.06, "reverse": 0.06}, MIXED),
        ({"share": 0.06, "reverse": 0.06, "p_holm": 0.9}, MIXED),
        ({"share": 0.06, "reverse": 0.06, "repetitions": 9}, UNCLEAR),
        ({"share": 0.06, "reverse": 0.06, "informative": False}, UNCLEAR),
    ],
)
def test_a_comparison_turns_at_its_margin_and_at_what_it_asks_for(changes: dict, state: str) -> None:
    assert rules.comparison(evidence(changes))["a"] == state


@pytest.mark.parametrize(
    ("changes", "decays", "stays"),
    [
        ({"low": -1.3, "high": -1.1}, HOLDS, FAILS),
        ({"low": -1.3, "high": -1.0}, UNCLEAR, UNCLEAR),
        ({"low": -1.0, "high": 1.3}, UNCLEAR, UNCLEAR),
        ({"low": -1.0 + LITTLE, "high": 1.3}, FAILS, HOLDS),
        ({"low": -1.3, "high": -1.1, "share": 0.05 + LITTLE}, UNCLEAR, UNCLEAR),
        ({"low": -1.3, "high": -1.1, "reverse": 1.0}, HOLDS, FAILS),
        ({"low": -0.5, "reverse": 0.05 + LITTLE}, UNCLEAR, UNCLEAR),
        ({"low": -0.5, "share": 1.0}, FAILS, HOLDS),
        ({"low": -1.3, "high": -1.1, "p_holm": 0.05 + LITTLE}, UNCLEAR, UNCLEAR),
        ({"low": -1.3, "high": -1.1, "repetitions": 9}, UNCLEAR, UNCLEAR),
        ({"share": 0.06, "reverse": 0.06}, MIXED, MIXED),
    ],
)
def test_a_trend_turns_at_minus_its_margin(changes: dict, decays: str, stays: str) -> None:
    table = evidence({"effect": -1.2, "shared": -1.2} | changes)
    assert (rules.trend(table, True)["a"], rules.trend(table, False)["a"]) == (decays, stays)


@pytest.mark.parametrize(
    ("low", "high", "state"),
    [
        (-1.0, 1.0, HOLDS),
        (-1.0 - LITTLE, 0.5, UNCLEAR),
        (-0.5, 1.0 + LITTLE, UNCLEAR),
        (1.0, 1.5, UNCLEAR),
        (1.0 + LITTLE, 1.5, FAILS),
        (-1.5, -1.0, UNCLEAR),
        (-1.5, -1.0 - LITTLE, FAILS),
    ],
)
def test_an_equivalence_turns_at_both_margins(low: float, high: float, state: str) -> None:
    assert rules.equivalence(evidence({"low": low, "high": high}))["a"] == state
    assert rules.equivalence(evidence({"low": low, "high": high, "p_holm": 0.06}))["a"] == UNCLEAR


@pytest.mark.parametrize(
    ("changes", "of_torch", "state"),
    [
        ({"error": 1e-9, "checked": 100}, {}, HOLDS),
        ({"error": 1.01e-9, "checked": 100}, {}, FAILS),
        ({"error": 1e-9, "checked": 99}, {}, UNCLEAR),
        ({"error": 1e-9, "checked": 100}, {"error": 1.01e-9}, UNCLEAR),
        ({"error": 1e-9, "checked": 100}, {"checked": 99}, UNCLEAR),
        ({"error": np.nan, "checked": 100}, {}, UNCLEAR),
    ],
)
def test_an_identity_turns_at_its_tolerance_and_asks_for_a_hundred(
    changes: dict, of_torch: dict, state: str
) -> None:
    assert rules.identity(evidence(changes, of_torch))["a"] == state


@pytest.mark.parametrize(
    ("off", "state"), [(0.0999, HOLDS), (-0.0999, HOLDS), (0.1001, UNCLEAR), (-0.1001, UNCLEAR)]
)
def test_backends_agree_within_half_an_interval(off: float, state: str) -> None:
    wide = {"low": 1.1, "high": 1.3}  # half of it is 0.1
    assert rules.comparison(evidence(wide, {"shared": 1.2 + off}))["a"] == state
    flat = {"low": 1.2, "high": 1.2}
    assert rules.comparison(evidence(flat, {"shared": 1.2 + 1e-5 * off}))["a"] == state  # rounding
    assert rules.comparison(evidence(wide, {"shared": np.nan}))["a"] == UNCLEAR


def test_the_reference_decides_and_not_what_confirms_it() -> None:
    assert rules.comparison(evidence({}, {"low": -5.0, "p_holm": 1.0, "repetitions": 1}))["a"] == HOLDS


@pytest.mark.parametrize(
    ("searched", "broken", "word"),
    [
        (20, {}, SUPPORTED),
        (19, {}, INCONCLUSIVE),
        (20, {"numpy": 3}, INCONCLUSIVE),
        (20, {"torch": 3}, INCONCLUSIVE),
        (20, {"numpy": 3, "torch": 4}, INCONCLUSIVE),
        (20, {"numpy": 3, "torch": 3}, REFUTED),
        (1, {"numpy": 0, "torch": 0}, REFUTED),
    ],
)
def test_always_takes_twenty_settings_and_one_counterexample_of_both(
    searched: int, broken: dict, word: str
) -> None:
    space = pd.DataFrame({"cell": "lstm", "gain": np.arange(searched), "numpy": 1.0, "torch": 1.0})
    breaks = pd.DataFrame(False, index=space.index, columns=[*BACKENDS])
    for backend, row in broken.items():
        breaks.loc[row, backend] = True
    assert rules.universal(space, breaks) == word


@pytest.mark.parametrize(("numpy", "torch", "wanted"), [(0.03, 0.001, 0.03), (0.001, 0.03, 0.001)])
def test_the_correction_is_on_the_p_of_the_reference(numpy: float, torch: float, wanted: float) -> None:
    rows = pd.DataFrame({"part": "a", "backend": ["numpy", "torch"], "p": [numpy, torch]})
    assert corrected(rows)["p_holm"].tolist() == pytest.approx([wanted, wanted])

"""No verdict stands on an instrument that is wrong where the answer is known."""

from dataclasses import replace

import pandas as pd
import pytest

from carousel.claims import CLAIMS, judge as judging
from carousel.claims.claim import Verdict
from carousel.claims.judge import judge
from carousel.claims.rules import INCONCLUSIVE
from carousel.claims.withheld import calibration_failures, withheld_if_uncalibrated

FOUND = Verdict(
    "supported",
    "Everywhere.",
    "A line.",
    effect=0.5,
    low=0.4,
    high=0.6,
    n=7,
    by_backend={"numpy": 0.5, "torch": 0.5},
)


def failing(calibration: pd.DataFrame, *places: tuple[str, str]) -> pd.DataFrame:
    """Return the calibration with the rows of these (system, backend) failed."""
    pairs = list(zip(calibration["system"], calibration["backend"], strict=True))
    return calibration.assign(passed=[pair not in places for pair in pairs])


@pytest.mark.parametrize("word", ["supported", "refuted", "depends"])
def test_a_fault_takes_the_word_and_leaves_the_numbers(word: str) -> None:
    found = withheld_if_uncalibrated(
        replace(FOUND, verdict=word), ["dead ReLU failed its calibration on PyTorch"]
    )
    assert found == replace(FOUND, verdict=INCONCLUSIVE, condition=found.condition)
    assert found.condition.startswith("dead ReLU failed its calibration on PyTorch")
    assert "Everywhere" not in found.condition


def test_without_a_fault_nothing_changes_and_what_is_open_keeps_its_reason() -> None:
    assert withheld_if_uncalibrated(FOUND, []) == FOUND
    undecided = replace(FOUND, verdict=INCONCLUSIVE)
    assert withheld_if_uncalibrated(undecided, ["non-normal failed its calibration on NumPy"]) == undecided


def test_faults_name_each_failed_system_and_each_missing_backend(calibration) -> None:
    assert calibration_failures(calibration) == []
    assert calibration_failures(failing(calibration, ("dead ReLU", "torch"))) == [
        "dead ReLU failed its calibration on PyTorch"
    ]
    one = calibration[calibration["backend"] == "numpy"]
    assert calibration_failures(one) == ["the PyTorch backend was not calibrated"]
    assert calibration_failures(calibration.head(0)) == [
        f"the {name} backend was not calibrated" for name in ("NumPy", "PyTorch")
    ]
    unknown = calibration.astype({"passed": object}).assign(passed=[None, *[True] * 5])
    assert calibration_failures(unknown) == ["orthogonal linear failed its calibration on NumPy"]


def test_one_failed_row_among_many_is_a_fault_named_once(calibration) -> None:
    rows = pd.concat([calibration] * 3, ignore_index=True)
    rows.loc[4, "passed"] = rows.loc[10, "passed"] = False
    assert calibration_failures(rows.astype({"backend": "category", "system": "category"})) == [
        "non-normal failed its calibration on NumPy"
    ]


BROKEN = {  # what is wrong, and how the condition of every claim then begins
    "failed": "dead ReLU failed its calibration on PyTorch (and 1 more): ",
    "empty": "the NumPy backend was not calibrated (and 1 more): ",
    "one backend": "the NumPy backend was not calibrated: ",
}


def broken(calibration: pd.DataFrame, how: str) -> pd.DataFrame:
    """Return a calibration over which nothing may be decided."""
    if how == "failed":
        return failing(calibration, ("dead ReLU", "torch"), ("non-normal", "numpy"))
    return calibration[(calibration["backend"] == "torch") & (how == "one backend")]


def test_no_claim_is_decided_over_a_fault(study, calibration, verdicts) -> None:
    sound = verdicts
    table = judge(CLAIMS, study, broken(calibration, "failed")).claims
    assert {"supported", "refuted", "depends"} <= set(sound["verdict"])
    assert set(table["verdict"]) == {INCONCLUSIVE}
    decided = (sound["verdict"] != INCONCLUSIVE).to_numpy()
    assert table["condition"][decided].str.startswith(BROKEN["failed"]).all()
    assert set(table["takeaway"]) == {judging.UNCALIBRATED}
    for column in ("would_change", "at_half_margin", "at_twice_margin"):
        assert (sound[column] != "").any() and (table[column] == "").all()
    numbers = ["effect", "low", "high", "n", "numpy", "torch"]
    pd.testing.assert_frame_equal(table[numbers], sound[numbers])


@pytest.mark.parametrize("how", BROKEN)
def test_every_kind_of_fault_shuts_the_gate(plant, calibration, how: str) -> None:
    claims = {"A1d": CLAIMS["A1d"]}
    tables = plant(need="A1d")
    assert judging.judge(claims, tables, calibration).claims["verdict"].tolist() == ["supported"]
    row = judging.judge(claims, tables, broken(calibration, how)).claims.iloc[0]
    assert row["verdict"] == INCONCLUSIVE
    assert row["condition"].startswith(BROKEN[how])

"""What the page prints stands behind its label: every field of a claim and of a check has a value of its own."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from carousel.report.page import calibration, claims, measurements

FIELDS = (
    "kind reading prediction rule margin would_change boundary alt settings who statement takeaway condition"
).split()
LABELS = {
    "Kind": "kind", "Formal reading": "reading", "Predicted": "prediction", "What settles it": "rule",
    "Margin": "margin", "What would change it": "would_change", "Threshold": "boundary",
    "The figure in numbers": "alt", "Settings": "settings",
}  # fmt: skip
CLAIM = SimpleNamespace(
    **{name: f"Words of {name.replace('_', ' ')}." for name in FIELDS}, id="K1", verdict="refuted", effect=3.25,
    low=3.125, high=3.5, unit="decades", n=70, numpy=3.375, torch=5.5, at_half_margin="depends",
    at_twice_margin="supported", sealed="broken", seal="f00", seal_commit="c0ffee", seal_date="2026-11-01", source="",
    quote="",
)  # fmt: skip
EVIDENCE = pd.DataFrame({
    "id": "K1", "backend": "numpy", "part": ["a", "b"], "settings": [7, 9], "repetitions": [10, 12],
})  # fmt: skip


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the section of a claim without its picture, and without what is said over several tables."""
    monkeypatch.setattr(claims, "figure", lambda *_: "")
    monkeypatch.setattr(claims, "finding", lambda *_: "")
    monkeypatch.setattr(claims, "ruling", lambda *_: "")
    return claims.section(
        CLAIM, EVIDENCE, SimpleNamespace(claims=pd.DataFrame({"id": ["K1"]}), evidence=EVIDENCE)
    ).replace("\\", "")


def recorded(card: str) -> dict[str, str]:
    """Return what stands behind each label of a claim's record."""
    pairs = re.findall(r"^([A-Z][^\n:]*)\n+: +(.*?)\n", card + "\n", re.M)
    assert pairs, card
    return dict(pairs)


def test_every_field_of_a_claim_stands_behind_its_label(card: str) -> None:
    found = recorded(card)
    for label, name in LABELS.items():
        assert found[label].startswith(f"Words of {name.replace('_', ' ')}."), label
        assert sum(f"Words of {name.replace('_', ' ')}." in said for said in found.values()) == 1
    assert "Words of statement." in card.split("Claimed (Words of who.)")[1].split("\n")[0]
    assert "Words of takeaway." in card.split("**In practice:**")[1].split("\n")[0]
    assert "Words of condition." in card.split("**Found:**")[1].split("\n")[0]


def test_every_number_of_a_claim_stands_behind_its_label(card: str) -> None:
    found = recorded(card)
    assert found["By backend"] == "NumPy 3.38, PyTorch 5.5"
    effect, low, high = (found["Effect"].index(each) for each in ("3.25", "3.12", "3.5"))
    assert effect < low < high
    assert found["Effect"].endswith("n = 70 models")
    assert re.fullmatch(r".*depends.* at half of it, .*supported.* at twice", found["At other margins"])
    assert found["Parts"] == "2 parts, of 7 to 9 settings each, with 10 to 12 repetitions per setting"
    assert found["Rule fixed"] == (
        "Rule fixed after data: it is not as it was sealed, at commit c0ffee on 2026-11-01; its hash is now f00"
    )


def test_the_worst_check_is_the_furthest_off_for_its_own_tolerance() -> None:
    checks = pd.DataFrame({
        "error": [1e-3, 1e-9, 0.5, np.nan], "tolerance": [1e-2, 1e-10, 4.0, 1.0],
        "in_standard_errors": [np.nan, np.nan, -3.0, np.nan],
    })  # fmt: skip
    assert calibration.off(checks).tolist() == pytest.approx([0.1, 10.0, 0.75, 0.0])
    system = checks.assign(
        system="orthogonal linear", statement="Known.", quantity="loss_state", path="full", lag=[10, 20, 30, 40],
        predicted=[1.0, 2.0, 3.0, 4.0], measured=[1.5, 2.5, 3.5, 4.5], backend=["numpy", "torch", "numpy", "torch"],
        passed=True,
    )  # fmt: skip
    shown = row_of(system)
    cells = [cell.strip() for cell in shown.strip("|").split("|")]
    assert cells[1].endswith(", 20")
    assert cells[2:6] == ["PyTorch", "2", "2.5", calibration.number(1e-9)]
    failed = system.assign(passed=[True, True, False, True])
    shown = row_of(failed)
    assert ", 30" in shown and "on NumPy" in shown and "3 of 4" in shown


def row_of(checks: pd.DataFrame) -> str:
    """Return the one row of the page's table of calibrated systems."""
    text = calibration.calibration(SimpleNamespace(calibration=checks)).replace("\\", "")
    (row,) = (row for row in text.split("\n") if "Known." in row)
    return row


def test_failed_systems_come_first() -> None:
    one = {"statement": "Known.", "quantity": "loss_state", "path": "full", "lag": 1, "predicted": 1.0, "error": 0.1,
           "measured": 1.0, "backend": "numpy", "in_standard_errors": np.nan, "tolerance": 1.0}  # fmt: skip
    names = {"first": True, "second": False, "third": True, "fourth": False}
    checks = pd.DataFrame([one | {"system": name, "passed": passed} for name, passed in names.items()])
    text = calibration.calibration(SimpleNamespace(calibration=checks))
    assert re.findall(r"^\| \*\*(\w+)\*\*:", text, re.M) == ["second", "fourth", "first", "third"]
    assert text.startswith("2 of 4 checks passed, over 4 systems.")


def test_settings_without_a_finite_rate_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    found = pd.DataFrame({"law": ["mean field"], "settings": [70], "median": [0.25], "largest": [0.5],
                          "left_out": [8], "alike": [3]})  # fmt: skip
    monkeypatch.setattr(measurements, "gaps", lambda _: found)
    monkeypatch.setattr(measurements, "drawn", lambda *_: "")
    text = measurements.theory(SimpleNamespace(summary=None))
    (row,) = (row for row in text.split("\n") if row.startswith("| mean field"))
    assert [cell.strip() for cell in row.strip("|").split("|")][2:] == ["62", "0.25", "0.5"]
    assert "8 without a finite rate; in 3 theory says the same" in text


def test_models_whose_sums_are_compared_are_those_that_are_finite(monkeypatch: pytest.MonkeyPatch) -> None:
    found = SimpleNamespace(models=30, lost=6, apart=2, largest=0.25)
    monkeypatch.setattr(measurements, "determinants", lambda _: found)
    said = measurements.sums(pd.DataFrame())
    assert said.startswith("In 22 of 30 models both are finite. There they differ by at most 0.25 decades")
    assert "In 6 both are" in said
    assert "**In 2 one is finite and the other is not.**" in said

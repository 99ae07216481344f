"""The page's table of published findings."""

from types import SimpleNamespace

import pandas as pd
import pytest
from support.report_results import published_table

from carousel.pipeline import fingerprint
from carousel.report.page import published


def page(table: pd.DataFrame) -> str:
    return published.published(SimpleNamespace(published=table))


def test_a_row_has_the_finding_its_source_numbers_and_outcome() -> None:
    text = page(published_table())
    assert "Of 3 findings: 1 reproduced, 1 not reproduced, 1 not tried." in text
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")][2:]
    assert [row[0] for row in rows] == [
        "| One before the other [@tallec2018]", "| It stays [@arjovsky2016]", "| Lacking [@tallec2018]",
    ]  # fmt: skip
    assert [row[3] for row in rows[:2]] == [
        "above 0.5 octaves of steps (less is nothing)", "within ±0.1 nats (less is nothing)"
    ]  # fmt: skip
    assert [row[4:] for row in rows] == [
        ["1.25 \\[1.12, 1.38\\]", "10", "0.001", "reproduced |"],
        ["0.3 \\[0.2, 0.4\\]", "10", "0.9", "not reproduced |"],
        ["", "0", "", "not tried |"],
    ]
    assert "<script>" not in text


@pytest.fixture
def nothing() -> pd.DataFrame:
    return published_table().tail(1)


def test_a_study_that_tries_nothing_says_so_and_shows_the_record(
    nothing: pd.DataFrame, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published, "RECORD", tmp_path / "published.csv")
    text = page(nothing)
    assert "This study tries none of them" in text and "Of 1 findings: 1 not tried." in text
    published_table().to_csv(published.RECORD, index=False)
    text = page(nothing)
    assert "This study tries none of them" in text and "`docs/published`" in text
    assert text.endswith(published.by_finding(published_table()))


def test_the_page_is_made_again_when_the_record_changes(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("report", "docs/published"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fingerprint, "PROJECT", tmp_path)
    monkeypatch.setattr(fingerprint, "_paths", list)
    assert "docs/published/published.csv" not in fingerprint.report()
    (tmp_path / "docs/published/published.csv").touch()
    assert "docs/published/published.csv" in fingerprint.report()

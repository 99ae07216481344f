"""Claims from files on the page and in figures: a part of their own, with source, seal and the count of late rules."""

import json
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from support.report_results import claims_table

from carousel.report.figures import parts
from carousel.report.figures.draw import brought as draw
from carousel.report.figures.style import style
from carousel.report.figures.svg import save
from carousel.report.page import claims as page


def own(**changed: object) -> pd.DataFrame:
    """One claim of a file, as the table of claims has it."""
    row = claims_table().iloc[0].to_dict() | {
        "id": "F1", "figure": "F1.svg", "register": "folklore", "source": "https://example.org/a",
        "quote": "It <is> so", "who": "somebody", "unit": "decades",
        "thresholds": json.dumps({"within": 0.3, "rules.ALPHA": 0.05}),
    }  # fmt: skip
    return pd.DataFrame([row | changed])


def evidence() -> pd.DataFrame:
    rows = [
        {"id": "F1", "part": part, "backend": backend, "effect": effect, "low": effect - 0.1, "high": effect + 0.1,
         "shared": effect + 0.01, "repetitions": 10, "settings": 2, "n": 20, "state": "holds", "margin": 0.3,
         "p_holm": 0.001, "share": 0.0, "reverse": 0.0}
        for part, effect in (("LSTM", 0.5), ("GRU", -0.25)) for backend in ("numpy", "torch")
    ]  # fmt: skip
    return pd.DataFrame(rows)


def data(tmp_path: Path, claims: pd.DataFrame) -> SimpleNamespace:
    for kind in ("narrow", "data"):
        (tmp_path / "figures" / kind).mkdir(parents=True, exist_ok=True)
    for name in claims["id"]:
        (tmp_path / "figures" / "data" / f"{name}.csv").write_text("panel,x\n")
        for place in (tmp_path / "figures", tmp_path / "figures" / "narrow"):
            with style():
                save(draw(name, claims, evidence()), place / f"{name}.svg")
    return SimpleNamespace(claims=claims_table(), brought=claims, evidence=evidence(), results=tmp_path)


def test_a_file_has_a_part_of_its_own_with_its_source(tmp_path: Path) -> None:
    text = page.brought(data(tmp_path, own()))
    assert text.startswith("## Claims of folklore {#claims-folklore}")
    assert "### F1 " in text and "(https://example.org/a)" in text and "<is>" not in text
    assert page.brought(data(tmp_path, own().iloc[:0])) == ""


SAID = {
    "before the data": "Before the data that it decides: sealed, at commit 0123abc on 2026-01-01; its hash is now 9f",
    "after the data": "Rule fixed after the data; sealed since, at commit 0123abc on 2026-01-01; its hash is now 9f",
    "broken": "Rule fixed after data: it is not as it was sealed, at commit 0123abc on 2026-01-01; its hash is now 9f",
}


@pytest.mark.parametrize("state", SAID)
def test_the_card_says_when_the_rule_was_fixed(state: str) -> None:
    (row,) = own(sealed=state, seal="9f", seal_commit="0123abc", seal_date="2026-01-01").itertuples()
    assert page.fixed(row).replace("\\", "") == SAID[state]


def test_a_rule_that_is_not_sealed_was_fixed_after_its_data() -> None:
    (row,) = own(sealed="none", seal="9f", seal_commit="", seal_date="").itertuples()
    assert page.fixed(row) == "Rule fixed after data: it is not sealed; its hash is now 9f"


def test_the_page_counts_the_rules_that_came_late() -> None:
    both = pd.concat([own(sealed=state) for state in ("before the data", "after the data", "broken", "none")])
    assert page.fixed_after(SimpleNamespace(claims=both)).startswith(
        "Of 4 rules 3 were fixed as they stand after the data"
    )


def test_the_figure_has_every_part_with_its_interval_and_the_thresholds() -> None:
    claim = own().iloc[0]
    (ax,) = parts.figure(claim, evidence()).axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["LSTM", "GRU"]
    dots = {
        line.get_label(): [*line.get_xdata()]
        for line in ax.lines
        if str(line.get_label()) in ("NumPy", "PyTorch")
    }
    assert dots == {"NumPy": [0.5, -0.25], "PyTorch": [0.51, -0.24]}
    upright = [float(line.get_xdata()[0]) for line in ax.lines if line.get_color() == "black"]
    assert upright == parts.edges(claim["thresholds"]) == [0.3, -0.3]
    assert parts.edges("") == []


def test_a_claim_without_evidence_says_so() -> None:
    (ax,) = parts.figure(own().iloc[0], evidence().iloc[:0]).axes
    assert "did not measure" in ax.texts[0].get_text()

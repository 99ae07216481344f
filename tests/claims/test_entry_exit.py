"""The doors of the carousel: verdicts turn with the planted factors, and their figures draw them."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from support import planted_entry_exit as planted_doors
from support.planting import Truth

from carousel.claims import a4c_entry_factor as a4c, a4d_exit_factor as a4d
from carousel.claims.claim import Tables, Verdict
from carousel.claims.robustness import at_other_margins
from carousel.claims.settings_text import described
from carousel.report.figures import entry_exit
from carousel.report.figures.style import style
from carousel.report.figures.svg import save

CLAIMS = {"A4c": a4c.CLAIM, "A4d": a4d.CLAIM}
FIGURES = {"A4c": entry_exit.a4c_figure, "A4d": entry_exit.a4d_figure}
FLAT = {"start": 0.97, "trained": 0.95}  # slopes of the squashing that take a little

TURNS = [
    ("A4c", {}, "refuted"),
    ("A4c", {"slopes": FLAT}, "supported"),
    ("A4c", {"slopes": FLAT | {"trained": 0.3}}, "depends"),
    ("A4c", {"slopes": FLAT | {2.0: 0.3}}, "depends"),
    ("A4c", {"slopes": {"start": 0.9, "trained": 0.9}}, "inconclusive"),
    ("A4c", {"slopes": {"start": 1.3, "trained": 1.2}}, "inconclusive"),
    ("A4c", {"slopes": FLAT, "output": 0.05}, "supported"),
    ("A4c", {"output": 1.0}, "refuted"),
    ("A4d", {}, "depends"),
    ("A4d", {"affine": 0.3}, "supported"),
    ("A4d", {"affine": 0.3, "opening": -1.0}, "depends"),
    ("A4d", {"affine": 3.0, "gate": 1.0, "squash": 1.0, "opening": -1.0}, "refuted"),
    ("A4d", {"affine": 0.3, "squash": 1.0}, "depends"),
    ("A4d", {"affine": 0.3, "squash": 0.99}, "inconclusive"),
]


def tables(**changes: object) -> Tables:
    """Return tables of which only the dynamics hold anything."""
    truth = replace(Truth(), **changes)
    columns = ["backend", "device", "dtype", "slice", "cell", "init", "forget_bias", "trained", "gradient"]
    dynamics = planted_doors.dynamics(truth)
    return Tables(pd.DataFrame(), pd.DataFrame(), dynamics.astype(dict.fromkeys(columns, "category")))


def decided(name: str, measured: Tables) -> Verdict:
    """Return one claim's verdict, its own p values corrected."""
    return CLAIMS[name].decide(CLAIMS[name].evidence(measured))


@pytest.mark.parametrize(("name", "extra", "verdict"), TURNS)
def test_verdicts_turn_with_the_factors(name: str, extra: dict, verdict: str) -> None:
    found = decided(name, tables(extra=extra))
    assert found.verdict == verdict, found.condition
    assert found.low <= found.effect <= found.high
    assert found.alt


@pytest.mark.parametrize("changes", [{"repetitions": 5}, {"backends": ("numpy",)}, {"backends": ("torch",)}])
@pytest.mark.parametrize("name", CLAIMS)
def test_too_little_decides_nothing(name: str, changes: dict) -> None:
    found = decided(name, tables(**changes))
    assert found.verdict == "inconclusive"
    assert "Undecided" in found.condition


@pytest.mark.parametrize("name", CLAIMS)
def test_nothing_measured_decides_nothing(name: str) -> None:
    found = decided(name, Tables(*(table.head(0) for table in tables())))
    assert found.verdict == "inconclusive"
    assert "would settle it" in found.condition
    assert (
        described(CLAIMS[name].rows(Tables(*(table.head(0) for table in tables()))))
        == "Nothing was measured."
    )


def test_what_gets_in_is_told_cell_by_cell() -> None:
    found = decided("A4c", tables(extra={"slopes": FLAT | {"trained": 0.3}}))
    condition = found.condition
    assert (
        "A little is lost in the squashing: LSTM of 1997 at the start; LSTM at forget bias 0 at the start; LSTM at "
        in condition
    )
    assert (
        "More than a little is lost in the squashing: LSTM of 1997 after training; LSTM at forget bias 0 after"
        in condition
    )
    words = "100 % of units lose more than a little; the output gate 0.6, both together 0.18"
    assert f"LSTM at forget bias 1 after training 0.3 ({words})" in found.alt


def test_the_slope_is_the_entry_factor_over_the_gate_unit_by_unit() -> None:
    found = a4c.units(a4c.rows(tables(extra={"slopes": FLAT, "output": 0.2})))
    start = found[found["step"] == 0]
    assert start["squash"].to_numpy() == pytest.approx(0.97, abs=0.02)
    assert start["gate"].to_numpy() == pytest.approx(0.2, abs=0.06)


def test_a_gate_that_is_exactly_shut_has_no_slope() -> None:
    measured = tables()
    shut = measured.dynamics["quantity"].isin(a4c.SEEN)
    dynamics = measured.dynamics.assign(value=measured.dynamics["value"].where(~shut, 0.0))
    assert a4c.units(a4c.rows(measured._replace(dynamics=dynamics)))["squash"].isna().all()
    assert decided("A4c", measured._replace(dynamics=dynamics)).verdict == "inconclusive"


@pytest.mark.parametrize(
    ("slope", "words"), [(0.85, ("refuted", "supported")), (0.92, ("refuted", "supported"))]
)
def test_what_a_little_is_turns_the_verdict(slope: float, words: tuple[str, str]) -> None:
    """A loss of 0.15 (0.08) is a little at twice the margin, and not at half of it."""
    measured = tables(extra={"slopes": {"start": slope, "trained": slope}})
    assert tuple(at_other_margins(CLAIMS["A4c"], CLAIMS["A4c"].models(measured)).values()) == words


def test_the_loss_of_a4d_is_that_of_all_three_factors_together() -> None:
    """The median over gains 0.5, 1 and 2 and training is the loss at gain 1."""
    found = decided("A4d", tables(extra={"gate": 0.5, "squash": 0.8, "affine": 0.7}))
    assert found.effect == pytest.approx(1 - 0.5 * 0.8 * 0.7, abs=0.01)
    assert CLAIMS["A4d"].unit == "share of the error lost (all three together)"


def test_the_gain_from_which_the_weights_no_longer_shrink() -> None:
    found = decided("A4d", tables())
    assert found.boundary is not None
    assert found.boundary.factor == "gain (PyTorch's default init)"
    assert found.boundary.low <= found.boundary.at <= found.boundary.high
    assert found.boundary.at == pytest.approx(0.99, abs=0.02)
    assert decided("A4d", tables(extra={"affine": 0.7})).boundary.at == pytest.approx(0.99 / 0.7, abs=0.02)


def test_inits_that_differ_have_no_common_gain() -> None:
    measured = tables(extra={"affine": 0.7})
    other = tables(extra={"affine": 1.2}).dynamics.assign(init="orthogonal")
    both = measured._replace(dynamics=pd.concat([measured.dynamics, other], ignore_index=True))
    found = decided("A4d", both)
    assert found.boundary is None
    assert "at gain 0.825 [" in found.condition
    assert "(orthogonal init); 1.4" in found.condition
    assert (
        "The affine map at gain 1: 1.2 with orthogonal init and 0.7 with PyTorch's default init"
        in found.condition
    )


def test_the_rank_of_opening_and_exit() -> None:
    ranks = a4d.openings(a4d.rows(tables()))
    assert ranks["rank"].to_numpy() == pytest.approx(1.0)
    turned = a4d.openings(a4d.rows(tables(extra={"opening": -1.0})))
    assert turned["rank"].to_numpy() == pytest.approx(-1.0)


def test_the_settings_are_told() -> None:
    words = described(CLAIMS["A4d"].rows(tables()))
    assert words.startswith("16 settings, 160 models. Varied: cell LSTM, LSTM of 1997 and peephole LSTM;")
    assert "gain 0.5, 1 and 2" in words


@pytest.mark.parametrize("backends", [("numpy", "torch"), ("torch",)])
@pytest.mark.parametrize("name", FIGURES)
def test_figures_draw_the_tables(tmp_path: Path, name: str, backends: tuple) -> None:
    def drawn(file: str, **changes: object) -> bytes:
        with style():
            save(FIGURES[name](tables(backends=backends, **changes)), tmp_path / file)
        return (tmp_path / file).read_bytes()

    first = drawn("first.svg")
    assert first == drawn("again.svg")
    assert first != drawn("other.svg", extra={"slopes": FLAT, "affine": 0.4})
    assert b"did not measure" not in first


@pytest.mark.parametrize("name", FIGURES)
def test_figures_of_nothing_say_so(tmp_path: Path, name: str) -> None:
    with style():
        save(FIGURES[name](Tables(*(table.head(0) for table in tables()))), tmp_path / "none.svg")
    assert "This study did not measure" in (tmp_path / "none.svg").read_text()

"""The smoke study from end to end, and again where it was interrupted."""

import re
from pathlib import Path

import pandas as pd
import pytest
from support import offline
from tools import faults

from carousel.__main__ import main
from carousel.claims import CLAIMS
from carousel.study.files import find

pytestmark = pytest.mark.slow


@pytest.fixture
def smoke(smoke_checkout: Path) -> Path:
    """The results of the smoke study."""
    return smoke_checkout / faults.RESULTS


def test_every_claim_has_a_verdict_a_figure_and_a_section(smoke: Path) -> None:
    claims = pd.read_parquet(smoke / "claims.parquet").set_index("id")
    page = (smoke / "report.html").read_text()
    assert set(claims.index) == set(CLAIMS)
    assert set(claims["verdict"]) <= {"supported", "refuted", "depends", "inconclusive"}
    for name, figure in claims["figure"].items():
        drawn = (smoke / "figures" / figure).read_text()
        assert "<path" in drawn or "did not measure" in " ".join(re.findall(r">([^<]+)<", drawn))
        assert f'id="{name}"' in page
    assert len(pd.read_csv(smoke / "claims.csv")) == len(claims)


def test_what_was_made_is_what_it_says_it_is(smoke: Path, capsys: pytest.CaptureFixture) -> None:
    assert (smoke / "study.yaml").read_bytes() == find("smoke").read_bytes()
    assert main(["check", str(smoke)]) == 0, capsys.readouterr().out


@pytest.mark.skipif(not offline.permitted(), reason="no network namespace of one's own on this machine")
def test_the_whole_study_was_made_without_network(smoke_checkout: Path, smoke: Path) -> None:
    said = (smoke_checkout / faults.OUTPUT).read_text().splitlines()[0]
    found = re.fullmatch(rf"offline: in (net:\[\d+\]), {offline.OUTSIDE}: Network is unreachable", said)
    assert found and found[1] != offline.namespace()
    assert (smoke / "report.html").exists()


def test_the_backends_agree_at_rounding_level(smoke: Path) -> None:
    decay = pd.read_parquet(smoke / "decay.parquet")
    decay = decay[(decay["trained"] == "no") & (decay["dtype"] == "float64")]
    measured = ("backend", "device", "log10_norm", "n_zero", "n", "cosine", "error")
    factors = [c for c in decay.columns if c not in measured]
    checked = (decay["slice"] != "libraries") | (decay["repetition"] < 2)  # of three, as the study asks
    rows = {name: decay[decay["backend"] == name].set_index(factors) for name in ("numpy", "torch")}
    assert (
        rows["numpy"]
        .index.difference(rows["torch"].index)
        .equals(decay[(decay["backend"] == "numpy") & ~checked].set_index(factors).index.sort_values())
    )
    both = pd.concat({name: side["log10_norm"] for name, side in rows.items()}, axis=1, join="inner")
    assert len(both) == len(rows["torch"]) > 0
    assert both.notna().all(axis=None)
    differ = both["numpy"] != both["torch"]
    assert (both[differ].diff(axis=1)["torch"].abs() < 1e-8).all()


@pytest.mark.campaign
def test_interrupted_runs_go_on_and_end_with_the_same_bytes(smoke_checkout: Path, tmp_path: Path) -> None:
    """Twice; `python tests/tools/faults.py` does it fifty times, and in all phases."""
    phases = "gathering", "measuring"
    assert len(faults.campaign(tmp_path, smoke_checkout, ("INT", "KILL alone"), phases, seed=1)) == 2
    faults.go_on(tmp_path)
    assert faults.same(tmp_path / faults.RESULTS, smoke_checkout / faults.RESULTS) > 50

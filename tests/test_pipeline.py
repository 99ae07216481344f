"""The smoke study from end to end, and again after it was killed half-way."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from checkouts import copied

from carousel.claims import CLAIMS

pytestmark = pytest.mark.slow


def start(folder: Path, *targets: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--config", "study=smoke", "--", *targets]
    return subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(folder: Path, *targets: str) -> None:
    run = start(folder, *targets)
    output, _ = run.communicate()
    assert run.returncode == 0, output


@pytest.fixture(scope="module")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of an uninterrupted smoke study."""
    folder = copied(tmp_path_factory.mktemp("whole"))
    finish(folder)
    return folder / "results" / "smoke"


def test_every_claim_has_a_verdict_a_figure_and_a_section(smoke: Path) -> None:
    claims = pd.read_parquet(smoke / "claims.parquet").set_index("id")
    page = (smoke / "report.html").read_text()
    assert set(claims.index) == set(CLAIMS)
    assert set(claims["verdict"]) <= {"supported", "refuted", "depends", "inconclusive"}
    for name, figure in claims["figure"].items():
        assert (smoke / "figures" / figure).stat().st_size > 1000
        assert f'id="{name}"' in page
    assert len(pd.read_csv(smoke / "claims.csv")) == len(claims)


def test_the_backends_agree_at_rounding_level(smoke: Path) -> None:
    decay = pd.read_parquet(smoke / "decay.parquet")
    decay = decay[(decay["trained"] == "no") & (decay["dtype"] == "float64")]
    measured = ("backend", "device", "log10_norm", "n_zero", "n", "cosine", "error")
    factors = [c for c in decay.columns if c not in measured]
    sides = [decay[decay["backend"] == name].set_index(factors)["log10_norm"] for name in ("numpy", "torch")]
    both = pd.concat(sides, axis=1, keys=["numpy", "torch"])
    assert len(both) == len(sides[0]) == len(sides[1])
    assert both.notna().all(axis=None)
    differ = both["numpy"] != both["torch"]
    assert (both[differ].diff(axis=1)["torch"].abs() < 1e-8).all()


def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(smoke: Path, tmp_path: Path) -> None:
    folder = copied(tmp_path)
    tables = [f"results/smoke/{name}.parquet" for name in ("decay", "accuracy", "dynamics")]
    run, cache, late = start(folder, *tables), folder / "results/smoke/cache", time.monotonic() + 120
    while len(list(cache.glob("*.parquet"))) < 8 and time.monotonic() < late:
        time.sleep(0.05)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    run.stdout.close()
    kept = {path: path.stat().st_mtime_ns for path in cache.glob("[!.]*.parquet")}
    assert kept
    assert not (folder / tables[0]).exists()
    finish(folder, *tables)
    assert all(path.stat().st_mtime_ns == made for path, made in kept.items())
    asked_for = ("decay", "accuracy", "dynamics", "search")
    for table in sorted(smoke.rglob("*.parquet")):
        inside = table.relative_to(smoke)
        if str(inside).startswith(asked_for):
            assert (folder / "results/smoke" / inside).read_bytes() == table.read_bytes(), table

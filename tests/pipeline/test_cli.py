"""The verbs: bad input is one line and status 1, and nothing is written."""

from pathlib import Path

import pytest

from carousel.__main__ import main
from carousel.engine.backends.table import DeviceError, load
from carousel.study.files import find
from carousel.tables.cache import cached
from carousel.tables.parquet import provenance, read

SMOKE = str(find("smoke"))


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        (["decay", "--cell", "lstmm"], "no job for numpy/lstmm; allowed: numpy/rnn_tanh, "),
        (["decay", "--cell", "lstm_peephole"], "no job for numpy/lstm_peephole; allowed: "),
        (
            ["accuracy", "--cell", "lstm", "--task", "ading", "--decay-out", "d", "--dynamics-out", "e"],
            "nearest: numpy/adding/lstm",
        ),
    ],
)
def test_a_job_that_the_study_does_not_have(verb, said, tmp_path: Path, capsys) -> None:
    options = ["--study", SMOKE, "--backend", "numpy", "--cache", f"{tmp_path}/c", "--out", f"{tmp_path}/o"]
    assert main([*verb, *options]) == 1
    captured = capsys.readouterr()
    assert len(captured.err.splitlines()) == 1
    assert said in captured.err
    assert not list(tmp_path.iterdir())


def test_a_search_that_the_study_does_not_have(tmp_path: Path, capsys) -> None:
    options = ["--study", SMOKE, "--cache", f"{tmp_path}/c", "--out", f"{tmp_path}/o"]
    assert main(["search", "--slice", "search_wieght", *options]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("no job for 'search_wieght'; allowed: ")
    assert line.endswith("nearest: search_weight")
    assert not list(tmp_path.iterdir())


def test_a_search_is_written_and_kept_in_the_cache(tmp_path: Path) -> None:
    options = ["search", "--study", SMOKE, "--slice", "search_weight", "--cache", f"{tmp_path}/c"]
    for name in ("first", "again"):
        assert main([*options, "--out", f"{tmp_path}/{name}.parquet"]) == 0
    (kept,) = (tmp_path / "c").glob("*.parquet")
    made = [(tmp_path / f"{name}.parquet").read_bytes() for name in ("first", "again")]
    assert made[0] == made[1]
    found = cached(kept.parent, provenance(kept), lambda: pytest.fail("measured again"))
    assert len(found["search"]) == len(read(tmp_path / "again.parquet")) > 0


def test_a_table_that_is_not_there(tmp_path: Path, capsys) -> None:
    assert main(["gather", "--out", f"{tmp_path}/all.parquet", f"{tmp_path}/none.parquet"]) == 1
    assert "none.parquet" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("backend", "device", "said"),
    [
        ("numpy", "cuda", "device: found cuda; allowed on numpy: cpu"),
        ("torch", "cuda:77", "found cuda:77, which"),
    ],
)
def test_a_device_that_is_not_there(backend, device, said) -> None:
    with pytest.raises(DeviceError, match=said):
        load(backend, device, "float64")


def test_a_backend_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="'jax' is not one of numpy, torch"):
        load("jax", "cpu", "float64")

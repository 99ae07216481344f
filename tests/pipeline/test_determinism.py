"""The same study, the same bytes; and how far apart blocks, threads, instructions and backends may be."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from support.checkouts import copied
from support.tolerances import DECAY, TRAINED
from tools import machines

from carousel.engine.backends.table import load

TABLES = (
    "decay/numpy/rnn_tanh.parquet",
    "decay/numpy/gru.parquet",
    "accuracy.parquet",
    "dynamics.parquet",
    "depth.parquet",
)


@pytest.fixture(scope="module")
def here() -> dict[str, np.ndarray]:
    """What this process measures."""
    return dict(machines.measured())


def assert_close(ours: np.ndarray, theirs: np.ndarray, what: str) -> None:
    trained = what == "training"
    assert machines.apart(ours, theirs, relative=trained) <= (TRAINED if trained else DECAY)


@pytest.mark.parametrize("path", machines.PATHS)
@pytest.mark.parametrize("what", ["decay", "training"])
def test_a_model_knows_nothing_of_its_block(path: str, what: str, here: dict[str, np.ndarray]) -> None:
    """Alone, or in a block in reverse: NumPy to the bit, torch within rounding, for its vector loops have tails."""
    name, exact = machines.PATHS[path]
    backend, block = load(name, "cpu", "float64", exact), machines.blocks("lstm")
    if f"{path} {what} lstm" not in here:
        pytest.skip("numba, of `pip install .[fast]`, is not there")
    measure = getattr(machines, what)
    alone, back = measure(backend, block[1:2]), measure(backend, block[::-1])[::-1]
    for ours, theirs in ((here[f"{path} {what} lstm"][1:2], alone), (here[f"{path} {what} lstm"], back)):
        if name == "numpy":
            np.testing.assert_array_equal(ours, theirs)
        else:
            assert_close(ours, theirs, what)


@pytest.mark.parametrize("what", ["decay", "training"])
def test_paths_and_backends_agree_within_rounding(what: str, here: dict[str, np.ndarray]) -> None:
    """Short of the first state, which is zero."""
    for cell in machines.CELLS:
        for path in set(machines.PATHS) - {"plain"}:
            if f"{path} {what} {cell}" in here:
                assert_close(here[f"plain {what} {cell}"], here[f"{path} {what} {cell}"], what)


@pytest.mark.campaign
def test_another_machine_agrees_within_rounding(here: dict[str, np.ndarray], tmp_path: Path) -> None:
    """Imitated: two threads, and all libraries without the newer half of this machine's instructions."""
    there = machines.elsewhere("both", tmp_path)
    assert there.keys() == here.keys()
    for name, ours in here.items():
        assert_close(ours, there[name], name.split()[1])


def tiny(folder: Path) -> Path:
    """A copy of the repository with a study of a few seconds."""
    folder.mkdir()
    copied(folder)
    study = yaml.safe_load((folder / "config" / "smoke.yaml").read_text())
    study["decay"] = [
        study["decay"][0] | {"backends": ["numpy"], "cells": ["rnn_tanh", "gru"], "lengths": [5]}
    ]
    study["dynamics"] = [study["dynamics"][0] | {"backends": ["numpy"], "lengths": [50]}]
    study["depth"] = [study["depth"][0] | {"backends": ["numpy"], "lengths": [10]}]
    few = {
        "backends": ["numpy"],
        "cells": ["rnn_tanh", "lstm"],
        "steps": 4,
        "evaluate_every": 2,
        "snapshots": [0, 4],
    }
    study["training"] = [study["training"][0] | few]
    (folder / "config" / "tiny.yaml").write_text(yaml.safe_dump(study))
    return folder


def made(folder: Path, *options: str) -> dict[str, bytes]:
    """The tables, made by a run with `options`."""
    command = [sys.executable, "-m", "snakemake", "--config", "study=tiny", *options]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    run = subprocess.run(command, cwd=tiny(folder), env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return {table: (folder / "results" / "tiny" / table).read_bytes() for table in TABLES}


@pytest.mark.campaign
def test_any_number_of_cores_and_any_order_of_jobs_give_the_same_bytes(tmp_path: Path) -> None:
    paths = [f"results/tiny/{table}" for table in TABLES]
    one = made(tmp_path / "one", "--cores", "1", "--", *paths)
    first = "--prioritize", "results/tiny/accuracy/numpy/adding/lstm.parquet"
    four = made(tmp_path / "four", "--cores", "4", "--scheduler", "greedy", *first, "--", *reversed(paths))
    assert one == four

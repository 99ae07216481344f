"""The ways of a GPU, as far as a CPU goes: graphs uncaptured, kernels in Triton's interpreter."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from support.problems import B, M, T, model_on, random_model, random_problem

from carousel.cells import CELLS
from carousel.engine.backends.backend import Asked, leaves
from carousel.engine.backends.table import load
from carousel.engine.recurrence import PATHS
from carousel.measures.adjoint import Quantity, walk
from gpu import graphs

NUMPY, TORCH = load("numpy", "cpu", "float64"), load("torch", "cpu", "float64")
ROOT = Path(__file__).parents[1]
PARTS = ",".join(f"carousel.gpu.{part}" for part in ("around", "graphs", "launch", "persistent"))
CHECKED = f"--jaxtyping-packages={PARTS},beartype.beartype"  # Triton has to see its own functions as they are


needs_triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="triton is not installed"
)


def asked_of(backend, outputs=2):
    rng = np.random.default_rng(5)
    target, weight = rng.standard_normal((M, T - 2, outputs, B)), rng.random((M, T - 2, B))
    return Asked(backend.array(target), backend.array(weight), "squared_error")


@pytest.mark.parametrize("name", CELLS)
def test_a_captured_step_gives_the_norms_of_the_plain_path_at_all_lags(name):
    p, lags = random_problem(name), range(T + 1)
    on, there = p.on(TORCH), p.on(NUMPY)
    found = graphs.norms(p.cell, on.params, on.xs, on.state, on.covector[0])
    plain = dict(walk(NUMPY, p.cell, there.params, there.xs, there.state, there.covector[0], set(lags)))
    assert set(found) == {*p.cell.states, "state"}
    for role, values in found.items():
        expected = np.stack([plain[lag][Quantity(f"loss_{role}", "full")] for lag in lags])
        np.testing.assert_allclose(values.numpy(), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", CELLS)
def test_a_captured_gradient_is_the_plain_one(name):
    p = random_problem(name)
    found, plain = (
        way(
            p.cell,
            model_on(backend, random_model(p)),
            p.on(backend).xs,
            p.on(backend).state,
            asked_of(backend),
        )
        for backend, way in ((TORCH, graphs.gradient), (NUMPY, plainly))
    )
    np.testing.assert_allclose(found.loss, plain.loss, rtol=1e-12)
    for mine, theirs in zip(leaves(found.model), leaves(plain.model), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-8, atol=1e-10)


def plainly(cell, model, xs, state, asked):
    return NUMPY.gradient(cell, model, xs, state, asked, PATHS["full"](cell))


def test_what_was_captured_serves_other_values_of_the_same_shapes():
    first, second = (random_problem("gru", seed).on(TORCH) for seed in (1, 2))
    decay = graphs.Decay(first.cell, first.params, first.xs, first.state)
    for p in (first, second, first):
        decay.set(p.params, p.xs, p.state, p.covector[0])
        found, alone = decay.norms(), graphs.norms(p.cell, p.params, p.xs, p.state, p.covector[0])
        assert all(torch.equal(found[role], alone[role]) for role in alone)


@needs_triton
@pytest.mark.slow
def test_the_kernels_in_triton_s_interpreter(tmp_path):
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--noconftest",
        "-p",
        "no:cacheprovider",
        "-o",
        "addopts=",
    ]
    options = [
        "-o",
        "pythonpath=src tests benchmarks",
        "--rootdir",
        str(ROOT),
        str(ROOT / "tests" / "gpu_kernels.py"),
    ]
    environment = os.environ | {
        "TRITON_INTERPRET": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "TRITON_CACHE_DIR": str(tmp_path),
    }
    run = subprocess.run([*command, *options], env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-6000:]


@needs_triton
@pytest.mark.slow
def test_the_kernels_compile_for_a_gpu_that_is_not_there(tmp_path):
    code = """if True:
        import sys, gpu.persistent
        assert "triton" not in sys.modules  # it is imported when the first kernel is made
        from gpu.compiled import KERNELS, figures
        print(all(figures("lstm", kernel, 16, 1)["FFMA"] >= 4 * 16 * 8 for kernel in KERNELS))
    """
    paths = os.pathsep.join(str(ROOT / part) for part in ("src", "benchmarks"))
    environment = os.environ | {"PYTHONPATH": paths, "TRITON_CACHE_DIR": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert run.stdout.split() == ["True"], run.stderr[-3000:]

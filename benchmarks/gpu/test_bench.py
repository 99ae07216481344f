"""The benchmark: its contenders are the same models, and it says what it cannot measure."""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch

from gpu import bench, contenders
from gpu.support import APART, BENCHMARKS, DEVICE, B, H, T, needs_triton

DECADES = 3e-5  # of log10 of a norm
SHARE = 2e-5  # of a gradient's largest entry


@needs_triton
@pytest.mark.parametrize("name", contenders.MODULES)
def test_the_peers_are_the_same_models(name):
    problem = contenders.drawn(name, contenders.Size(2, H, B, T), DEVICE)
    ours = contenders.triton_decay(problem)()["state"][-1]
    for k, norms in enumerate(ours):
        squares = [tip.double().square().sum(-1)[0] for tip in contenders.peer(problem, k)()]
        np.testing.assert_allclose(norms.cpu(), 0.5 * sum(squares).log10().cpu(), rtol=0, atol=DECADES)


@needs_triton
def test_the_peers_learn_the_same():
    problem = contenders.drawn("lstm", contenders.Size(2, H, B, T), DEVICE)
    W = [problem.modules[k].weight_ih_l0 for k in range(2)]
    before, found = problem.model.params.W, contenders.triton_training(problem)
    ours = found(problem.model, problem.xs, problem.state, problem.targets).model.params.W
    for k, weight in enumerate(W):
        step = contenders.pupil(problem, k)
        assert torch.equal(weight, before[k])
        step()
        np.testing.assert_allclose(
            weight.grad.cpu(), ours[k].cpu(), rtol=0, atol=SHARE * weight.grad.abs().max().item()
        )


@needs_triton
def test_the_benchmark_runs_through(monkeypatch):
    monkeypatch.setattr(bench, "MODULES", {"lstm": torch.nn.LSTM})
    size = contenders.Size(1, 3, 2, 2)
    table = bench.run(DEVICE, size, size, (1,), 1)
    assert list(table.columns) == bench.COLUMNS
    agreed, timed = (table[table["work"].str.contains("agreement") == there] for there in (True, False))
    assert agreed["note"].str.contains("off the CPU").all()
    assert (timed["seconds"] > 0).all()
    assert set(timed["contender"]) >= {
        contenders.ONE_BY_ONE,
        contenders.ON_STREAMS,
        contenders.GRAPHS,
        contenders.TRITON,
    }


def test_a_contender_that_cannot_run_is_a_row_with_its_reason():
    def broken():
        raise RuntimeError("out of\nmemory")

    work = bench.Work("decay", "lstm", contenders.Size(1, 3, 2, 2), {contenders.TRITON: broken})
    rows = list(bench.measured(work, "cpu", 1, set()))
    assert rows[0]["note"] == "RuntimeError: out of memory"
    assert math.isnan(rows[0]["seconds"])


@pytest.mark.skipif(DEVICE == "cuda", reason="there is a GPU")
@pytest.mark.parametrize("command", ["gpu/bench.py", "bench.py gpu"])
def test_without_a_gpu_one_line_says_so_and_no_file_is_written(command):
    before = [(BENCHMARKS / name).stat().st_mtime_ns for name in ("bench.csv", "bench.md")]
    script, *arguments = command.split()
    run = subprocess.run(
        [sys.executable, BENCHMARKS / script, *arguments], env=APART, capture_output=True, text=True
    )
    assert (run.returncode, run.stdout) == (0, "gpu: not measured, there is no GPU\n"), run.stderr
    assert before == [(BENCHMARKS / name).stat().st_mtime_ns for name in ("bench.csv", "bench.md")]

"""The Triton kernels against the plain path; `test_gpu` runs this file in a process of its own.

    pytest --noconftest -o addopts= -o filterwarnings= -o pythonpath="src tests benchmarks" tests/gpu_kernels.py

On a GPU the kernels are compiled and run there. Without one they are interpreted, for which Triton must be told before
it is imported, and torch's optimisers import it.
"""

import math
import os

import numpy as np
import pytest
import torch

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
if DEVICE == "cpu":
    os.environ["TRITON_INTERPRET"] = "1"
triton = pytest.importorskip("triton")
tl = pytest.importorskip("triton.language")

import gpu.bench as gpu  # noqa: E402
import gpu.contenders as gpu_ways  # noqa: E402
from carousel.cells import CELLS, Params  # noqa: E402
from carousel.engine.backends.backend import Asked, Model, Readout, leaves
from carousel.engine.backends.table import load  # noqa: E402
from carousel.engine.recurrence import PATHS  # noqa: E402
from carousel.measures.adjoint import Quantity, walk  # noqa: E402
from gpu import graphs, persistent, pointwise  # noqa: E402
from gpu.source import source  # noqa: E402

M, H, D, B, T, OUTPUTS = 2, 5, 3, 3, 2, 2
FLOAT32, EXACT = load("torch", DEVICE, "float32"), load("numpy", "cpu", "float64")
DECADES = 3e-5  # of log10 of a norm
SHARE = 2e-5  # of a gradient's largest entry


def reached(name):
    try:
        source(CELLS[name])
    except ValueError:
        return False
    return True


REACHED = [name for name in CELLS if reached(name)]


def problem(cell, length=T, hidden=H, sequences=B, gain=1.0, bias=0.0):
    """Random parameters, inputs, state and covector, as NumPy's; two steps are time enough for every kind of error."""
    rng = np.random.default_rng(7)
    GH, V = len(cell.gates) * hidden, len(cell.columns)
    R = gain * rng.normal(size=(M, GH, V * hidden)) / math.sqrt(hidden)
    p = {name: rng.normal(size=(M, hidden, 1)) for name in cell.pointwise}
    params = Params(rng.normal(size=(M, GH, D)), R, bias + rng.normal(size=(M, GH, 1)), p)
    draws = rng.normal(size=(len(cell.states) + 1, M, hidden, sequences))
    state = tuple(abs(s) if name in cell.positive else s for name, s in zip(cell.states, draws, strict=False))
    return params, rng.normal(size=(length, M, D, sequences)), state, draws[-1]


def on(backend, thing):
    """Arrays, however they are packed, on a backend."""
    if isinstance(thing, dict):
        return {name: on(backend, value) for name, value in thing.items()}
    if isinstance(thing, tuple):
        values = [on(backend, value) for value in thing]
        return type(thing)(*values) if hasattr(thing, "_fields") else tuple(values)
    return thing if isinstance(thing, str) else backend.array(thing)


def plain(cell, drawn):
    """The norms of the adjoint by the hand-derived path in float64, lag by lag."""
    lags = range(len(drawn[1]) + 1)
    found = dict(walk(EXACT, cell, *on(EXACT, drawn), set(lags)))
    names = (*cell.states, "state")
    return {name: np.stack([found[lag][Quantity(f"loss_{name}", "full")] for lag in lags]) for name in names}


def assert_close(found, expected, tolerance=DECADES):
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(found[name].cpu().numpy(), values, rtol=0, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("name", REACHED)
def test_norms_at_all_lags_are_those_of_the_plain_path(name):
    drawn = problem(CELLS[name])
    assert_close(persistent.norms(CELLS[name], *on(FLOAT32, drawn)), plain(CELLS[name], drawn))


@pytest.mark.parametrize("name", REACHED)
def test_the_gradient_of_a_batch_is_autograd_s(name):
    assert_gradient(CELLS[name], persistent.gradient)


def assert_gradient(cell, way):
    rng = np.random.default_rng(8)
    params, xs, state, _ = problem(cell)
    readout = Readout(rng.normal(size=(M, OUTPUTS, H)), rng.normal(size=(M, OUTPUTS, 1)))
    asked = Asked(rng.normal(size=(M, T, OUTPUTS, B)), rng.random(size=(M, T, B)), "squared_error")
    everything = (Model(params, readout), xs, state, asked)
    found = way(cell, *on(FLOAT32, everything))
    exact = load("torch", "cpu", "float64")
    expected = exact.gradient(cell, *on(exact, everything), PATHS["full"](cell))
    np.testing.assert_allclose(found.loss.cpu(), expected.loss, rtol=SHARE)
    for mine, theirs in zip(leaves(found.model), leaves(expected.model), strict=True):
        assert mine.shape == theirs.shape
        largest = theirs.abs().max() if theirs.numel() else 0
        np.testing.assert_allclose(mine.cpu(), theirs, rtol=0, atol=SHARE * largest)


@pytest.mark.skipif(DEVICE == "cpu", reason="test_gpu calls the same functions uncaptured")
@pytest.mark.parametrize("name", CELLS)
def test_what_is_captured_gives_the_same(name):
    drawn = problem(CELLS[name])
    assert_close(graphs.norms(CELLS[name], *on(FLOAT32, drawn)), plain(CELLS[name], drawn))
    assert_gradient(CELLS[name], graphs.gradient)


def test_little_memory_and_several_tiles_change_no_bit():
    cell = CELLS["lstm97"]
    drawn = problem(cell, length=9, hidden=16, sequences=18)
    ample, scarce = (persistent.norms(cell, *on(FLOAT32, drawn), **more) for more in ({}, {"memory": 0}))
    assert_close(ample, plain(cell, drawn))
    assert all(torch.equal(ample[name], scarce[name]) for name in ample)


def test_a_norm_far_below_float32_is_measured():
    cell = CELLS["rnn_sigmoid"]
    drawn = problem(cell, length=30, gain=0.01)
    expected = plain(cell, drawn)
    assert expected["h"].max(1)[-1].max() < -60
    assert_close(persistent.norms(cell, *on(FLOAT32, drawn)), expected)


@pytest.mark.parametrize("bias", [-25.0, 25.0])
def test_saturated_gates_keep_their_digits(bias):
    drawn = problem(CELLS["lstm"], bias=bias)
    assert_close(persistent.norms(CELLS["lstm"], *on(FLOAT32, drawn)), plain(CELLS["lstm"], drawn), 1e-4)


def test_a_dead_network_has_exact_zeros():
    drawn = problem(CELLS["rnn_relu"], bias=-100.0)
    found = persistent.norms(CELLS["rnn_relu"], *on(FLOAT32, drawn))["h"]
    assert found[0].isfinite().all()
    assert (found[1:] == -math.inf).all()


def test_a_cell_with_another_voice_and_a_cell_too_large_are_refused_in_one_line():
    with pytest.raises(ValueError, match=r"^voices: found h, v; allowed: h alone, or none$"):
        persistent.norms(CELLS["gru_v1"], *on(FLOAT32, problem(CELLS["gru_v1"])))
    with pytest.raises(ValueError, match=r"^hidden: found 129 with 4 gates"):
        persistent.norms(CELLS["lstm"], *on(FLOAT32, problem(CELLS["lstm"], hidden=129)))


@triton.jit
def activations(x, y, N: tl.constexpr):
    at = tl.arange(0, N)
    value = tl.load(x + at)
    tl.store(y + at, pointwise.tanh(value))
    tl.store(y + N + at, pointwise.tanh_slope(value))
    tl.store(y + 2 * N + at, pointwise.sigmoid(value))
    tl.store(y + 3 * N + at, pointwise.sigmoid_slope(value))
    tl.store(y + 4 * N + at, pointwise.log_sigmoid(value))


def test_activations_keep_their_digits_at_both_ends():
    x = torch.logspace(-30, math.log10(40), 512, dtype=torch.float32)  # beyond it slopes are below float32
    x = torch.cat([-x, x]).to(DEVICE)
    found = torch.empty((5, len(x)), device=DEVICE)
    activations[1,](x, found, N=len(x))
    wide = x.double()
    small = torch.exp(-wide.abs())
    exact = torch.stack(
        [
            torch.tanh(wide),
            4 * small**2 / (1 + small**2) ** 2,
            torch.sigmoid(wide),
            small / (1 + small) ** 2,
            torch.minimum(wide, torch.zeros_like(wide)) - torch.log1p(small),
        ]
    )
    error = ((found.double() - exact) / exact).abs()
    assert (error <= 2e-6 + 3e-7 * wide.abs()).all()


@pytest.mark.parametrize("name", gpu_ways.MODULES)
def test_the_benchmark_s_peers_are_the_same_models(name):
    problem = gpu_ways.drawn(name, gpu_ways.Size(2, H, B, T), DEVICE)
    ours = gpu_ways.triton_decay(problem)()["state"][-1]
    for k, norms in enumerate(ours):
        squares = [tip.double().square().sum(-1)[0] for tip in gpu_ways.peer(problem, k)()]
        np.testing.assert_allclose(norms.cpu(), 0.5 * sum(squares).log10().cpu(), rtol=0, atol=DECADES)


def test_the_benchmark_s_peers_learn_the_same():
    problem = gpu_ways.drawn("lstm", gpu_ways.Size(2, H, B, T), DEVICE)
    W = [problem.modules[k].weight_ih_l0 for k in range(2)]
    before, found = problem.model.params.W, gpu_ways.triton_training(problem)
    ours = found(problem.model, problem.xs, problem.state, problem.asked).model.params.W
    for k, weight in enumerate(W):
        step = gpu_ways.pupil(problem, k)
        assert torch.equal(weight, before[k])
        step()
        np.testing.assert_allclose(
            weight.grad.cpu(), ours[k].cpu(), rtol=0, atol=SHARE * weight.grad.abs().max().item()
        )


def test_the_benchmark_runs_through(monkeypatch):
    monkeypatch.setattr(gpu, "MODULES", {"lstm": torch.nn.LSTM})
    size = gpu_ways.Size(1, 3, 2, 2)
    table = gpu.run(DEVICE, size, size, (1,), 1)
    assert list(table.columns) == gpu.COLUMNS
    agreed, timed = (table[table["work"].str.contains("agreement") == there] for there in (True, False))
    assert agreed["note"].str.contains("off the CPU").all()
    assert (timed["seconds"] > 0).all()
    assert set(timed["contender"]) >= {
        gpu_ways.ONE_BY_ONE,
        gpu_ways.ON_STREAMS,
        gpu_ways.GRAPHS,
        gpu_ways.TRITON,
    }


def test_a_contender_that_cannot_run_is_a_row_with_its_reason():
    def broken():
        raise RuntimeError("out of\nmemory")

    work = gpu.Work("decay", "lstm", gpu_ways.Size(1, 3, 2, 2), {gpu_ways.TRITON: broken})
    rows = list(gpu.measured(work, "cpu", 1, set()))
    assert rows[0]["note"] == "RuntimeError: out of memory"
    assert math.isnan(rows[0]["seconds"])


@pytest.mark.skipif(DEVICE == "cuda", reason="there is a GPU")
def test_without_a_gpu_the_benchmark_says_so():
    table = gpu.run()
    assert table["note"].str.startswith("not measured: no GPU").all()
    assert set(table["target"].dropna()) == {100, 10, 30}

"""Plain functions on NumPy arrays, by finite differences: against the exact adjoint of the project's own cells."""

import numpy as np
import pytest
import torch

import carousel
from carousel.cells import CELLS
from carousel.diagnosis import ModuleError
from carousel.engine.backends.table import load
from carousel.engine.recurrence import unroll
from carousel.measures.jacobian.backward import jacobians
from carousel.testing import random_system

T, LAGS = 8, (1, 2, 5, 8)
KINDS = "lstm lstm_peephole gru gru_v1 mlstm slstm cornn rnn_relu rnn_orthogonal".split()


def stepped(system, dtype="float64"):
    """A step of one model as a function of x [B, D] and its states [B, .], and what it starts from."""
    system = system.effective()

    def step(x, state):
        parts = tuple(part.T[None].astype(float) for part in state)
        one = system._replace(xs=x.T[None, None].astype(float), state=parts)
        after = unroll(one.ops, one.cell, one.params, one.xs, one.state)[1]
        return tuple(part[0].T.astype(dtype) for part in after)

    return step, system.xs[:, 0].swapaxes(1, 2), tuple(part[0].T.astype(dtype) for part in system.state)


def exact(system):
    """log10 of the Frobenius norm at each lag, the mean over sequences where it is not zero, by the hand adjoint."""
    found = dict(jacobians(system, set(LAGS)))
    logs = {lag: v for lag in LAGS for q, v in found[lag].items() if q.name == "jacobian_fro"}
    return {lag: float(v[np.isfinite(v)].mean()) for lag, v in logs.items()}


def norms(function, xs, state, **options):
    table = carousel.diagnose(function, xs, state, lags=LAGS, exponents=0, **options).decay
    return table[(table.quantity == "jacobian_fro") & (table.lag > 0)].set_index("lag")


@pytest.mark.parametrize("name", KINDS)
def test_differences_are_the_exact_adjoint_within_the_error_that_is_stated(name):
    system = random_system(load("numpy", "cpu", "float64"), CELLS[name], length=T, hidden=3)[0].models(
        slice(1)
    )
    found, wanted = norms(*stepped(system)), exact(system)
    off = (found.log10_norm - found.index.map(wanted)).abs()
    assert off.max() < 1e-7
    assert (off <= 5 * found.error + 1e-10).all()
    assert (found.error > 0).all()


def test_a_function_in_float32_is_measured_with_the_step_and_the_error_of_float32():
    system = random_system(load("numpy", "cpu", "float64"), CELLS["lstm"], length=T)[0].models(slice(1))
    found, wanted = norms(*stepped(system, "float32")), exact(system)
    off = (found.log10_norm - found.index.map(wanted)).abs()
    assert off.max() < 1e-3
    assert (off <= 5 * found.error).all()
    assert (found.error > 1e-7).all()


W, R = (np.random.default_rng(k).normal(0, 0.6, shape) for k, shape in enumerate([(4, 3), (4, 4)]))
XS = np.random.default_rng(2).normal(size=(30, 5, 3))
H0 = np.random.default_rng(3).normal(size=(5, 4))


def batched(x, h):
    return np.tanh(x @ W.T + h @ R.T)


def alone(x, h):
    return np.tanh(W @ x + R @ h)


def test_one_sequence_and_several_are_read_as_torch_s_rnn():
    twin = torch.nn.RNN(3, 4).double()
    with torch.no_grad():
        for name, weight in (("weight_ih_l0", W), ("weight_hh_l0", R), ("bias_ih_l0", 0), ("bias_hh_l0", 0)):
            getattr(twin, name).copy_(torch.as_tensor(weight))
    for function, columns in ((batched, slice(5)), (alone, 0)):
        xs, h = XS[:, columns], H0[columns]
        there = torch.as_tensor(np.atleast_2d(h))[None]
        wanted = carousel.diagnose(twin, torch.as_tensor(xs if xs.ndim == 3 else xs[:, None]), there)
        found = carousel.diagnose(function, xs, h)
        rows = [each.decay[each.decay.quantity == "jacobian_fro"].log10_norm for each in (found, wanted)]
        np.testing.assert_allclose(*rows, atol=1e-8)
        np.testing.assert_allclose(found.exponents.value, wanted.exponents.value, atol=1e-7)
        assert (found.exponents.error >= wanted.exponents.error.to_numpy() - 1e-9).all()


@pytest.mark.parametrize(
    "returned",
    [
        lambda h: h,
        lambda h: (None, h),
        lambda h: ({"rate": h.sum()}, h),
        lambda h: (h.sum(), h),
    ],
)
def test_an_output_beside_the_state_may_be_anything(returned):
    found = norms(lambda x, h: returned(batched(x, h)), XS, H0, dtype="float64")
    assert (found.log10_norm == norms(batched, XS, H0).log10_norm).all()


def test_a_state_may_be_a_dictionary_with_numbers_in_it_and_small_ones_beside_large():
    """Two leaky integrators of scales 1e-6 and 1e6, which do not touch: the slower one is left."""

    def step(x, state):
        return {"v": 0.5 * state["v"] + 1e-6 * x, "w": 0.9 * state["w"] + 1e6 * x}

    found = norms(step, np.random.default_rng(0).normal(size=30), {"v": 0.0, "w": np.float64(0.0)})
    wanted = {lag: np.log10(0.25**lag + 0.81**lag) / 2 for lag in LAGS}
    assert found.log10_norm.to_dict() == pytest.approx(wanted, abs=1e-8)


def test_a_function_may_write_into_its_state_and_return_a_buffer_of_its_own():
    buffer = np.zeros(4)

    def step(x, h):
        buffer[:] = alone(x, h)
        h[:] = np.nan
        return buffer

    assert (norms(step, XS[:, 0], H0[0]).log10_norm == norms(alone, XS[:, 0], H0[0]).log10_norm).all()


def test_the_error_stands_in_words_and_in_the_table():
    report = carousel.diagnose(batched, XS, H0, exponents=0)
    assert "batched, state of 4, by finite differences with a relative error of" in str(report)
    assert report.decay.error[report.decay.lag > 0].between(1e-14, 1e-7).all()


class Counting:
    calls = 0

    def __call__(self, x, h):
        self.calls += 1
        return batched(x, h) * (1 + self.calls)


def noisy(x, h):
    return batched(x, h) + np.random.default_rng().normal(size=h.shape)


def rounded(x, h):
    return np.round(batched(x, h), 3)


def in_steps(x, h):
    return batched(x, h) + 0.5 * np.round(h, 3)


def wide(x, h):
    return np.tanh(h)


REFUSED = {
    "gives another state each time": (noisy, XS, H0),
    "another state each time; ": (Counting(), XS, H0),
    "changes in jumps; allowed: values that are not rounded": (rounded, XS, H0),
    "finite differences at two step sizes differ": (in_steps, XS, H0),
    "state: found 300 numbers": (wide, XS[:, 0], np.zeros(300) + 0.1),
    "function: its step returned": (lambda x, h: h[:2], XS, H0),
    "function: its step does not run: integer division": (lambda x, h: h / (1 // 0), XS, H0),
    "function: its state overflows at step 1;": (lambda x, h: h + np.inf, XS, H0),
    "state: found None": (batched, XS, None),
    "state: found (5, 4) of int64": (batched, XS, np.ones((5, 4), dtype=int)),
    "state: found NaN": (batched, XS, H0 * np.nan),
    "for tensors: a torch.nn.Module": (batched, torch.as_tensor(XS), H0),
    "inputs: found NaN": (batched, XS * np.nan, H0),
    "inputs: found (0, 5, 3) of float64": (batched, XS[:0], H0),
}


@pytest.mark.parametrize("line", REFUSED)
def test_what_cannot_be_measured_is_refused_in_a_line_that_names_the_cause(line):
    with pytest.raises(ModuleError) as refused:
        carousel.diagnose(*REFUSED[line])
    assert line in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_layer_of_a_function_is_refused():
    with pytest.raises(ModuleError, match="layer: found one, and a function"):
        carousel.diagnose(batched, XS, layer="rnn")

"""Options and modules that `diagnose` takes as they are meant, and refusals that name the cause."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import carousel
from carousel.diagnosis.checks import check_weights, exponents_of, lags_of, warm_up_of, whole
from carousel.diagnosis.layer import ModuleError
from carousel.diagnosis.structure import leaves, rebuilt

D, H, B, T = 3, 4, 2, 20


def noise(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def unrolled(step: Any, xs: Tensor, state: Tensor, lag: int) -> float:
    """log10 of the Frobenius norm of autograd's Jacobian over the last `lag` steps, the mean over sequences."""
    logs = []
    for x, s in zip(xs.unbind(1), state, strict=True):
        for t in range(len(x) - lag):
            s = step(x[t][None], s[None])[0].detach()

        def run(s: Tensor, x: Tensor = x) -> Tensor:
            for t in range(len(x) - lag, len(x)):
                s = step(x[t][None], s[None])[0]
            return s

        logs.append(float(torch.autograd.functional.jacobian(run, s).norm().log10()))
    return float(np.mean(logs))


def agrees(module: nn.Module, step: Any, state: Tensor | None = None, tolerance: float = 1e-10) -> None:
    """That the norms of `module` are those of `step`, unrolled."""
    xs = noise(T, B, D)
    table = carousel.diagnose(
        module, xs.to(next(module.parameters()).dtype), state, exponents=0, higher=()
    ).decay
    start = torch.zeros(B, H, dtype=torch.float64) if state is None else state
    for lag in (1, 5, T):
        (found,) = table.query(f"quantity == 'jacobian_fro' and lag == {lag}")["log10_norm"]
        assert found == pytest.approx(unrolled(step, xs, start, lag), rel=0, abs=tolerance)


LAGS = [1, 5, 9]
LISTS = [
    torch.tensor(LAGS),
    np.array(LAGS),
    np.array(LAGS, dtype=np.uint8),
    [np.int64(lag) for lag in LAGS],
    (lag for lag in LAGS),
    dict.fromkeys(LAGS, "a key"),
    range(1, 10, 4),
]


@pytest.mark.parametrize("lags", LISTS, ids=lambda lags: type(lags).__name__)
def test_lags_are_any_whole_numbers_in_a_row(lags: Any) -> None:
    assert lags_of(10, lags) == {0, *LAGS}


def test_lags_as_a_tensor_are_measured_as_a_list_is() -> None:
    gru, xs = nn.GRU(D, H).double(), noise(T, B, D)
    tables = [
        carousel.diagnose(gru, xs, lags=lags, exponents=np.int64(2)) for lags in (LAGS, torch.tensor(LAGS))
    ]
    pd.testing.assert_frame_equal(tables[0].decay, tables[1].decay)
    assert set(tables[0].decay["lag"]) == {0, *LAGS}
    assert len(tables[0].exponents) == 2


@pytest.mark.parametrize(
    "lags",
    [
        5,
        "5",
        b"5",
        True,
        [True],
        ["5"],
        [2.0],
        [np.nan],
        [-1],
        [11],
        torch.tensor(5),
        torch.tensor([0.5]),
        [[1]],
    ],
)
def test_other_lags_are_a_line(lags: Any) -> None:
    with pytest.raises(ModuleError, match=r"^lags: found .*; allowed: .*0 to 10, the longest sequence$"):
        lags_of(10, lags)


NONE = [-1, 2.0, True, np.True_, "3", np.nan, torch.tensor(3), np.array(3), [3], 1j]


@pytest.mark.parametrize("value", NONE, ids=repr)
def test_other_numbers_are_a_line(value: Any) -> None:
    for name, check in {
        "exponents": exponents_of,
        "warm_up": lambda value: warm_up_of(value, 20),
        "seed": lambda value: whole("seed", value, 9),
    }.items():
        with pytest.raises(ModuleError, match=f"^{name}: found .*; allowed: a whole number"):
            check(value)


def test_the_numbers_that_are_taken() -> None:
    assert [exponents_of(value) for value in (None, 0, np.int8(3))] == [None, 0, 3]
    assert [warm_up_of(value, 20) for value in (None, 0, 9, np.int64(2))] == [5, 0, 9, 2]
    with pytest.raises(
        ModuleError, match="warm_up: found 10; allowed: a whole number, 0 to 9; twice that leaves 2"
    ):
        warm_up_of(10, 20)
    with pytest.raises(ModuleError, match="exponents: found -1"):
        carousel.diagnose(nn.GRU(D, H), noise(T, B, D).float(), exponents=-1)
    assert len(carousel.diagnose(nn.GRU(D, H), noise(T, B, D).float(), exponents=100).exponents) == H


class Step(nn.Module):
    """A step around a GRU cell; what it does before differs."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden_size, self.cell = H, nn.GRUCell(D, H)

    def before(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return x, h

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        h = self.cell(*self.before(x, h))
        return h, h


class ResetsState(Step):
    def before(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        h *= 0.5 + (x[:, :1] < 1)
        return x, h


class WritesIntoState(Step):
    def before(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        h[:, 0] = h[:, 1].clone() * 2
        return x, h


class ScalesInput(Step):
    def before(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return x.mul_(2), h.tanh_()


@pytest.mark.parametrize("kind", [ResetsState, WritesIntoState, ScalesInput])
def test_a_step_may_write_into_its_arguments(kind: Any) -> None:
    torch.manual_seed(0)
    module, state, xs = kind().double(), noise(B, H, seed=4), noise(T, B, D)
    kept = state.clone(), xs.clone()
    agrees(module, lambda x, s: module(x.clone(), s.clone())[1], state)
    carousel.diagnose(module, xs, state)
    assert torch.equal(state, kept[0]) and torch.equal(xs, kept[1])
    assert not module._forward_pre_hooks


class TwoStates(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.hidden_size, self.cell = H, nn.LSTMCell(D, H)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        h, c = state
        c *= (x[:, :1] < 5).to(c)  # never: the way it is written alone differs
        h, c = self.cell(x, (h, c))
        return h, (h, c)


def test_one_of_two_states_reset_in_place() -> None:
    module, xs = TwoStates().double(), noise(T, B, D)
    found, wanted = (carousel.diagnose(each, xs).decay for each in (module, module.cell))
    for lag in (1, 5, T):
        pair = [
            t.query(f"quantity == 'jacobian_fro' and lag == {lag}")["log10_norm"].item()
            for t in (found, wanted)
        ]
        assert pair[0] == pytest.approx(pair[1], abs=1e-10)


def test_copies_keep_what_a_state_is() -> None:
    a, b = torch.ones(2), torch.zeros(3)
    state = {"a": [a, (a, None)], "b": b}
    found = rebuilt(state, (each.clone() for each in leaves(state)))
    assert found["a"][0] is not a and torch.equal(found["a"][1][0], a)
    assert torch.equal(found["b"], b) and isinstance(found["a"], list) and found["a"][1][1] is None


class Constant(Step):
    """A matrix that is neither parameter nor buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.M = torch.eye(H) * 0.9

    def before(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return x, h @ self.M


class Fresh(Step):
    """Tensors that are made in the step."""

    def before(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return x, h @ (torch.eye(H) * 0.9) + torch.zeros(len(h), H)


@pytest.mark.parametrize("kind", [Constant, Fresh])
def test_constants_of_float32_are_measured_in_float64(kind: Any) -> None:
    torch.manual_seed(0)
    module = kind()

    def step(x: Tensor, h: Tensor) -> Tensor:
        M = (torch.eye(H) * 0.9).double()
        return torch.func.functional_call(
            module.cell, {n: p.double() for n, p in module.cell.named_parameters()}, (x, h @ M)
        )

    agrees(module, step, tolerance=1e-6)
    assert torch.get_default_dtype() == torch.float32
    assert kind is Fresh or module.M.dtype == torch.float32


class Fixed(Step):
    """A type that nothing changes."""

    def before(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return x, h @ torch.eye(H, dtype=torch.float32)


class Listed(Step):
    """Constants where no one looks for them."""

    def __init__(self) -> None:
        super().__init__()
        self.several = [{"M": torch.eye(H)}]

    def before(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return x, h @ self.several[0]["M"]


@pytest.mark.parametrize("kind", [Fixed, Listed])
def test_what_runs_in_float32_alone_says_so(kind: Any) -> None:
    xs = noise(T, B, D).float()
    with pytest.raises(ModuleError, match='allowed: dtype="float32"') as error:
        carousel.diagnose(kind(), xs)
    assert "\n" not in str(error.value)
    assert len(carousel.diagnose(kind(), xs, dtype="float32", exponents=0, higher=()).decay)
    assert torch.get_default_dtype() == torch.float32


class LogSpace(nn.Module):
    """h = exp log h: no slope at zero."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden_size, self.net = H, nn.Linear(D, 2 * H)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        u, z = self.net(x).chunk(2, 1)
        h = torch.logaddexp(F.logsigmoid(-u) + h.log(), F.logsigmoid(u) + F.logsigmoid(z)).exp()
        return h, h


class Root(LogSpace):
    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        h = (0.1 + self.net(x)[:, :H].sigmoid()) * (h.sqrt() + 0.1)
        return h, h


@pytest.mark.parametrize("kind", [LogSpace, Root])
def test_a_zero_state_without_a_slope_is_named_and_another_one_measured(kind: Any) -> None:
    module, xs = kind().double(), noise(T, B, D)
    with pytest.raises(ModuleError, match=f"not finite at lag {T}; allowed: another `state` than zeros"):
        carousel.diagnose(module, xs)
    assert carousel.diagnose(module, xs, lags=range(T)).decay["log10_norm"].map(np.isfinite).all()
    agrees(module, lambda x, s: module(x, s)[1], noise(B, H).abs() + 0.1)


def diverged(name: str, module: nn.Module, value: float) -> nn.Module:
    """`module` with one number of a weight replaced."""
    with torch.no_grad():
        dict([*module.named_parameters(), *module.named_buffers()])[name].view(-1)[-1] = value
    return module


class Normed(Step):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(H)
        self.register_buffer("mask", torch.zeros(H))

    def before(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        return x, self.norm(h) * self.mask.exp()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("weight_hh_l0", lambda: nn.LSTM(D, H)),
        ("bias_ih_l1_reverse", lambda: nn.GRU(D, H, 2, bidirectional=True)),
        ("weight_hr_l0", lambda: nn.LSTM(D, H, proj_size=2)),
        ("weight_ih", lambda: nn.RNNCell(D, H)),
        ("cell.bias_hh", Step),
    ],
)
def test_a_weight_that_is_not_finite_is_named(name: str, module: Any, value: float) -> None:
    with pytest.raises(ModuleError, match=f"^{name}: found NaN or infinity; allowed: finite weights"):
        carousel.diagnose(diverged(name, module(), value), noise(T, B, D).float())


def test_a_buffer_may_be_infinite_but_not_nan() -> None:
    with pytest.raises(ModuleError, match="^norm.running_mean: found NaN"):
        check_weights(diverged("norm.running_mean", Normed(), np.nan))
    masked, xs = diverged("mask", Normed(), -np.inf), noise(T, B, D).float()
    assert len(carousel.diagnose(masked, xs, exponents=0, higher=()).decay)


def test_a_lazy_module_is_named() -> None:
    with pytest.raises(
        ModuleError, match="^weight: found no numbers yet; allowed: a module that has run once"
    ):
        check_weights(nn.LazyLinear(3))

"""A monitor's numbers against autograd of the layer step by step, and that it leaves nothing changed."""

import sys
import warnings
from copy import deepcopy
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence

import carousel
from carousel.diagnosis import monitor as monitor_module
from carousel.diagnosis.caught import caught
from carousel.diagnosis.evaluation_copy import unwrapped
from carousel.diagnosis.layer import ModuleError
from carousel.diagnosis.monitor import LEFT, reach_of
from carousel.diagnosis.reach import gradient_by_lag, reaches

D, H, B, T = 3, 4, 5, 12
pytestmark = pytest.mark.filterwarnings("ignore:step [0-9]+. the gradient of")


def noise(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class Net(nn.Module):
    """A recurrent layer in a network that has something to disturb."""

    def __init__(self, rnn: nn.Module) -> None:
        super().__init__()
        self.first, self.norm, self.drop = nn.Linear(D, D), nn.BatchNorm1d(D), nn.Dropout(0.5)
        self.rnn, self.head, self.seen = rnn, nn.LazyLinear(1), None

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.drop(self.first(x)).flatten(0, 1)).unflatten(0, x.shape[:2])
        self.seen = x
        return self.head(self.rnn(x)[0])


def net(rnn: nn.Module) -> Net:
    found = Net(rnn).double()
    found(noise(T, B, D))
    return found


KINDS = {
    "lstm": lambda **options: nn.LSTM(D, H, **options),
    "projected": lambda **options: nn.LSTM(D, H, proj_size=2, **options),
    "gru": lambda **options: nn.GRU(D, H, **options),
    "rnn": lambda **options: nn.RNN(D, H, **options),
}


def by_hand(module: nn.RNNBase, xs: Tensor, covector: Tensor) -> np.ndarray:
    """log10 of the gradient's norm by each input, the last first, relative to the last: each step a call of its own."""
    steps, state = [x[None].clone().requires_grad_() for x in xs], None
    for x in steps:
        out, state = module(x, state)
    gradients = torch.autograd.grad(out[0], steps, covector)
    logs = torch.stack([g[0].norm(dim=1).log10() for g in reversed(gradients)])
    return (logs - logs[0]).mean(1).numpy()


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("name", KINDS)
def test_what_is_left_is_autograd_s_gradient_step_by_step(name: str) -> None:
    module, xs = KINDS[name]().double(), noise(T, B, D)
    (found,) = caught(module, lambda model: model(xs))
    (reach,) = reaches(found, B, torch.Generator().manual_seed(3))
    last = module(xs)[0][-1]
    covector = torch.randn(last.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    np.testing.assert_allclose(reach.left, by_hand(module, xs, covector), rtol=0, atol=1e-10)
    assert reach.left[0] == 0 and reach.left.shape == (T,)


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_gates_are_those_of_the_cell_step_by_step(name: str) -> None:
    module, xs = KINDS[name]().double(), noise(T, B, D)
    (reach,) = reaches(caught(module, lambda model: model(xs))[0], B, torch.Generator())
    W, R, b, c = (
        getattr(module, f"{role}_l0").detach() for role in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    before = torch.cat([torch.zeros(1, B, H, dtype=torch.float64), module(xs)[0][:-1].detach()])
    blocks = [
        (xs @ W.T + before @ R.T + b + c)[..., k * H : (k + 1) * H].sigmoid().mean()
        for k in range(len(W) // H)
    ]
    wanted = {"lstm": {"i": 0, "f": 1, "o": 3}, "gru": {"r": 0, "u": 1}}[name]
    assert reach.gates == pytest.approx({gate: float(blocks[k]) for gate, k in wanted.items()}, rel=1e-12)


def test_layers_and_directions_are_each_measured_by_themselves() -> None:
    both = nn.GRU(D, H, num_layers=2, bidirectional=True).double()
    xs, generator = noise(T, B, D), torch.Generator().manual_seed(3)
    found = list(reaches(caught(both, lambda model: model(xs))[0], B, generator))
    assert [(each.layer, each.direction) for each in found] == [
        (n, s) for n in (1, 2) for s in ("forward", "backward")
    ]
    generator.manual_seed(3)
    for layer in range(2):
        outs = []
        for side, suffix in (("forward", ""), ("backward", "_reverse")):
            one = nn.GRU(xs.shape[2], H).double()
            one.load_state_dict(
                {n: getattr(both, f"{n}{suffix}".replace("l0", f"l{layer}")) for n in one.state_dict()}
            )
            own = xs if side == "forward" else xs.flip(0)
            covector = torch.randn((B, H), generator=generator, dtype=torch.float64)
            reach = found.pop(0)
            np.testing.assert_allclose(reach.left, by_hand(one, own, covector), rtol=0, atol=1e-10)
            out = one(own)[0].detach()
            outs.append(out if side == "forward" else out.flip(0))
        xs = torch.cat(outs, 2)


class Loop(nn.Module):
    """A cell in a loop of one's own."""

    def __init__(self, cell: nn.Module, spoilt: bool = False) -> None:
        super().__init__()
        self.cell, self.spoilt = cell, spoilt

    def forward(self, xs: Tensor) -> tuple[Tensor, Any]:
        outs, state = [], None
        for x in xs:
            state = self.cell(x, state)
            h = state[0] if isinstance(state, tuple) else state
            state = 0.5 * state if self.spoilt else state
            outs.append(h)
        return torch.stack(outs), state


class Decoder(nn.Module):
    """A layer that is given one step a call."""

    def __init__(self, rnn: nn.RNNBase) -> None:
        super().__init__()
        self.rnn = rnn

    def forward(self, xs: Tensor) -> Tensor:
        outs, state = [], None
        for x in xs:
            out, state = self.rnn(x[:, None] if self.rnn.batch_first else x[None], state)
            outs.append(out)
        return torch.cat(outs, 1)


def watching(model: nn.Module, **options: Any) -> carousel.Monitor:
    """A monitor that takes the time it needs."""
    watch = carousel.Monitor(model, **options)
    watch.affordable = lambda: True
    return watch


def left(model: nn.Module, batch: Any, **options: Any) -> np.ndarray:
    """log10 of what is left at the lags 2 to T."""
    watch = carousel.Monitor(model, lags=range(2, T + 1), **options)
    watch.step(batch)
    return watch.table.query("quantity == 'log10_share'")["value"].to_numpy()


@pytest.mark.parametrize("kind", [nn.RNNCell, nn.LSTMCell, nn.GRUCell])
def test_a_cell_in_a_loop_is_the_layer_with_its_weights(kind: Any) -> None:
    cell, xs = kind(D, H).double(), noise(T, B, D)
    layer = {nn.RNNCell: nn.RNN, nn.LSTMCell: nn.LSTM, nn.GRUCell: nn.GRU}[kind](D, H).double()
    layer.load_state_dict({f"{name}_l0": weight for name, weight in cell.state_dict().items()})
    np.testing.assert_allclose(left(Loop(cell), xs), left(layer, xs), rtol=0, atol=1e-12)


@pytest.mark.parametrize("batch_first", [False, True])
def test_a_layer_that_reads_one_step_a_call_is_followed(batch_first: bool) -> None:
    rnn, xs = nn.LSTM(D, H, batch_first=batch_first).double(), noise(T, B, D)
    turned = xs.transpose(0, 1) if batch_first else xs
    np.testing.assert_allclose(left(Decoder(rnn), xs), left(rnn, turned), rtol=0, atol=1e-12)


def test_of_calls_that_do_not_go_on_from_each_other_the_longest_counts() -> None:
    gru, xs = nn.GRU(D, H).double(), noise(T, B, D)
    several = left(gru, xs, run=lambda model, batch: [model(batch[:3]), model(batch), model(batch[:5])])
    np.testing.assert_array_equal(several, left(gru, xs))


def test_a_cell_whose_state_is_changed_between_its_steps_is_refused() -> None:
    with pytest.raises(
        ModuleError, match="^layer: cell is called .* times, not each time on the state that it"
    ):
        carousel.Monitor(Loop(nn.GRUCell(D, H).double(), spoilt=True)).step(noise(T, B, D))


def test_batch_first_one_sequence_and_packed_ones() -> None:
    gru = nn.GRU(D, H).double()
    first = nn.GRU(D, H, batch_first=True).double()
    first.load_state_dict(gru.state_dict())
    xs = noise(T, 2, D)
    np.testing.assert_array_equal(left(gru, xs), left(first, xs.transpose(0, 1)))
    np.testing.assert_allclose(left(gru, xs[:, 0]), left(gru, xs[:, :1]), rtol=0, atol=1e-12)
    packed = pack_sequence([noise(5, D), xs[:, 0], noise(7, D)], enforce_sorted=False)
    np.testing.assert_allclose(left(gru, packed), left(gru, xs[:, :1]), rtol=0, atol=1e-12)


def test_a_state_that_is_given_counts() -> None:
    lstm, xs = nn.LSTM(D, H).double(), noise(T, B, D)
    state = tuple(noise(2, 1, B, H, seed=4) * 3)
    found = left(lstm, xs, run=lambda model, batch: model(batch, state))
    assert not np.allclose(found, left(lstm, xs), atol=1e-3)
    (caught_call,) = caught(lstm, lambda model: model(xs, hx=state))
    assert all(torch.equal(*parts) for parts in zip(caught_call.state, state, strict=True))


def snapshot(model: nn.Module) -> Any:
    """All that a monitor might change."""
    return {
        "modes": [m.training for m in model.modules()],
        "hooks": [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()],
        "values": {name: tensor.clone() for name, tensor in model.state_dict().items()},
        "grads": [None if p.grad is None else p.grad.clone() for p in model.parameters()],
        "needs": [p.requires_grad for p in model.parameters()],
        "random": (torch.get_rng_state(), np.random.get_state()[1]),
        "flags": (torch.is_grad_enabled(), torch.backends.cudnn.enabled, torch.get_default_dtype()),
        "threads": (torch.get_num_threads(), [pool["num_threads"] for pool in threadpool_info()]),
    }


def same(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(torch.equal(a, b)) if isinstance(a, Tensor) else bool(np.array_equal(a, b))


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("mode", ["train", "eval", "mixed"])
def test_nothing_is_left_changed(mode: str, fails: bool) -> None:
    model, xs = net(nn.LSTM(D, H, num_layers=2, dropout=0.5)), noise(T, B, D)
    model.train(mode != "eval")
    if mode == "mixed":
        model.norm.eval()
    model.first.weight.requires_grad_(False)
    model(xs).sum().backward()
    seen, before = model.seen, snapshot(model)
    watch = carousel.Monitor(model, run=(lambda model, batch: model(batch)[99, 99]) if fails else None)
    if fails:
        with pytest.raises(ModuleError, match="^model: does not run in evaluation mode: IndexError"):
            watch.step(xs)
    else:
        watch.step((xs, None))
    after = snapshot(model)
    assert [what for what in before if not same(before[what], after[what])] == []
    assert model.seen is seen


def trained(monitored: bool, accumulate: int = 1) -> dict[str, Tensor]:
    """The weights after a few steps, with dropout, batch norm and data from the global random state."""
    torch.manual_seed(0)
    model = net(nn.LSTM(D, H, num_layers=2, dropout=0.3))
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    watch = watching(model, every=1)
    for step in range(6):
        xs = torch.randn(T, B, D, dtype=torch.float64)
        loss = model(xs).square().mean()
        if monitored:
            watch.step(xs)  # between a forward and a backward pass, too
        loss.backward()
        if monitored:
            watch.step(xs)
        if (step + 1) % accumulate == 0:
            optimizer.step()
            optimizer.zero_grad()
    assert not monitored or watch.table["step"].nunique() == 12
    return model.state_dict()


@pytest.mark.parametrize("accumulate", [1, 3])
def test_a_training_is_bitwise_the_one_without(accumulate: int) -> None:
    plain, watched = trained(False, accumulate), trained(True, accumulate)
    assert all(torch.equal(plain[name], watched[name]) for name in plain)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_changes_nothing_about_the_numbers(dtype: torch.dtype) -> None:
    model, xs = net(nn.GRU(D, H)).float().eval(), noise(T, B, D).float()
    wanted = left(model, xs)
    with torch.autocast("cpu", dtype=dtype):
        model(xs).sum().backward()
        np.testing.assert_array_equal(left(model, xs), wanted)
        assert torch.is_autocast_enabled("cpu")


def test_a_model_in_half_precision_is_measured_in_single() -> None:
    wide = nn.LSTM(D, H).bfloat16().float()
    np.testing.assert_allclose(
        left(deepcopy(wide).bfloat16(), noise(T, B, D).bfloat16()),
        left(wide, noise(T, B, D).bfloat16().float()),
        rtol=0,
        atol=1e-5,
    )


@pytest.mark.parametrize("how", ["wrapped", "in place", "parallel"])
def test_a_compiled_or_wrapped_model_is_the_model(how: str) -> None:
    model, xs = net(nn.GRU(D, H)).eval(), noise(T, B, D)
    wanted = left(model, xs)
    if how == "in place":
        model.compile(backend="eager")
    wrapped = {
        "wrapped": lambda: torch.compile(model, backend="eager"),
        "parallel": lambda: nn.DataParallel(model),
    }
    given = wrapped.get(how, lambda: model)()
    given(xs)
    assert unwrapped(given) is model
    np.testing.assert_array_equal(left(given, xs), wanted)
    before = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    given(xs)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == before  # nothing is compiled again


class Clock:
    """A clock that goes on by what it is told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("cost", "share"), [(0.001, 0.05), (3.0, 0.05), (40.0, 0.1)])
def test_it_takes_its_share_of_the_time_and_no_more(cost: float, share: float, monkeypatch: Any) -> None:
    clock, steps = Clock(), 4000
    monkeypatch.setattr(monitor_module.time, "perf_counter", clock)
    watch = carousel.Monitor(nn.GRU(D, H), every=10, share=share, sequences=8)
    taken = []

    def measured(batch: Any) -> None:
        clock.now += cost
        taken.append(watch.steps)
        watch._rows.append((watch.steps, "", 1, "forward", "reach", np.nan, 1.0, T))

    monkeypatch.setattr(watch, "measure", measured)
    for _ in range(steps):
        watch.step(None)
        clock.now += 1.0
    assert watch.spent == pytest.approx(cost * len(taken))
    assert watch.trained == pytest.approx(steps - 1)
    assert watch.spent <= share * watch.trained
    assert min(np.diff(taken)) >= 10
    if cost < share * 10:
        assert len(taken) == steps // 10 and watch.sequences == 8
    else:
        assert len(taken) >= share * steps / cost - 1 and watch.sequences == 1


def test_it_warns_once_that_the_gradient_does_not_reach() -> None:
    rnn, xs = nn.RNN(D, H).double(), noise(100, B, D)
    with torch.no_grad():
        rnn.weight_hh_l0.copy_(0.3 * torch.eye(H))
    watch = watching(rnn, every=1)
    with pytest.warns(
        UserWarning, match=r"step 0: the gradient of the model, layer 1 forward, reaches \d of 100"
    ) as told:
        for _ in range(3):
            watch.step(xs)
    assert len(told) == 1
    (far,) = watch.table.query("quantity == 'reach' and step == 0")["value"]
    assert 2 <= far <= 4
    with torch.no_grad():
        rnn.weight_hh_l0.copy_(torch.eye(H))
        rnn.weight_ih_l0.mul_(0.01), rnn.bias_ih_l0.zero_(), rnn.bias_hh_l0.zero_()
    kept = carousel.Monitor(rnn)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kept.step(xs)
    assert kept.table.query("quantity == 'reach'")["value"].item() == 100


def test_the_reach_is_the_largest_lag_with_enough_left() -> None:
    assert reach_of(np.log10([1.0, 0.5, LEFT, LEFT / 2])) == 3
    assert reach_of(np.log10([1.0, LEFT / 2, 0.1, 1e-9])) == 3
    assert reach_of(np.array([0.0, -np.inf])) == 1
    assert np.isnan(reach_of(np.array([np.nan, np.nan])))


def test_a_float32_gradient_is_followed_as_far_as_float32_goes() -> None:
    xs = torch.zeros(T, 1, 1, requires_grad=True)
    after = (
        (xs * 10.0 ** torch.arange(-5 * T + 5, 1, 5, dtype=torch.float64)[:, None, None]).cumsum(0).float()
    )
    found = gradient_by_lag(after, xs, False, torch.Generator())
    np.testing.assert_allclose(found[:8], -5.0 * np.arange(8), atol=1e-5)
    assert np.isneginf(found[-1])


def test_weights_that_diverge_are_rows_without_numbers() -> None:
    gru, xs = nn.GRU(D, H).double(), noise(T, B, D)
    watch = watching(gru, every=1)
    watch.step(xs)
    with torch.no_grad():
        gru.weight_hh_l0[0, 0] = np.nan
    watch.step(xs)
    assert watch.table.query("step == 1 and quantity == 'reach'")["value"].isna().all()


def test_the_table_and_the_figure() -> None:
    model, xs = net(nn.LSTM(D, H, num_layers=2, bidirectional=True)), noise(T, B, D)
    watch = watching(model, every=2, lags=[5, np.int64(10), 100])
    assert len(watch.figure().axes) == 1
    for _ in range(5):
        watch.step(xs)
    table = watch.table
    assert list(table["step"].unique()) == [0, 2, 4]
    assert set(table["quantity"]) == {"reach", "log10_share", "gate_i", "gate_f", "gate_o"}
    assert set(table.query("quantity == 'log10_share'")["lag"]) == {5, 10}
    assert (
        len(table) == 3 * 2 * 2 * (1 + 2 + 3)
        and set(table["module"]) == {"rnn"}
        and set(table["length"]) == {T}
    )
    figure = watch.figure()
    assert len(figure.axes) == 3
    for ax, names in zip(
        figure.axes, (["reach"], ["log10_share"], ["gate_i", "gate_f", "gate_o"]), strict=True
    ):
        rows = table[table["quantity"].isin(names)]
        shown = [line.get_xydata() for line in ax.get_lines()]
        for _, line in rows.groupby(["layer", "direction", "quantity", "lag"], dropna=False):
            assert any(np.array_equal(each, line[["step", "value"]].to_numpy(float)) for each in shown)


class Board:
    def __init__(self) -> None:
        self.got: list[tuple[str, float, int]] = []

    def add_scalar(self, tag: str, value: float, step: int) -> None:
        self.got.append((tag, value, step))


class Run:
    def __init__(self) -> None:
        self.got: list[tuple[dict[str, float], bool]] = []

    def log(self, numbers: dict[str, float], commit: bool = True) -> None:
        self.got.append((numbers, commit))


def test_what_is_written_is_the_table() -> None:
    board, run, plain = Board(), Run(), []
    for writer in (board, run, lambda numbers, step: plain.append((numbers, step))):
        watch = carousel.Monitor(net(nn.GRU(D, H)), lags=[5], writer=writer)
        watch.step(noise(T, B, D))
    names = {f"carousel/rnn/forward1/{name}" for name in ("reach", "log10_share_5", "gate_r", "gate_u")}
    ((numbers, step),) = plain
    assert set(numbers) == names and step == 0
    assert {tag for tag, _, _ in board.got} == names
    assert [(set(numbers), commit) for numbers, commit in run.got] == [(names, False)]
    assert sorted(numbers.values()) == sorted(watch.table["value"])


REFUSED: dict[str, Any] = {
    "model: found none of torch.nn.RNN, LSTM, GRU and their cells in Linear": lambda: carousel.Monitor(
        nn.Linear(2, 2)
    ),
    "every: found 0; allowed: a whole number, 1 to ": lambda: carousel.Monitor(nn.GRU(D, H), every=0),
    "share: found 0.0; allowed: above 0, up to 1": lambda: carousel.Monitor(nn.GRU(D, H), share=0.0),
    "share: found nan; allowed: above 0": lambda: carousel.Monitor(nn.GRU(D, H), share=float("nan")),
    "lags: found -3; allowed: a whole number": lambda: carousel.Monitor(nn.GRU(D, H), lags=[-3]),
    "sequences: found -2; allowed: a whole number, 1 to ": lambda: carousel.Monitor(
        nn.GRU(D, H), sequences=-2
    ),
    "seed: found -1; allowed": lambda: carousel.Monitor(nn.GRU(D, H), seed=-1),
    "writer: found 3; allowed: a SummaryWriter": lambda: carousel.Monitor(nn.GRU(D, H), writer=3),
    "writer: found 'wandbb'; allowed: tensorboard, wandb; nearest: wandb": lambda: carousel.Monitor(
        nn.GRU(D, H), writer="wandbb"
    ),
    "batch: found {'x': 1}; allowed: a tensor, or a `run`": lambda: carousel.Monitor(nn.GRU(D, H)).step(
        {"x": 1}
    ),
    "model: does not run in evaluation mode: ValueError: ": lambda: carousel.Monitor(nn.GRU(D, H)).step(
        noise(T, B, 9)
    ),
}


@pytest.mark.parametrize("line", REFUSED)
def test_what_it_cannot_take_is_one_line(line: str) -> None:
    with pytest.raises(ModuleError) as error:
        REFUSED[line]()
    assert str(error.value).startswith(line) and "\n" not in str(error.value)


def test_a_callback_hands_on_every_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    base, own = type("Callback", (), {}), ModuleType("pytorch_lightning")
    own.Callback = base
    monkeypatch.setattr(monitor_module, "find_spec", {"pytorch_lightning": own}.get)
    monkeypatch.setitem(sys.modules, "pytorch_lightning", own)
    watch = carousel.Monitor(nn.GRU(D, H).double())
    callback = watch.callback()
    assert isinstance(callback, base)
    for number in range(3):
        callback.on_train_batch_end(None, watch.model, None, (noise(T, B, D), None), number)
    assert watch.steps == 3 and len(watch.table)
    monkeypatch.setattr(monitor_module, "find_spec", lambda name: None)
    with pytest.raises(ModuleError, match="^callback: found none of lightning, pytorch_lightning; allowed: "):
        watch.callback()


@pytest.mark.parametrize("name", ["tensorboard", "wandb"])
def test_a_writer_that_is_not_installed_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, {"tensorboard": "torch.utils.tensorboard"}.get(name, name), None)
    with pytest.raises(ModuleError, match=f"^writer: {name} is not installed; allowed: pip install {name}"):
        carousel.Monitor(nn.GRU(D, H), writer=name)

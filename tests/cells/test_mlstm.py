"""mLSTM: the paper's equations in two other forms, what its stabiliser changes, and closed forms."""

import numpy as np
import pytest
import torch
from support.cell_checks import NUMPY, TORCH, back, both
from support.problems import B, H, M, T, model_on, random_model, random_problem

from carousel.cells import Params
from carousel.engine.recurrence import PATHS, parameter_gradients, unroll
from carousel.measures.adjoint import Quantity, gradient_by_lag
from carousel.measures.jacobian.backward import jacobians
from carousel.measures.lyapunov.spectrum import spectrum
from carousel.testing import gradient, random_targets

GATES = "i", "f", "q", "k", "z", "o"


def problem(seed, length=T, scale=1.0):
    """A random problem; with `scale` 3 the normaliser is at work in most steps, with 1 in some."""
    p = random_problem("mlstm", seed=seed, length=length)
    n, C = (scale * s for s in p.state[1:])
    return p._replace(state=(p.state[0], n, C))


def nets(W, b, xs):
    """The net inputs [T M H B] by gate, of the paper's terms: one number per head for i and f, q, k / sqrt(H), v."""
    net = (torch.einsum("mgd,tmdb->tmgb", W, xs) + b).unflatten(2, (6, H)).unbind(2)
    by_gate = dict(zip(GATES, net, strict=True))
    by_gate |= {gate: by_gate[gate].mean(2) for gate in "if"}
    return by_gate | {"k": by_gate["k"] / H**0.5}


def parallel(W, b, xs, n, C):
    """h [T M H B], the last n and C, and n . q, without recursion: sums over all inputs up to t (appendix A.3)."""
    net = nets(W, b, xs)
    kept = torch.cumsum(torch.nn.functional.logsigmoid(net["f"]), 0)
    D = (kept[:, None] - kept[None] + net["i"][None]).exp().permute(2, 3, 0, 1).tril()
    scores = D * torch.einsum("tmhb,smhb->mbts", net["q"], net["k"])
    start = kept.exp()
    read = torch.einsum("mbts,smhb->tmhb", scores, net["z"])
    read = read + start[:, :, None] * torch.einsum("mxyb,tmyb->tmxb", C, net["q"])
    size = scores.sum(3).permute(2, 0, 1) + start * torch.einsum("mhb,tmhb->tmb", n, net["q"])
    h = torch.sigmoid(net["o"]) * read / size.abs().clamp(min=1.0)[:, :, None]
    last = D[:, :, -1]
    n_last = torch.einsum("mbs,smhb->mhb", last, net["k"]) + start[-1, :, None] * n
    C_last = torch.einsum("mbs,smxb,smyb->mxyb", last, net["z"], net["k"]) + start[-1, :, None, None] * C
    return h, n_last, C_last, size


def stabilised(W, b, xs, n, C, m):
    """h [T M H B] by the paper's recursion with its stabiliser (appendix A.2), from n and C divided by exp(m)."""
    net, hs = nets(W, b, xs), []
    for t in range(len(xs)):
        i, f, q, k, z, o = (net[gate][t] for gate in GATES)
        kept = torch.nn.functional.logsigmoid(f) + m
        m = torch.maximum(kept, i)
        i, f = (i - m).exp(), (kept - m).exp()
        n = f[:, None] * n + i[:, None] * k
        C = f[:, None, None] * C + i[:, None, None] * torch.einsum("mxb,myb->mxyb", z, k)
        size = torch.maximum(torch.einsum("mhb,mhb->mb", n, q).abs(), (-m).exp())
        hs.append(torch.sigmoid(o) * torch.einsum("mxyb,myb->mxb", C, q) / size[:, None])
    return torch.stack(hs)


def leaves_of(p):
    """W, b, the inputs, and n and C before the first step, as torch's own leaves."""
    _, n, C = p.state
    arrays = p.params.W, p.params.b, p.xs, n, C.reshape(M, H, H, B)
    return [torch.tensor(a, requires_grad=True) for a in arrays]


def close(a, b, rtol=1e-12, atol=1e-13):
    np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


@pytest.mark.parametrize("scale", [0.1, 1.0, 3.0])
def test_forward_it_is_the_parallel_form(scale):
    p = problem(60, scale=scale)
    steps, last = unroll(NUMPY.ops(p.cell, PATHS["full"](p.cell)), *p[:4])
    h, n, C, size = parallel(*leaves_of(p))
    close([step.before[0] for step in steps[1:]] + [last[0]], h.detach())
    close(last[1], n.detach())
    close(last[2].reshape(M, H, H, B), C.detach())
    at_work = (size.abs() > 1).double().mean()
    assert 0 < at_work < 1 or scale < 1


@both
@pytest.mark.parametrize("scale", [0.1, 1.0, 3.0])
def test_backward_it_is_the_parallel_form(scale, backend):
    """From a random covector on the last state: by the first state, whatever the path, as nothing passes R."""
    p = problem(61, scale=scale)
    leaves = leaves_of(p)
    h, n, C, _ = parallel(*leaves)
    d_h, d_n, d_C = p.covector
    pairs = (h[-1], d_h), (n, d_n), (C.flatten(1, 2), d_C)
    _, _, _, by_n, by_C = torch.autograd.grad(sum((a * torch.tensor(d)).sum() for a, d in pairs), leaves)
    for path in PATHS:
        found = back(backend, p, path)
        assert not found[0].any()
        close(found[1], by_n)
        close(found[2].reshape(M, H, H, B), by_C)


@pytest.mark.parametrize("scale", [0.1, 1.0, 3.0])
def test_the_gradient_by_the_parameters_is_that_of_the_parallel_form(scale):
    """From random errors of every h."""
    p, rng = problem(62, scale=scale), np.random.default_rng(63)
    d_hs = rng.standard_normal((M, T, H, B))
    leaves = leaves_of(p)
    loss = (parallel(*leaves)[0] * torch.tensor(d_hs).movedim(1, 0)).sum()
    by_W, by_b, *_ = torch.autograd.grad(loss, leaves)
    gates = PATHS["full"](p.cell)
    ops = NUMPY.ops(p.cell, gates)
    found = parameter_gradients(ops, p.cell, p.params, unroll(ops, *p[:4])[0], d_hs, gates)
    close(found.W, by_W)
    close(found.b, by_b)


def test_the_backends_train_on_the_gradient_of_the_parallel_form():
    p = problem(64)
    model = random_model(p)
    both = [(b, model_on(b, model)) for b in (NUMPY, TORCH)]
    found = [gradient(p.system(b), own.readout, random_targets(b)) for b, own in both]
    leaves = leaves_of(p)
    h, targets = parallel(*leaves)[0][-3:], random_targets(NUMPY)
    V, a = (torch.tensor(x) for x in model.readout)
    y = torch.einsum("moh,smhb->msob", V, h) + a[:, None]
    error = ((y - torch.tensor(targets.target)) ** 2).sum(2) * torch.tensor(targets.weight)
    by_W, _, *_ = torch.autograd.grad(error.sum(1).mean(1).sum(), leaves)
    for loss, W, *_ in found:
        close(loss, error.sum(1).mean(1).detach())
        close(W, by_W)


@pytest.mark.parametrize("shift", [-2.0, 0.0, 5.0])
@pytest.mark.parametrize("scale", [0.1, 3.0])
def test_the_stabiliser_changes_no_h_and_multiplies_the_gradient_by_the_state(scale, shift):
    """By the inputs and the weights the gradient is the same for every m; by n and C it is exp(m) times ours."""
    p = problem(65, scale=scale)
    W, b, xs, n, C = leaves_of(p)
    m = torch.tensor(shift + np.random.default_rng(66).standard_normal((M, B)))
    down = (-m).exp().detach()
    scaled = [(s * down.reshape(M, *(1,) * (s.ndim - 2), B)).detach().requires_grad_() for s in (n, C)]
    theirs, ours = stabilised(W, b, xs, *scaled, m), parallel(W, b, xs, n, C)[0]
    close(theirs.detach(), ours.detach())
    d_h = torch.tensor(p.covector[0])
    *same, by_n, by_C = torch.autograd.grad((theirs[-1] * d_h).sum(), [W, b, xs, *scaled])
    expected = torch.autograd.grad((ours[-1] * d_h).sum(), [W, b, xs])
    for one, other in zip(same, expected, strict=True):
        close(one, other)
    p = p._replace(covector=(p.covector[0], *(0 * d for d in p.covector[1:])))
    _, d_n, d_C = back(NUMPY, p)
    close(by_n * down[:, None], d_n)
    close((by_C * down[:, None, None]).flatten(1, 2), d_C)


def held(p, f, **more):
    """The problem with weights of zero, a forget bias, and constant net inputs of other gates."""
    b = np.zeros_like(p.params.b)
    for gate, value in (more | {"f": f}).items():
        k = GATES.index(gate)
        b[:, k * H : (k + 1) * H, 0] = value
    return p._replace(params=Params(0 * p.params.W, p.params.R, b, {}))


@both
@pytest.mark.parametrize("f", [-690.0, -2.0, 3.0, 40.0])
def test_the_carousel_loses_f_a_step_and_nothing_else(f, backend):
    """However saturated the gate; every number of C, not only H of them."""
    p = held(problem(67, length=30), f)
    log_f = -np.logaddexp(0, -f) / np.log(10)
    for lag, logs in dict(gradient_by_lag(p.system(backend), p.on(backend).covector[0], {1, 30})).items():
        for quantity in (Quantity("cec", "cell"), Quantity("factor_product", "formula")):
            assert logs[quantity].shape == (M, H * H * B)
            close(logs[quantity], lag * log_f)
    for lag, logs in jacobians(p.system(backend), {1, 30}):
        close(logs[Quantity("jacobian_spec_cc", "full")], lag * log_f)
        close(logs[Quantity("jacobian_fro_cc", "full")], lag * log_f + np.log10(H))
        assert np.isneginf(logs[Quantity("jacobian_spec_hh", "full")]).all()


@both
def test_the_spectrum_has_as_many_exponents_as_the_state_has_numbers(backend):
    p = held(problem(68, length=40), 1.0, q=0.3)
    found = spectrum(p.system(backend), 10, 1)
    log_f = -np.logaddexp(0, -1.0) / np.log(10)
    assert found.exponents.shape == (M, 2 * H + H * H)
    close(found.exponents[:, : H + H * H], log_f)
    assert np.isneginf(found.exponents[:, H + H * H :]).all()


@both
def test_a_normaliser_that_is_at_work_undoes_the_decay(backend):
    """With i = 0 and |n . q| > 1, h = o C_0 q / |n_0 . q| for ever, and so does its gradient by C_0 stay."""
    p = held(problem(69, length=20), -0.5, i=-800.0, q=np.arange(1.0, H + 1), o=0.4)
    p = p._replace(state=(p.state[0], 1e12 + p.state[1], p.state[2]))
    q, o = np.arange(1.0, H + 1), 1 / (1 + np.exp(-0.4))
    read = np.einsum("mhb,h->mb", p.state[1], q)
    size = np.linalg.norm(p.covector[0], axis=1)
    expected = np.log10(o * np.linalg.norm(q) * size)
    logs = dict(gradient_by_lag(p.system(backend), p.on(backend).covector[0], {5, 20}))
    close(logs[20][Quantity("loss_C", "full")], expected - np.log10(read), atol=1e-12)
    log_f = -np.logaddexp(0, 0.5) / np.log(10)
    at_5 = expected - np.log10(read) - 15 * log_f  # n is f^15 n_0 by then
    close(logs[5][Quantity("loss_C", "full")], at_5, atol=1e-12)


def test_it_is_an_associative_memory():
    """A query that is a key reads the value stored with it, times i, where the keys are orthonormal."""
    p, value = problem(70, length=H + 1), np.random.default_rng(71).standard_normal((H, H))
    for asked in range(H):
        xs = np.zeros((H + 1, M, 3 * H, B))
        for t in range(H):
            xs[t, :, t], xs[t, :, H : 2 * H] = H**0.5, value[t][:, None]
        xs[H, :, 2 * H + asked] = 1.0
        b = np.zeros_like(p.params.b)
        b[:, H : 2 * H], b[:, 5 * H :] = 800.0, 800.0  # f and o are 1, and so is i
        W = np.zeros((M, 6, H, 3 * H))
        for source, gate in enumerate("kzq"):
            W[:, GATES.index(gate), :, source * H : (source + 1) * H] = np.eye(H)
        params, state = Params(W.reshape(M, 6 * H, -1), p.params.R, b, {}), tuple(0 * s for s in p.state)
        _, last = unroll(NUMPY.ops(p.cell, frozenset(GATES)), p.cell, params, xs, state)
        close(last[0], value[asked][None, :, None] + np.zeros((M, H, B)))


def test_log_i_reaches_from_where_it_vanishes_to_700():
    """An exponential that overflows is seen in h; one that does not is exact, by hand and by autograd."""
    p = problem(72, length=4)
    for net, finite in ((-2000.0, True), (690.0, True), (720.0, False)):
        q = held(p, 1.0, i=net, q=0.5, k=0.2, z=0.7, o=0.1)
        with np.errstate(over="ignore", invalid="ignore"):
            _, last = unroll(NUMPY.ops(p.cell, frozenset(GATES)), *q[:4])
        assert np.isfinite(last[0]).all() == finite
        if finite:
            for a, b in zip(back(NUMPY, q), back(TORCH, q), strict=True):
                close(a, b, rtol=1e-11, atol=0)

"""What must not matter to a gradient: the order of units, sequences and models, its length, and the sense of time."""

from math import log10

import numpy as np
import pytest
from support.problems import Problem, random_problem

from carousel.cells import CELLS as ALL, Params
from carousel.engine.backends.table import load
from carousel.measures.adjoint import Quantity, gradient_by_lag

BACKENDS = {name: load(name, "cpu", "float64") for name in ("numpy", "torch")}
CELLS = ("rnn_tanh", "lstm97", "lstm_peephole", "gru")
every = [pytest.param(name, backend, id=f"{name}-{on}") for name in CELLS for on, backend in BACKENDS.items()]
FREE = ("cec", "factor_product")  # of the covector, unit by unit
CHANGES = ("slopes", "weights")  # from the norm at lag 0


def measured(backend, p: Problem) -> dict[tuple, np.ndarray]:
    """Every quantity at every lag, [M B], or with units between."""
    found = gradient_by_lag(p.system(backend), p.on(backend).covector[0], set(range(len(p.xs) + 1)))
    return {(lag, quantity): np.asarray(logs) for lag, each in found for quantity, logs in each.items()}


def same(one: dict, other: dict, shift: float = 0.0) -> None:
    assert one.keys() == other.keys()
    for (lag, quantity), logs in one.items():
        found = other[lag, quantity]
        if quantity.name in FREE:  # unit by unit: all that a model has, in any order
            logs, found = np.sort(logs, axis=-1), np.sort(found, axis=-1)
        by = 0.0 if quantity.column != "log10_norm" or quantity.name in (*FREE, *CHANGES) else shift
        np.testing.assert_allclose(found, logs + by, rtol=1e-9, atol=1e-9, err_msg=str((lag, quantity)))


def permuted(p: Problem, units: np.ndarray) -> Problem:
    """The same network with its units in another order."""
    H = len(units)

    def rows(a: np.ndarray, axis: int) -> np.ndarray:
        blocks = a.shape[axis] // H
        return np.take(a, np.concatenate([k * H + units for k in range(blocks)]), axis=axis)

    W, R, b, more = p.params
    params = Params(
        rows(W, 1), rows(rows(R, 1), 2), rows(b, 1), {name: rows(a, 1) for name, a in more.items()}
    )
    return p._replace(
        params=params,
        state=tuple(rows(s, 1) for s in p.state),
        covector=tuple(rows(s, 1) for s in p.covector),
    )


@pytest.mark.parametrize(("name", "backend"), every)
def test_units_have_no_order(name, backend) -> None:
    p = random_problem(name, seed=51)
    units = np.random.default_rng(0).permutation(p.state[0].shape[1])
    before, after = measured(backend, p), measured(backend, permuted(p, units))
    same(before, after)


@pytest.mark.parametrize(("name", "backend"), every)
def test_sequences_have_no_order(name, backend) -> None:
    p = random_problem(name, seed=52)
    order = np.random.default_rng(1).permutation(p.xs.shape[-1])
    turned = p._replace(
        xs=p.xs[..., order],
        state=tuple(s[..., order] for s in p.state),
        covector=tuple(s[..., order] for s in p.covector),
    )
    found = measured(backend, p)
    wanted = {key: logs if key[1].name in FREE else logs[..., order] for key, logs in found.items()}
    same(wanted, measured(backend, turned))


@pytest.mark.parametrize(("name", "backend"), every)
def test_models_have_no_order(name, backend) -> None:
    p = random_problem(name, seed=53)
    order = np.arange(p.xs.shape[1])[::-1]
    W, R, b, more = p.params
    params = Params(W[order], R[order], b[order], {name: a[order] for name, a in more.items()})
    turned = p._replace(
        params=params, xs=p.xs[:, order], state=tuple(s[order] for s in p.state),
        covector=tuple(s[order] for s in p.covector),
    )  # fmt: skip
    same({key: logs[order] for key, logs in measured(backend, p).items()}, measured(backend, turned))


@pytest.mark.parametrize(("name", "backend"), every)
@pytest.mark.parametrize("factor", [-4.0, 3e-7])
def test_the_adjoint_is_linear_in_the_gradient_of_the_loss(name, backend, factor) -> None:
    p = random_problem(name, seed=54)
    times = p._replace(covector=tuple(factor * s for s in p.covector))
    same(measured(backend, p), measured(backend, times), log10(abs(factor)))


# ---- Time the other way round: the adjoint of a product of Jacobians is the reversed product of the transposed ones

on_both = pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS)


def linear(R: np.ndarray, length: int) -> Problem:
    """Linear networks of the recurrent weights R [M H H], and as covectors all unit vectors."""
    M, H, _ = R.shape
    units = np.broadcast_to(np.eye(H), (M, H, H)).copy()
    params = Params(np.zeros((M, H, 1)), R, np.zeros((M, H, 1)), {})
    return Problem(ALL["rnn_linear"], params, np.zeros((length, M, 1, H)), (units,), (units,))


@on_both
def test_a_linear_chain_is_as_long_in_either_sense_of_time(backend) -> None:
    """The gradient of unit i at lag k is row i of R^k; in the network of the transposed weights it is the column."""
    length = 40
    R = np.random.default_rng(55).standard_normal((3, 5, 5)) / 3
    forth, back = (measured(backend, linear(each, length)) for each in (R, R.swapaxes(1, 2)))
    for lag in range(length + 1):
        power = np.linalg.matrix_power(R, lag)
        squares = []
        for found, axis in ((forth, 2), (back, 1)):
            norms = found[lag, Quantity("loss_h", "full")]
            wanted = np.log10(np.linalg.norm(power, axis=axis))
            np.testing.assert_allclose(norms, wanted, rtol=1e-11, atol=1e-11, err_msg=str(lag))
            squares.append((10 ** (2 * norms)).sum(1))
        np.testing.assert_allclose(*squares, rtol=1e-10)  # the square of the Frobenius norm of R^k, by both


@on_both
def test_gates_that_the_input_alone_opens_multiply_in_any_order(backend) -> None:
    """Without recurrent weights the forget gates of an LSTM follow its inputs, and turn round in time with them.

    Of T steps the last k in one sense are the first k in the other: what the carousel keeps over all of them, in
    decades, is what it keeps over the last k in the one sense and over the last T - k in the other.
    """
    p = random_problem("lstm", seed=56, length=30)
    W, R, b, more = p.params
    alone = p._replace(params=Params(W, 0 * R, b, {name: 0 * each for name, each in more.items()}))
    kept = Quantity("cec", "cell")
    forth, back = measured(backend, alone), measured(backend, alone._replace(xs=p.xs[::-1].copy()))
    whole = forth[30, kept]
    np.testing.assert_allclose(back[30, kept], whole, rtol=1e-12)
    assert not np.allclose(back[10, kept], forth[10, kept], rtol=1e-3)
    for lag in range(1, 30):
        np.testing.assert_allclose(forth[lag, kept] + back[30 - lag, kept], whole, rtol=1e-12)
    gate = p.cell.gates.index("f") * p.state[0].shape[1] + np.arange(p.state[0].shape[1])
    opened = -np.logaddexp(0.0, -(W[:, gate] @ p.xs + b[:, gate])).sum(0) / np.log(10)
    np.testing.assert_allclose(np.sort(whole), np.sort(opened.reshape(whole.shape)), rtol=1e-11)

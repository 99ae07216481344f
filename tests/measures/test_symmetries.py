"""What must not matter to a gradient: the order of units, of sequences and of models, and the length of the loss's."""

from math import log10

import numpy as np
import pytest
from support.problems import Problem, random_problem

from carousel.cells import Params
from carousel.engine.backends.table import load
from carousel.measures.adjoint import gradient_by_lag

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

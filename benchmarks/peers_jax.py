"""The same in JAX: jit(vmap(scan)). Installed by `make bench` alone."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from problem import Problem


def lstm(p: Any, state: Any, x: Any) -> Any:
    W, R, b, _ = p
    i, f, z, o = jnp.split(W @ x + R @ state[0] + b, 4)
    c = jax.nn.sigmoid(f) * state[1] + jax.nn.sigmoid(i) * jnp.tanh(z)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def gru(p: Any, state: Any, x: Any) -> Any:
    W, R, b, own = p
    (r, u, z), (r_h, u_h, z_h) = jnp.split(W @ x + b, 3), jnp.split(R @ state[0], 3)
    u = jax.nn.sigmoid(u + u_h)
    z = jnp.tanh(z + jax.nn.sigmoid(r + r_h) * (z_h + own["p_z"]))
    return ((1 - u) * z + u * state[0],)


def rnn_tanh(p: Any, state: Any, x: Any) -> Any:
    W, R, b, _ = p
    return (jnp.tanh(W @ x + R @ state[0] + b),)


STEPS = {"lstm": lstm, "gru": gru, "rnn_tanh": rnn_tanh}


def scan(problem: Problem) -> Callable[[], np.ndarray]:
    """log10 of the gradient's norm at every lag [T + 1, M, B], renormalised by powers of two at every step."""
    step = STEPS[problem.name]

    def log_norms(p: Any, xs: Any, state: Any, v: Any) -> Any:
        def back(carry: Any, at: Any) -> Any:
            d, power = carry
            before, x = at
            (d,) = jax.vjp(lambda s: step(p, s, x), before)[1](d)
            more = jnp.frexp(jnp.max(jnp.stack([jnp.abs(a).max(0) for a in d]), 0))[1]
            d = tuple(jnp.ldexp(a, -more) for a in d)
            norm = jnp.sqrt(sum((a * a).sum(0) for a in d))
            return (d, power + more), jnp.log10(norm) + (power + more) * jnp.log10(2.0)

        _, before = lax.scan(lambda s, x: (step(p, s, x), s), state, xs)
        d = (v, *(0.0 * v for _ in state[1:]))
        _, logs = lax.scan(back, (d, jnp.zeros(v.shape[1], int)), (before, xs), reverse=True)
        return jnp.concatenate([jnp.log10(jnp.linalg.norm(v, axis=0))[None], logs[::-1]])

    run = jax.jit(jax.vmap(log_norms, in_axes=(0, 1, 0, 0), out_axes=1))
    arguments = jax.tree.map(
        jnp.asarray, (tuple(problem.params), problem.xs, problem.state, problem.covector)
    )
    return lambda: np.asarray(run(*arguments))


def train(problem: Problem, targets: np.ndarray) -> Callable[[], None]:
    """One Adam step of all models at once."""
    step, M, outputs = STEPS[problem.name], problem.xs.shape[1], targets.shape[1]
    H = problem.covector.shape[1]

    def loss(model: Any, xs: Any, state: Any, y: Any) -> Any:
        p, V, a = model
        last, _ = lax.scan(lambda s, x: (step(p, s, x), None), state, xs)
        return jnp.square(V @ last[0] + a - y).sum(0).mean()

    def adam(model: Any, first: Any, second: Any, n: Any, xs: Any, state: Any, ys: Any) -> Any:
        g = jax.vmap(jax.grad(loss), in_axes=(0, 1, 0, 0))(model, xs, state, ys)
        first = jax.tree.map(lambda m, x: 0.9 * m + 0.1 * x, first, g)
        second = jax.tree.map(lambda m, x: 0.999 * m + 0.001 * x * x, second, g)
        rate = 1e-3 * jnp.sqrt(1 - 0.999**n) / (1 - 0.9**n)
        return (
            jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + 1e-8), model, first, second),
            first,
            second,
        )

    run, n = jax.jit(adam), 0
    model = jax.tree.map(
        jnp.asarray, (tuple(problem.params), np.zeros((M, outputs, H), "f4"), np.zeros((M, outputs, 1), "f4"))
    )
    moments = jax.tree.map(jnp.zeros_like, (model, model))
    data = jax.tree.map(jnp.asarray, (problem.xs, tuple(0 * s for s in problem.state), targets))

    def once() -> None:
        nonlocal model, moments, n
        n += 1
        model, *moments = jax.block_until_ready(run(model, *moments, float(n), *data))

    return once

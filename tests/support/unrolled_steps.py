"""The Jacobian of a step function by autograd of the unrolled steps, one sequence at a time."""

import math

import torch


def packed(state):
    """The tensors of a state, next to each other: one sequence alone, [N]."""
    return torch.cat([part.reshape(-1) for part in state])


def log_norms(step, xs, state, lags):
    """log10 of the Frobenius norm of d s_T / d s_{T-k} for each lag k, the mean over sequences.

    `step`: x [1, ...] and a tuple of tensors [1, ...] to the next tuple; `xs` [T, B, ...]; `state`: tuple of
    [B, ...] or, of one sequence, of any shape.
    """
    found = {lag: [] for lag in lags}
    for b in range(xs.shape[1]):
        x, states = xs[:, b : b + 1], [tuple(part[b : b + 1] for part in state) if xs.shape[1] > 1 else state]
        for each in x:
            states.append(tuple(part.detach() for part in step(each, states[-1])))
        for lag in lags:
            found[lag].append(log_norm(step, x[len(x) - lag :], states[len(x) - lag]))
    return {lag: sum(logs) / len(logs) for lag, logs in found.items()}


def log_norm(step, xs, state):
    """log10 of the norm of the last state's Jacobian by `state`, which is before the first of `xs`."""
    shapes = [part.shape for part in state]

    def run(flat):
        parts = flat.split([math.prod(shape) for shape in shapes])
        after = tuple(part.reshape(shape) for part, shape in zip(parts, shapes, strict=True))
        for x in xs:
            after = step(x, after)
        return packed(after)

    norm = float(torch.linalg.matrix_norm(torch.autograd.functional.jacobian(run, packed(state))))
    return math.log10(norm) if norm else -math.inf

"""The diagnosis of a torch module: a user's module in, tables out."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, SupportsFloat, SupportsIndex

import pandas as pd
import torch

from carousel.diagnosis.checks import exponents_of, lags_of, whole
from carousel.diagnosis.higher_bias import AS_IT_IS, bias_of, change_of, changed, forget_bias, higher_of
from carousel.diagnosis.keras_layers import inside_model, is_keras
from carousel.diagnosis.layer import ModuleError
from carousel.diagnosis.layer_tables import (
    all_norms,
    decay,
    gates,
    longest,
    lyapunov,
    rate,
    rates,
    share_table,
    shares_of,
    table,
)
from carousel.diagnosis.modules import device_of, layers_of
from carousel.diagnosis.network import inside
from carousel.diagnosis.process_state import preserved_process_state
from carousel.diagnosis.recommended import advice_of, advice_table
from carousel.diagnosis.result import Diagnosis
from carousel.engine.backends.table import load
from carousel.study.schema import SEEDS


def diagnose(
    module: Any,
    inputs: Any,
    state: Any = None,
    *,
    layer: str | None = None,
    lags: Iterable[SupportsIndex] | None = None,
    exponents: SupportsIndex | None = None,
    warm_up: SupportsIndex | None = None,
    higher: Iterable[SupportsFloat | str] | None = None,
    advice: Path | str | None = None,
    dtype: str = "float64",
    seed: SupportsIndex = 1,
) -> Diagnosis:
    """How far back in time the gradient of `module` reaches, on `inputs`.

    `module`: torch.nn.RNN, LSTM or GRU (any number of layers, bidirectional, proj_size, packed or unbatched inputs),
    their cells; Keras 3's LSTM, GRU or SimpleRNN, on inputs [batch, steps, inputs]; a function ``step(x, state)`` on
    NumPy arrays, by finite differences (docs/diagnose.md); or any module ``(x, state) -> (out, state)`` or
    ``-> state`` that reads steps inputs[t], [batch, ...], or sequences, time or batch first. Its state, tensors in
    tuples, lists, dictionaries or data classes, has the batch first or, of three axes, second. `state`: that before the
    first step, in the module's own shape; zeros if left out, which a function cannot be without.
    `layer`: the name of a module inside `module`, as in ``named_modules``, to measure on what it reads where `module`
    reads `inputs` (a tuple of arguments or a dictionary of named ones, if it takes several).
    `lags`: which to record beside 0; if left out all up to 32, then 16 per doubling. `exponents`: how many Lyapunov
    exponents, 0 for none; if left out all, but 16 of a state of more than 256 numbers (h and c together), whose norms
    are estimates, too, from random vectors seeded by `seed`, with standard errors. Exponents and gates are those of
    the longest sequences; the exponents leave out their first `warm_up` steps, for the state, and as many more, for
    the basis (a quarter each if left out).
    `higher`: of LSTMs and GRUs, what to add to the bias of the forget or update gate, or "chrono", each measured on a
    copy; 1, 2, 3, 5, 7 and chrono if left out, an empty list for none. `advice`: the advice.parquet of a study to
    compare with; if left out that of the standard study, where the package runs from a checkout that has made it.

    Each layer is measured by itself: the Jacobian of its state (h and c together) after the last step by its state
    `lag` steps before, at fixed inputs, which are what the module makes of the layer before. A sequence counts up to
    its own length. The module runs on its device in evaluation mode (no dropout), on a copy that is then measured in
    `dtype`; the module, its gradients and the random state stay as they are. The time is that of as many backward
    passes as the state has numbers: a few sequences are enough.
    Raises ModuleError, in one line, for what cannot be measured, and DeviceError for a device other than cpu or cuda.
    """
    if layer is not None and state is not None:
        raise ModuleError(
            "state: found one, and a layer; allowed: one of them, a layer has its state from the pass"
        )
    device = device_of(module, inputs, dtype, within=layer is not None)
    exponents, seed = exponents_of(exponents), whole("seed", seed, SEEDS - 1)
    higher, (recommended, source) = higher_of(higher), advice_table(advice)
    with preserved_process_state(device, getattr(torch, dtype)):
        backend = load("torch", str(device), dtype)
        like = torch.zeros((), device=device, dtype=getattr(torch, dtype))
        if layer is not None:
            read = inside_model if is_keras(module) else inside
            module, inputs, state = read(module, layer, inputs)
            device_of(module, inputs, dtype)
        found = layers_of(module, inputs, state, like)
        wanted = lags_of(len(longest(found[0]).xs), lags)
        norms = [all_norms(backend, layer, wanted, seed) for layer in found]
        speeds = [rate(backend, *each) for each in zip(found, norms, strict=True)]
        openings = [gates(backend, layer) for layer in found]
        own = share_table(found, norms, speeds, openings, AS_IT_IS)
        copies = higher if all(forget_bias(layer) is not None for layer in found) else ()
        changes = [change_of(one, len(longest(found[0]).xs)) for one in copies]
        others = [
            shares_of(backend, changed(module, inputs, state, like, found, each, seed), wanted, seed, each)
            for each in changes
        ]
        report = Diagnosis(
            decay=table(found, [decay(*each) for each in zip(found, norms, strict=True)]),
            rates=table(found, [rates(speed) for speed in speeds]),
            shares=pd.concat([own, *others], ignore_index=True),
            biases=table(found, [bias_of(layer) for layer in found]),
            exponents=table(found, [lyapunov(backend, layer, warm_up, exponents, seed) for layer in found]),
            gates=table(found, openings),
            advice=table(found, [advice_of(layer, recommended) for layer in found]),
            source=source,
            descriptions={(layer.number, layer.direction): layer.description for layer in found},
        )
        for each in found:
            each.check()
        return report

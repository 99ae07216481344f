"""How far back the gradient of a model's recurrent layers reaches while it trains."""

import time
import warnings
from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.util import find_spec
from numbers import Real
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from carousel.diagnosis.caught import caught, recurrent
from carousel.diagnosis.checks import whole
from carousel.diagnosis.evaluation_copy import unwrapped
from carousel.diagnosis.layer import ModuleError
from carousel.diagnosis.process_state import preserved_process_state
from carousel.diagnosis.reach import Reach, reaches
from carousel.diagnosis.writers import writer_of
from carousel.study.errors import short
from carousel.study.schema import SEEDS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LAGS = (10, 100, 1000)
LEFT = 0.01  # the share of the gradient down to which it counts as reaching
MOST = 10**9
LIGHTNING = "lightning", "pytorch_lightning"
COLUMNS = ["step", "module", "layer", "direction", "quantity", "lag", "value", "length"]


class Monitor:
    """A model's recurrent layers during training: reach, what is left at given lags, gate openings.

        monitor = carousel.Monitor(model, every=100)
        for x, y in batches:
            ...
            monitor.step(x)

    Layers are torch.nn.RNN, LSTM, GRU and their cells, wherever they stand in the model. Every `every` steps the model
    runs once in evaluation mode, to see what they read, and each goes one backward pass by itself on at most
    `sequences` of the longest sequences (see `reach.py`). From the second time on that happens where all of it
    together takes at most `share` of the training's time: later, and on fewer sequences, if need be.
    `lags`: of the shares; those longer than a sequence are left out. `run`: calls the model on what `step` is
    given; if left out ``model(batch)``, with the first entry of a list or tuple. `writer`: a SummaryWriter, a run of
    wandb, a function of (numbers by name, step), or "tensorboard" or "wandb". `seed`: of the random covectors.

    Nothing of the model or the process stays changed: parameters, gradients, buffers, attributes, modes, hooks, random
    states, threads. It works beside autocast, torch.compile, DataParallel and accumulated gradients. `step` warns once
    when less than LEFT of the gradient is left at the far end of a sequence.
    Raises ModuleError, in one line, for a model or an option that it cannot take.
    """

    def __init__(
        self,
        model: nn.Module,
        every: SupportsIndex = 100,
        *,
        share: float = 0.05,
        lags: Iterable[SupportsIndex] = LAGS,
        sequences: SupportsIndex = 4,
        run: Callable[[nn.Module, Any], object] | None = None,
        writer: Any = None,
        seed: SupportsIndex = 1,
    ) -> None:
        if not isinstance(model, nn.Module):
            raise ModuleError(f"model: found {short(model)}; allowed: a torch module")
        self.model, self.run, self.share = unwrapped(model), run or run_on_inputs, share_of(share)
        self.every, self.sequences = one_or_more("every", every), one_or_more("sequences", sequences)
        self.lags = sorted({one_or_more("lags", lag) for lag in lags})
        self.generator = torch.Generator().manual_seed(whole("seed", seed, SEEDS - 1))
        self.write = writer_of(writer)
        recurrent(self.model)
        self.steps, self.due, self.warned = 0, 0, False
        self.spent = self.cost = self.trained = 0.0
        self.left_at = time.perf_counter()
        self._rows: list[tuple[Any, ...]] = []

    def step(self, batch: Any) -> None:
        """Count a step of the training, and measure where it is time to. Raises ModuleError."""
        if self.steps >= self.due:
            settled(self.model)
        entered = time.perf_counter()
        self.trained += entered - self.left_at if self.steps else 0.0
        if self.steps >= self.due and self.affordable():
            self.measure(batch)
            self.due = self.steps + self.every
            self.cost = time.perf_counter() - entered
            self.spent += self.cost
        self.steps += 1
        self.left_at = time.perf_counter()

    def callback(self) -> Any:
        """This monitor as a callback of Lightning, which hands it every batch. Raises ModuleError without Lightning."""
        found = next((name for name in LIGHTNING if find_spec(name)), None)
        if not found:
            raise ModuleError(
                f"callback: found none of {', '.join(LIGHTNING)}; allowed: where one is installed"
            )
        base = import_module(f"{found}.pytorch" if found == "lightning" else found).Callback

        def hand_on(_: Any, trainer: Any, module: Any, outputs: Any, batch: Any, number: int) -> None:
            self.step(batch)

        return type("MonitorCallback", (base,), {"on_train_batch_end": hand_on})()

    def affordable(self) -> bool:
        """Whether another measurement is within the share; if not yet, the next one takes fewer sequences."""
        within = not self._rows or self.spent + self.cost <= self.share * self.trained
        if not within and self.steps == self.due:
            self.sequences = max(1, self.sequences // 2)
        return within

    def measure(self, batch: Any) -> None:
        """Measure every recurrent layer now. Raises ModuleError."""
        device = next(self.model.parameters()).device
        with preserved_process_state(device, torch.get_default_dtype()):
            found = caught(self.model, lambda model: self.run(model, batch))
            for each in found:
                for reach in reaches(each, self.sequences, self.generator):
                    self.record(each.name, reach)

    def record(self, name: str, reach: Reach) -> None:
        """Keep a layer's numbers, write them, and warn where the gradient does not reach a sequence's far end."""
        length, far = len(reach.left), reach_of(reach.left)
        shares = [
            ("log10_share", float(lag), float(reach.left[lag - 1])) for lag in self.lags if lag <= length
        ]
        gates = [(f"gate_{gate}", np.nan, value) for gate, value in reach.gates.items()]
        numbers: list[tuple[str, float, float]] = [("reach", np.nan, far), *shares, *gates]
        place = name, reach.layer, reach.direction
        self._rows += [(self.steps, *place, *each, length) for each in numbers]
        if self.write:
            self.write(dict(tagged(place, *each) for each in numbers), self.steps)
        if far < length and not self.warned:
            self.warned = True
            warnings.warn(
                f"step {self.steps}: the gradient of {name or 'the model'}, layer {reach.layer} {reach.direction}, "
                f"reaches {far:.0f} of {length} steps back: less than {LEFT:.0%} of it is left beyond",
                stacklevel=4,
            )

    @property
    def table(self) -> pd.DataFrame:
        """A row per step, module, layer, direction and quantity.

        `reach`: the largest lag at which LEFT of the gradient is left, NaN where the layer is not finite;
        `log10_share`: log10 of what is left at `lag`; `gate_f` and so on: mean openings. `length`: of the sequences.
        """
        return pd.DataFrame(self._rows, columns=COLUMNS)

    def figure(self) -> "Figure":
        """Reach, shares and gates over training, one above the other."""
        from carousel.diagnosis.monitor_figure import draw

        return draw(self.table)


def share_of(share: Any) -> float:
    """A share of the training's time. Raises ModuleError."""
    if isinstance(share, Real) and not isinstance(share, bool) and 0 < float(share) <= 1:
        return float(share)
    raise ModuleError(f"share: found {short(share)}; allowed: above 0, up to 1, of the training's time")


def one_or_more(name: str, value: Any) -> int:
    """A whole number of 1 or more. Raises ModuleError."""
    return whole(name, value, MOST, lowest=1)


def settled(model: nn.Module) -> None:
    """Wait for what a GPU has still to do, which is the training's time."""
    device = next(model.parameters()).device
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def tagged(place: tuple[str, int, str], quantity: str, lag: float, value: float) -> tuple[str, float]:
    """A number with the name that it has in a writer."""
    module, layer, direction = place
    at = "" if np.isnan(lag) else f"_{lag:.0f}"
    return f"carousel/{module or 'model'}/{direction}{layer}/{quantity}{at}", value


def run_on_inputs(model: nn.Module, batch: Any) -> object:
    """Call the model on a batch, or on the inputs of one: its first entry. Raises ModuleError."""
    if isinstance(batch, (tuple, list)) and not isinstance(batch, PackedSequence) and batch:
        batch = batch[0]
    if not isinstance(batch, (Tensor, PackedSequence)):
        raise ModuleError(
            f"batch: found {short(batch)}; allowed: a tensor, or a `run` that calls the model on it"
        )
    return model(on_device(batch, next(model.parameters()).device))


def on_device(inputs: Any, device: torch.device) -> Any:
    """Inputs, packed or not, on a device."""
    return inputs.to(device)


def reach_of(left: np.ndarray) -> float:
    """The largest lag at which LEFT of the gradient is left; NaN where it is not finite."""
    if np.isnan(left).any() or left[0] != 0:
        return np.nan
    return float(np.flatnonzero(left >= np.log10(LEFT))[-1] + 1)

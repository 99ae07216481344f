"""What the models of a batch score on their test sequences, evaluation by evaluation."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from carousel.engine.backends.backend import Targets
from carousel.engine.losses import LOSSES, log_softmax
from carousel.measures.training.nonfinite import NonFiniteTracker
from carousel.study.models import Setting
from carousel.tables.layout import laid_out
from carousel.tasks import ADDING_TOLERANCE, Task


def scores(
    y: Float[np.ndarray, "M S O B"], targets: Targets, scored: Float[np.ndarray, "M S B"]
) -> tuple[Float[np.ndarray, " M"], Float[np.ndarray, " M"]]:
    """Loss, by the answers' weights, and accuracy, over the answers that are scored, in float64.

    An answer that is no finite number is wrong.
    """
    loss, (y, target) = LOSSES[targets.loss], (a.astype(float) for a in (y, targets.target))
    losses = loss.value(y, target, log_softmax)
    right = loss.right(y, target, ADDING_TOLERANCE) & np.isfinite(y).all(2)
    return (losses * targets.weight).sum(1).mean(1), (right * scored).sum((1, 2)) / scored.sum((1, 2))


class Scores:
    """The evaluations of a batch of models, as rows of the accuracy table."""

    def __init__(self, task: Task) -> None:
        self.task, self.rows = task, list[pd.DataFrame]()

    def add(
        self,
        step: int,
        places: Int[np.ndarray, " M"],
        loss: Float[np.ndarray, " M"],
        accuracy: Float[np.ndarray, " M"],
        norm: Float[np.ndarray, " M"],
        active: Bool[np.ndarray, " M"],
    ) -> Bool[np.ndarray, " M"]:
        """Note what the models at some `places` of the batch score, and say which of them solve the task.

        One that is not `active` has no loss, and none of its answers is right.
        """
        loss, norm = (np.where(active, each, np.nan) for each in (loss, norm))
        accuracy = np.where(active, accuracy, 0.0)
        solved = np.array(
            [self.task.solved(x, a) for x, a in zip(loss.tolist(), accuracy.tolist(), strict=True)], bool
        )
        columns = {"loss": loss, "accuracy": accuracy, "solved": solved, "gradient_norm": norm}
        self.rows.append(pd.DataFrame({"place": places, "step": step, **columns}))
        return solved

    def lost(self, step: int, places: Int[np.ndarray, " M"]) -> None:
        """Note that models which are not finite, and have left the batch, solve nothing."""
        nothing = np.full(len(places), np.nan)
        self.add(step, places, nothing, nothing, nothing, np.zeros(len(places), bool))

    def table(
        self,
        settings: Sequence[Setting],
        rates: Float[np.ndarray, " M"],
        tracker: NonFiniteTracker,
        **common: Any,
    ) -> pd.DataFrame:
        """The accuracy table of the batch: step by step, model by model."""
        rows = pd.concat(self.rows).sort_values(["step", "place"], kind="stable")
        of_model = pd.DataFrame([asdict(setting) for setting in settings]).assign(
            learning_rate=rates, stopped=tracker.step, reason=tracker.reason
        )
        baseline = self.task.baseline(settings[0].length)
        frame = of_model.take(rows["place"]).assign(
            **{name: rows[name].to_numpy() for name in rows.columns[1:]},
            **dict(zip(("baseline_loss", "baseline_accuracy"), baseline, strict=True)),
            **common,
        )
        return laid_out(frame.reset_index(drop=True), "accuracy")

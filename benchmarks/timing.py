"""What a study cost, from the logs of its jobs: seconds of measuring by rule, slice and backend; and what is double.

    python benchmarks/timing.py results/standard [config/standard.yaml]

The seconds are those of the batches that a job measured; what came from the cache counts next to nothing. With the
study's file, also the models that two slices measure under the same conditions.
"""

import re
import sys
from itertools import combinations
from pathlib import Path

import pandas as pd

from carousel.study.files import load
from carousel.study.models import Setting, settings_of
from carousel.study.schema import Study
from carousel.study.slices import NoisySlice

BATCH = re.compile(r"^(?P<what>.+), batch \d+ of \d+: (?:(\d+) models, \d+ steps: )?([\d.]+) s$")
CONDITIONS = "batch", "input_size", "state_scale", "measures", "lags_per_octave", "warm_up", "exponents"
"""The keys of a slice that change what is measured of a model."""


def batches(results: Path) -> pd.DataFrame:
    """A row per batch of models: rule, slice, backend, models and seconds; a search has one backend and no models."""
    rows = []
    for log in sorted(results.glob("logs/*/**/*.log")):
        rule, *folders = log.relative_to(results / "logs").parts[:-1]
        backend = "torch" if "torch" in folders else "numpy"
        found = (BATCH.match(line) for line in log.read_text().splitlines())
        rows += [(rule, slice_of(m["what"]), backend, float(m[2] or 0), float(m[3])) for m in found if m]
    return pd.DataFrame(rows, columns=["rule", "slice", "backend", "models", "seconds"])


def slice_of(what: str) -> str:
    """The slice in what a log says of a batch: `decay grid`, `depth 2 residual stacks`, `search_lstm gru`."""
    first, *_, last = what.split()
    return first if first.startswith("search_") else last


def by_slice(results: Path) -> pd.DataFrame:
    """Seconds of each slice and rule, a column per backend, the dearest first."""
    table = batches(results).pivot_table("seconds", ["rule", "slice"], "backend", "sum", fill_value=0.0)
    return table.assign(all=table.sum(axis=1)).sort_values("all", ascending=False).reset_index()


def double(study: Study) -> pd.DataFrame:
    """The pairs of slices that measure the same models under the same conditions, and how many on both backends."""
    models = {slice_.slice: asked(slice_) for slice_ in (*study.decay, *study.dynamics)}
    pairs = (
        (a, b, len(models[a] & models[b]), len(models[a]), len(models[b])) for a, b in combinations(models, 2)
    )
    found = [pair for pair in pairs if pair[2]]
    return pd.DataFrame(found, columns=["slice", "and", "models of both", "of the first", "of the second"])


def asked(slice_: NoisySlice) -> set[tuple[str, Setting, str]]:
    """The models of a slice on each backend, with the conditions that they are measured under."""
    conditions = str([getattr(slice_, key, None) for key in CONDITIONS])
    return {
        (backend, setting, conditions)
        for backend in slice_.backends
        for cell in slice_.cells
        for setting in settings_of(slice_, cell, backend)
    }


if __name__ == "__main__":
    print(by_slice(Path(sys.argv[1])).round(1).to_markdown(index=False))
    for path in sys.argv[2:]:
        print(double(load(Path(path))).to_markdown(index=False))

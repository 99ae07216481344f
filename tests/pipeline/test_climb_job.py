"""The jobs that choose learning rates and climb lengths: killed and started again, and told of what they lack."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml

from carousel.__main__ import main
from carousel.measures.training import train as training
from carousel.tasks import TASKS

SMOKE = Path(__file__).parents[2] / "config" / "smoke.yaml"
SMALL = {
    "hidden": [3],
    "lengths": [11, 10],
    "steps": 2,
    "evaluate_every": 1,
    "test_size": 16,
    "repetitions": 2,
}


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The training job of a study with one slice that climbs; each model solves its task at once."""
    easy = replace(TASKS["temporal_order"], solved=lambda loss, accuracy: True)
    monkeypatch.setitem(TASKS, "temporal_order", easy)
    study = yaml.safe_load(SMOKE.read_text())
    study["training"] = [part | SMALL for part in study["training"] if part["climb"]]
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(study))
    words = f"--study {path} --task temporal_order --cell lstm --cache {tmp_path}/cache".split()
    assert main(["tune", *words, "--out", f"{tmp_path}/tuning.parquet"]) == 0
    outs = f"--out {tmp_path}/a.parquet --decay-out {tmp_path}/d.parquet --dynamics-out {tmp_path}/e.parquet"
    return ["accuracy", "--backend", "numpy", *words, *outs.split()]


def lengths(monkeypatch: pytest.MonkeyPatch, killed: bool) -> list[int]:
    """The lengths that are trained from now on; the second kills its job where `killed`."""
    found: list[int] = []

    def watched(backend, seed, settings, *rest):
        found.append(settings[0].length)
        if killed and len(found) == 2:
            raise KeyboardInterrupt
        return training.Run(*trained(backend, seed, settings, *rest))

    trained = training.train
    monkeypatch.setattr(training, "train", watched)
    return found


def test_a_killed_climb_goes_on_from_the_length_that_it_was_at(
    job: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates = ["--tuning", f"{tmp_path}/tuning.parquet"]
    with monkeypatch.context() as patch:
        found = lengths(patch, killed=True)
        with pytest.raises(KeyboardInterrupt):
            main([*job, *rates])
        assert found == [10, 11]
    found = lengths(monkeypatch, killed=False)
    assert main([*job, *rates]) == 0
    assert found == [11]
    table, tuned = (pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("a", "tuning"))
    assert sorted(table["length"].unique()) == [10, 11]
    assert table["solved"].all()
    assert set(table["learning_rate"]) == set(tuned[tuned["chosen"]]["learning_rate"])
    assert tuned["chosen"].any() and not tuned["chosen"].all()


def test_rates_that_are_not_chosen_are_asked_for(job: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(job) == 1
    said = capsys.readouterr().err
    assert said == "--tuning: missing; slice climb_lstm has several learning rates to choose from\n"

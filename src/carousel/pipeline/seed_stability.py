"""A study under other master seeds: which verdicts stand."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import yaml

from carousel.pipeline.claim_paths import paths
from carousel.study.files import load
from carousel.tables.schemas import names

SEEDS = 3  # other master seeds


def others(seed: int) -> list[int]:
    """The seeds that follow `seed`: they share no stream with it."""
    return [seed + k for k in range(1, SEEDS + 1)]


def reseeded(study: Path, seed: int) -> str:
    """The study at `study` with another master seed, as a yaml file. Raises StudyError as `load` does.

    It stands in another folder, so that it names files of claims by their whole path.
    """
    found = load(study)
    own = {path.name: str(path.absolute()) for path in paths(found.claims, study.parent)}
    claims = [own.get(Path(each).name, each) for each in found.claims]
    return yaml.safe_dump(found.model_dump(mode="json") | {"seed": seed, "claims": claims}, sort_keys=False)


def compared(verdicts: Mapping[int, pd.DataFrame], seed: int) -> pd.DataFrame:
    """A row per claim and seed: id, seed, verdict, effect, low, high, and ``same``: as under master seed `seed`.

    Raises ValueError where a table of claims lacks a claim that another has.
    """
    ids = verdicts[seed]["id"].tolist()
    if wrong := [other for other, table in verdicts.items() if table["id"].tolist() != ids]:
        raise ValueError(f"seed {wrong[0]}: not the claims of seed {seed}")
    word = dict(zip(ids, verdicts[seed]["verdict"], strict=True))
    tables = [
        table[["id", "verdict", "effect", "low", "high"]].assign(
            seed=other, same=table["verdict"] == table["id"].map(word)
        )
        for other, table in sorted(verdicts.items())
    ]
    return pd.concat(tables, ignore_index=True)[names("stability")]

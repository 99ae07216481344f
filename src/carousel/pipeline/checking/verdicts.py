"""Checks of the verdicts: all claims are decided, on all backends, and the effects are those of other master seeds."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from carousel.axes import BACKENDS
from carousel.claims.rules import INCONCLUSIVE
from carousel.claims.seals import Seal, moved
from carousel.pipeline.checking.results import Finding, Results
from carousel.pipeline.claim_files import claims_of
from carousel.pipeline.sealing import read
from carousel.report.page.stability import record

FILE = "claims.parquet"


def decided(results: Results) -> Iterator[Finding]:
    """The claims that are missing, and those that are decided without one of the backends."""
    study, folder = results.decided_by()
    claims, evidence = results.table("claims"), results.table("evidence", "id", "backend")
    wanted = claims_of(study.claims, folder)
    yield from (Finding(FILE, f"{name}: is missing") for name in wanted if name not in set(claims["id"]))
    measured = evidence.astype(str).groupby("id")["backend"].agg(set)
    for row in claims[claims["verdict"].astype(str) != INCONCLUSIVE].to_dict("records"):
        for name in BACKENDS:
            if pd.isna(row[name]) or name not in measured.get(row["id"], set()):
                yield Finding(
                    FILE, f"{row['id']}: {row['verdict']} without evidence of {BACKENDS[name].label}"
                )


def seals(results: Results) -> Iterator[Finding]:
    """The claims that were decided by another rule than the sealed one."""
    study, folder = results.decided_by()
    sealed, table = read(study.claims, folder), results.table("claims")
    for row in table[table["id"].isin(sealed)].to_dict("records"):
        if said := broken(row, sealed[row["id"]]):
            yield Finding(FILE, f"{row['id']}: {said}")


def broken(row: Mapping[str, Any], seal: Seal) -> str:
    """What of a claim is not as it was sealed; nothing where all is."""
    now = json.loads(row["thresholds"])
    if now != seal.thresholds:
        return f"decided by other thresholds than the sealed ones: {moved(seal.thresholds, now)}"
    return "" if row["seal"] == seal.hash else f"its seal is broken: {row['seal']}, sealed {seal.hash}"


def reference(results: Results) -> Iterator[Finding]:
    """The effects that are not those of the same study under other master seeds.

    The interval of an effect must meet one that spans the intervals of the other seeds. An effect that has none, such
    as an identity's or the extreme of a search, is not compared, but its verdict must be one of theirs.
    """
    seeds = others(results)
    for row in results.table("claims").to_dict("records"):
        known = seeds[(seeds["id"] == row["id"]) & (seeds["verdict"] != INCONCLUSIVE)]
        if len(known) and row["verdict"] != INCONCLUSIVE:
            yield from (Finding(FILE, f"{row['id']}: {said}") for said in unlike(row, known))


def others(results: Results) -> pd.DataFrame:
    """The verdicts under other master seeds: those beside the results, else those that the package has on record."""
    origin = results.origins.get("claims", {})
    if "stability" in results.damage:
        found: pd.DataFrame | None = results.table("stability")
    else:
        found = record(str(origin.get("study")))
    if found is None:
        return pd.DataFrame(columns=["id", "seed", "verdict", "effect", "low", "high"])
    return found[found["seed"] != origin.get("seed")]


def unlike(row: dict, known: pd.DataFrame) -> Iterator[str]:
    """How one claim differs from the same under other seeds."""
    seeds = f"master seeds {', '.join(str(seed) for seed in known['seed'])}"
    if not (known["low"] < known["high"]).any():
        if row["verdict"] not in set(known["verdict"]):
            yield f"{row['verdict']}, under {seeds}: {', '.join(sorted(set(known['verdict'])))}"
        return
    low, high = known["low"].min(), known["high"].max()
    if row["high"] < low or row["low"] > high:
        own = f"{row['effect']:.6g} ({row['low']:.6g} to {row['high']:.6g})"
        yield f"effect {own}, under {seeds}: {low:.6g} to {high:.6g}"

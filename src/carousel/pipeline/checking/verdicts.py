"""Checks of the verdicts: all claims are decided, on all backends, and the effects are those of other master seeds."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from carousel.axes import BACKENDS
from carousel.claims import CLAIMS
from carousel.claims.rules import INCONCLUSIVE
from carousel.pipeline.checking.results import Finding, Results
from carousel.pipeline.fingerprint import PACKAGE
from carousel.report.page.stability import record

FILE = "claims.parquet"
FIXED = PACKAGE / "claims" / "seals.json"
"""What decides each claim, as hashes, and when that was fixed; there once that is done."""


def decided(results: Results) -> Iterator[Finding]:
    """The claims that are missing, and those that are decided without one of the backends."""
    claims, evidence = results.table("claims"), results.table("evidence", "id", "backend")
    yield from (Finding(FILE, f"{name}: is missing") for name in CLAIMS if name not in set(claims["id"]))
    measured = evidence.astype(str).groupby("id")["backend"].agg(set)
    for row in claims[claims["verdict"].astype(str) != INCONCLUSIVE].to_dict("records"):
        for name in BACKENDS:
            if pd.isna(row[name]) or name not in measured.get(row["id"], set()):
                yield Finding(FILE, f"{row['id']}: {row['verdict']} without evidence of the {name} backend")


def rules(results: Results) -> Iterator[Finding]:
    """The claims that were decided by another rule than the one fixed before."""
    table = results.table("claims")
    if not FIXED.is_file() or "seal" not in table:
        return
    fixed = json.loads(FIXED.read_text("utf-8"))["claims"]
    for row in table[table["id"].isin(fixed) & (table["seal"] != "")].to_dict("records"):
        if said := moved(row, fixed[row["id"]]):
            yield Finding(FILE, f"{row['id']}: {said}")


def moved(row: Mapping[str, Any], fixed: Mapping[str, Any]) -> str:
    """What of a rule is not as it was fixed; nothing where all is."""
    before, now = fixed["thresholds"], json.loads(row["thresholds"])
    other = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    if other:
        words = "; ".join(
            f"{name} is {now.get(name, 'absent')}, was {before.get(name, 'absent')}" for name in other
        )
        return f"decided by other thresholds than the sealed ones ({words})"
    return (
        "" if row["seal"] == fixed["hash"] else f"its seal is broken: {row['seal']}, sealed {fixed['hash']}"
    )


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

"""Whether the verdicts stand under other master seeds: this study's own table, or else the record of an earlier run."""

from types import SimpleNamespace

import pandas as pd

from carousel.analysis.text import listed
from carousel.claims.seals import BEFORE
from carousel.report.page.markup import escape, table, verdict
from carousel.report.page.source import PROJECT

COMMAND = "snakemake --cores N stability"
RECORD = PROJECT / "benchmarks" / "stability.csv"
"""Verdicts of studies under several master seeds, and the commit that they are of; benchmarks/stability.py makes it."""


def record(study: str) -> pd.DataFrame | None:
    """The rows of RECORD of one study, None where it has none."""
    if not RECORD.is_file():
        return None
    rows = pd.read_csv(RECORD, dtype={"commit": str, "sealed": str})
    rows = rows[rows["study"] == study]
    return rows if len(rows) else None


def stability(data: SimpleNamespace) -> str:
    """The verdicts under several master seeds, a row per claim and a column per seed; or how to make them."""
    if hasattr(data, "stability"):
        return by_seed(data.claims, data.stability)
    origin = data.origins["claims.parquet"]
    recorded = record(str(origin.get("study")))
    if recorded is None:
        return (
            f"This study was not run under other master seeds. `{COMMAND}` does that and adds a table here."
        )
    told = f"{recorded_at(data.claims, recorded, origin.get('seed'))}{confirmed(recorded)}"
    return f"{told}\n\n{by_seed(data.claims, recorded)}"


def confirmed(recorded: pd.DataFrame) -> str:
    """What became of the verdicts under a seed that nobody had seen when the rules were sealed; "" if there is none."""
    late = recorded[recorded["sealed"] == BEFORE]
    if late.empty:
        return ""
    seeds = listed([str(seed) for seed in late["seed"].unique()])
    return (
        f" The study under seed {escape(seeds)} was run after the rules were sealed: of {len(late)} rules that were "
        f"sealed before its data, {late['same'].sum()} give the verdict that they gave before."
    )


def recorded_at(claims: pd.DataFrame, recorded: pd.DataFrame, seed: object) -> str:
    """From which commit the record is, and whether its verdicts under this study's seed are those of this study."""
    commits = escape(listed(recorded["commit"]))
    first = (
        f"These tables were measured under one master seed, {escape(seed)}. What follows is the record of a run under "
        f"{recorded['seed'].nunique()} seeds, of commit {commits}; `{COMMAND}` makes it anew."
    )
    then = recorded[recorded["seed"] == seed].set_index("id")["verdict"]
    now = claims.set_index("id")["verdict"]
    if then.empty:
        return (
            f"{first} It has no run under seed {escape(seed)}, so that it cannot be held against this study."
        )
    other = now.index[now != then.reindex(now.index)]
    if other.empty:
        return f"{first} Under seed {escape(seed)} all its verdicts are those of this study."
    links = ", ".join(f"[{name}](#{name})" for name in other)
    return f"{first} **Under seed {escape(seed)} these verdicts of this study are not those of the record:** {links}."


def by_seed(claims: pd.DataFrame, verdicts: pd.DataFrame) -> str:
    """How many verdicts stand, and the table."""
    wide = verdicts.pivot(index="id", columns="seed", values="verdict").reindex(claims["id"])
    rows = [
        (f"[{name}](#{name})", *(verdict(word) if isinstance(word, str) else "" for word in row))
        for name, *row in wide.itertuples()
    ]
    head = ("Id", *(f"Seed {seed}" for seed in wide.columns))
    widths = [4] + [10] * len(wide.columns)
    return f"{stable(wide)}\n\n" + table("Verdicts by master seed", head, rows, widths)


def stable(wide: pd.DataFrame) -> str:
    """How many of the claims that are decided under a seed have one verdict under all; the others with their seeds."""
    decided = wide[(wide != "inconclusive").all(axis=1) & wide.notna().all(axis=1)]
    same = decided.nunique(axis=1) == 1
    moved = ", ".join(f"[{name}](#{name})" for name in same.index[~same])
    text = (
        f"Of {len(decided)} claims that every seed decides, {same.sum()} have one verdict under all of them"
    )
    text = f"{text}; those that do not: {moved}." if moved else f"{text}."
    some = wide[(wide == "inconclusive").any(axis=1) & (wide.notna() & (wide != "inconclusive")).any(axis=1)]
    links = ", ".join(f"[{name}](#{name})" for name in some.index)
    return f"{text} Decided under some seeds and open under others: {links or 'none'}."

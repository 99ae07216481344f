"""Where the page comes from: provenance, what every rule cost, and whether the verdicts stand under other seeds."""

from types import SimpleNamespace

import pandas as pd

from carousel.analysis.text import count
from carousel.report.page.markup import definitions, div, escape, number, table, verdict

SEEDS = "snakemake --cores N stability"


def flat(entries: dict, prefix: str = "") -> dict[str, str]:
    """Nested provenance as one level of `outer.inner` names."""
    found: dict[str, str] = {}
    for key, value in entries.items():
        nested = isinstance(value, dict)
        found |= flat(value, f"{prefix}{key}.") if nested else {f"{prefix}{key}": text(value)}
    return found


def text(value: object) -> str:
    """A provenance value as one string; gathered tables list what their parts differ in."""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def provenance(data: SimpleNamespace) -> str:
    """Where the tables come from: an entry that differs between them is shown once per table."""
    origins = {name: flat(origin) for name, origin in data.origins.items()}
    keys = {key: None for origin in origins.values() for key in origin}
    pairs = [(escape(key), entry(origins, key)) for key in keys]
    return definitions([*pairs, ("renderer", escape(data.renderer))])


def entry(origins: dict[str, dict[str, str]], key: str) -> str:
    """The values of one key, with the tables that carry them where those are not most."""
    found: dict[str, list[str]] = {}
    for name, origin in origins.items():
        if key in origin:
            found.setdefault(origin[key], []).append(name)
    where = {
        value: "" if 2 * len(names) > len(origins) else f" ({', '.join(names)})"
        for value, names in found.items()
    }
    return "; ".join(escape(value + names) for value, names in where.items())


def costs(data: SimpleNamespace) -> str:
    """Wall and CPU time per rule, the dearest first."""
    if data.timings.empty:
        return "The logs of this study do not say how long its jobs took."
    rows = [
        (escape(row.rule), count(row.jobs), seconds(row.wall), seconds(row.cpu), seconds(row.longest))
        for row in data.timings.sort_values("wall", ascending=False, kind="stable").itertuples()
    ]
    head = ("Rule", "Jobs", "Wall time", "CPU time", "Longest job")
    return table("Time per rule", head, rows, (10, 5, 8, 8, 8))


def seconds(value: float) -> str:
    """A time, in minutes from two minutes on."""
    return f"{number(value / 60)} min" if value >= 120 else f"{number(value)} s"


def stability(data: SimpleNamespace) -> str:
    """The verdicts under other master seeds, a row per claim and a column per seed; or how to make them."""
    if not hasattr(data, "stability"):
        return f"This study was not run under other master seeds. `{SEEDS}` does that and adds a table here."
    wide = data.stability.pivot(index="id", columns="seed", values="verdict")
    wide = wide.reindex(data.claims["id"])
    rows = [
        (f"[{name}](#{name})", *(verdict(word) if isinstance(word, str) else "" for word in row))
        for name, *row in wide.itertuples()
    ]
    head = ("Id", *(f"Seed {seed}" for seed in wide.columns))
    return f"{stable(wide)}\n\n" + table(
        "Verdicts by master seed", head, rows, [4] + [10] * len(wide.columns)
    )


def stable(wide: pd.DataFrame) -> str:
    """How many of the decided claims have one verdict under all seeds."""
    decided = wide[(wide != "inconclusive").all(axis=1) & wide.notna().all(axis=1)]
    same = decided.nunique(axis=1) == 1
    moved = ", ".join(f"[{name}](#{name})" for name in same.index[~same])
    text = (
        f"Of {len(decided)} claims that every seed decides, {same.sum()} have one verdict under all of them"
    )
    return f"{text}; those that do not: {moved}." if moved else f"{text}."


def colophon(data: SimpleNamespace) -> str:
    """The last line of the page: what made it."""
    return div(
        "colophon", f"This page was rendered by {escape(data.renderer)}. It loads nothing from the network."
    )

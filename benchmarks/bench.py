"""All benchmarks, into one table and a page of plots: `make bench`.

    python benchmarks/bench.py [decay training jacobian pipeline memory study gpu]    those named; all if none is

Writes benchmarks/bench.md, which holds the table, the machine and the versions, and benchmarks/plots/*.svg.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType

from clock import pinned

pinned()  # before any library starts its threads

import pandas as pd  # noqa: E402

from carousel.pipeline.provenance import commit, processor  # noqa: E402

HERE = Path(__file__).parent
COLUMNS = "script work contender seconds against ratio target note products activations longest".split()
WORKS = "decay", "training", "jacobian", "pipeline", "memory", "study", "gpu"
LIMITED = "memory", "study"  # works with a limit and no peer
MET = {True: "yes", False: "**no**"}
NAMES = {"contender": "of carousel", "ratio": "times as fast", "longest": "most time of their own"}
VERSIONS = "numpy", "torch", "numba", "jax", "snakemake"


def script(work: str) -> ModuleType:
    """The script of a work: the file of its name, or bench.py in the folder of its name."""
    return import_module(f"{work}.bench" if (HERE / work).is_dir() else work)


def measured(names: list[str]) -> dict[str, pd.DataFrame]:
    """The tables of the works by name; one that cannot run here has said so, and has none."""
    tables = {name: script(name).run() for name in names}
    return {name: table for name, table in tables.items() if len(table)}


def joined(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The tables one below the other, in bench.csv too; what was measured of other works before is kept."""
    path = HERE / "bench.csv"
    before = pd.read_csv(path) if path.exists() else pd.DataFrame({"script": []})
    found = [table.assign(script=name) for name, table in tables.items()]
    table = pd.concat([*found, before[~before.script.isin(tables)]], ignore_index=True)
    table = table.reindex(columns=COLUMNS)
    table = table.sort_values("script", key=lambda s: s.map(WORKS.index), kind="stable")
    table.to_csv(path, index=False)
    return pd.read_csv(path)  # numbers as numbers


def page(table: pd.DataFrame) -> str:
    """The benchmark page in Markdown."""
    aims = table[table.target.notna()].fillna({"against": "", "note": ""})
    aims = aims.assign(met=aims.note.where(aims.ratio.isna(), (aims.ratio >= aims.target).map(MET)))
    limited = aims.script.isin(LIMITED)
    aims, kept = aims[~limited], aims[limited][["work", "contender", "seconds", "against", "met"]]
    times = table[table.seconds.notna() & (table.against.isna() | (table.against == ""))]
    shown = aims[["work", "contender", "against", "ratio", "target", "met"]].rename(columns=NAMES)
    plots = "\n\n".join(
        f"![{path.stem}](plots/{path.name})" for path in sorted((HERE / "plots").glob("*.svg"))
    )
    return f"""# Benchmarks

Made by `make bench` on {processor()}, at commit {commit()}; {", ".join(versions())}.

Contenders of one work have the same weights and data, are checked against each other, and are then timed in turn on one
core with one thread each: medians of CPU seconds. The pipelines are timed by the clock, on two cores.

## Targets

{shown.round(2).to_markdown(index=False)}

{kept.rename(columns={"contender": "of it", "seconds": "value", "against": "limit"}).round(2).to_markdown(index=False)}

## Seconds

{times[["work", "contender", "seconds"]].round(4).to_markdown(index=False)}

## What limits those that miss

Milliseconds that a contender may take at most, that it takes, and that R's products and the activations of its work
take alone, called by the same library at the same shapes with nothing between them. From a share of 100 % on a target
cannot be met on this machine by calls of that library, whatever stands between them. The LSTM of torch's backend is in
training torch's own kernel, that of the layers beside it. JAX fuses activations with the arithmetic around them.

{limits(table).to_markdown(index=False)}

{plots}
"""


def limits(table: pd.DataFrame) -> pd.DataFrame:
    """The contenders that miss a target, with the parts of their work, in milliseconds."""
    missed = table[(table.ratio < table.target) & table.longest.notna()]
    allowed = missed.seconds * missed.ratio / missed.target
    least = missed.products + missed.activations
    found = missed[["work", "contender", "against"]].assign(
        allowed=1e3 * allowed, measured=1e3 * missed.seconds
    )
    found = found.assign(products=1e3 * missed.products, activations=1e3 * missed.activations)
    found["the two, of what is allowed"] = (100 * least / allowed).map("{:.0f} %".format, na_action="ignore")
    return found.assign(longest=missed.longest).round(1).rename(columns=NAMES)


def versions() -> list[str]:
    """The packages that are there, with their versions."""
    found = []
    for name in VERSIONS:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} not installed")
    return found


def plots(names: list[str]) -> None:
    """The plots of the works that have some."""
    (HERE / "plots").mkdir(exist_ok=True)
    for name in names:
        draw: Callable[[Path], None] | None = getattr(script(name), "plot", None)
        if draw:
            draw(HERE / "plots" / f"{name}.svg")


if __name__ == "__main__":
    asked = sys.argv[1:] or list(WORKS)
    if unknown := set(asked) - set(WORKS):
        sys.exit(f"bench: found {', '.join(sorted(unknown))}; allowed: {', '.join(WORKS)}")
    if tables := measured(asked):
        table = joined(tables)
        plots(list(tables))
        (HERE / "bench.md").write_text(page(table), encoding="utf-8")
        print((HERE / "bench.md").read_text(encoding="utf-8"))

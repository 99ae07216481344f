"""All benchmarks, into one table and a page of plots: `make bench`.

    python benchmarks/bench.py [decay training jacobian pipeline memory study gpu]    those named; all if none is
    python benchmarks/bench.py --quick    the works that take seconds, in two minutes; prints, and writes nothing

Writes benchmarks/bench.md, which holds the table, the machine and the versions, and benchmarks/plots/*.svg. A work is
measured part by part, and every part is written as it comes: a run that was stopped goes on where it was, at the same
commit on the same machine.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any

from clock import pinned, rows_written

pinned()  # before any library starts its threads

import pandas as pd  # noqa: E402
from yardstick import machine, run as yardstick  # noqa: E402

from carousel.pipeline.provenance import commit, processor  # noqa: E402

HERE = Path(__file__).parent
UNFINISHED = ".bench.csv"
COLUMNS = "script work contender seconds against ratio target note products activations longest".split()
WORKS = "decay", "training", "jacobian", "pipeline", "memory", "study", "gpu"
LIMITED = "memory", "study"  # works with a limit and no peer
MET = {True: "yes", False: "**no**"}
NAMES = {"contender": "of carousel", "ratio": "times as fast", "longest": "most time of their own"}
VERSIONS = "numpy", "torch", "numba", "jax", "snakemake"


def script(work: str) -> ModuleType:
    """The script of a work: the file of its name, or bench.py in the folder of its name."""
    return import_module(f"{work}.bench" if (HERE / work).is_dir() else work)


def measure(names: list[str]) -> None:
    """Measure the works part by part and write each as it comes; those of a run that was stopped are there."""
    parts = [("yardstick", {}), *((name, part) for name in names for part in parts_of(name))]
    done = unfinished()
    for name, part in parts:
        if not ((done.script == name) & (done.part == str(part))).any():
            found = yardstick() if name == "yardstick" else script(name).run(**part)
            done = pd.concat([done, found.assign(script=name, part=str(part), at=here())], ignore_index=True)
            rows_written(done, HERE / UNFINISHED)
        write(done)
    (HERE / UNFINISHED).unlink()


def parts_of(name: str) -> list[dict[str, Any]]:
    """What a work's `run` is called with, once per part."""
    return getattr(script(name), "PARTS", [{}])


def unfinished() -> pd.DataFrame:
    """The rows of a run that was stopped, if it was at this commit on this machine."""
    path = HERE / UNFINISHED
    found = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=["script", "part", "at"])
    return found[found["at"] == here()]


def here() -> str:
    """The machine and the commit."""
    return f"{processor()}, {commit()}"


def write(done: pd.DataFrame) -> None:
    """Write what is done, and beside it what was measured of other works and parts before."""
    path = HERE / "bench.csv"
    before = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=COLUMNS)
    again = before.work.isin(done.work)
    table = pd.concat([done, before[~again]], ignore_index=True).reindex(columns=COLUMNS)
    table = table.sort_values("script", key=lambda s: s.map(["yardstick", *WORKS].index), kind="stable")
    rows_written(table, path)
    (HERE / "bench.md").write_text(page(pd.read_csv(path)), encoding="utf-8")  # numbers as numbers


def quick() -> None:
    """Print the quick works: the yardstick, and a round or two of each work that takes seconds."""
    print("; ".join(machine()))
    print(yardstick().round(2).to_markdown(index=False), flush=True)
    for name in WORKS:
        if given := getattr(script(name), "QUICK", None):
            table = script(name).run(**given).dropna(subset=["seconds"])
            print(
                table[["work", "contender", "seconds", "ratio"]].round(4).to_markdown(index=False), flush=True
            )


def page(table: pd.DataFrame) -> str:
    """The benchmark page in Markdown."""
    loops = table.script == "yardstick"
    measures, table = table.loc[loops, ["contender", "seconds"]], table[~loops]
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

Made by `make bench` on {"; ".join(machine())}, at commit {commit()}; {", ".join(versions())}.

Three fixed loops on one core, by which to set the figures of two machines side by side (`yardstick.py`):

{measures.rename(columns={"seconds": "speed", "contender": "loop"}).round(2).to_markdown(index=False)}

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
    if unknown := set(asked) - {*WORKS, "--quick"}:
        sys.exit(f"bench: found {', '.join(sorted(unknown))}; allowed: {', '.join(WORKS)}, or --quick")
    if "--quick" in asked:
        quick()
    else:
        measure(asked)
        plots(asked)
        print((HERE / "bench.md").read_text(encoding="utf-8"))

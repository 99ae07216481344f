"""All benchmarks, into one table and a page of plots: `make bench`.

    python benchmarks/bench.py [decay training jacobian python memory pipeline study growth gpu]    all if none is named
    python benchmarks/bench.py --quick    the works that take seconds, in two minutes; prints, and writes nothing

Writes benchmarks/bench.md, which holds the table, the machine and the versions, and benchmarks/plots/*.svg. A work is
measured part by part, and every part is written as it comes: a run that was stopped goes on where it was, at the same
commit on the same machine.
"""

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from cores import pinned

pinned()  # before any library starts its threads

import pandas as pd  # noqa: E402
from clock import rows_written  # noqa: E402
from page import page  # noqa: E402
from state import commit  # noqa: E402
from yardstick import machine, run as yardstick  # noqa: E402

from carousel.pipeline.provenance import processor  # noqa: E402

HERE = Path(__file__).parent
UNFINISHED = ".bench.csv"
COLUMNS = (
    "script work contender seconds against ratio target note axis size megabytes operations values products activations"
    " longest"
).split()
WORKS = "decay", "training", "jacobian", "python", "memory", "pipeline", "study", "growth", "gpu"


def script(work: str) -> ModuleType:
    """The script of a work: the file of its name, or bench.py in the folder of its name."""
    return import_module(f"{work}.bench" if (HERE / work).is_dir() else work)


def can_run(name: str) -> bool:
    """Whether a work can run here; one that cannot has said why."""
    return getattr(script(name), "can_run", lambda: True)()


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
    write(done, names)
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


def write(done: pd.DataFrame, finished: Sequence[str] = ()) -> None:
    """Write what is done, and beside it what was measured before: of other works, and of parts still to come."""
    path = HERE / "bench.csv"
    before = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=COLUMNS)
    again = before.work.isin(done.work) | before.script.isin(finished)
    table = pd.concat([done, before[~again]], ignore_index=True).reindex(columns=COLUMNS)
    table = table.sort_values("script", key=lambda s: s.map(["yardstick", *WORKS].index), kind="stable")
    rows_written(table, path)
    write_page()


def write_page() -> None:
    """Write bench.md from bench.csv."""
    (HERE / "bench.md").write_text(
        page(pd.read_csv(HERE / "bench.csv")), encoding="utf-8"
    )  # numbers as numbers


def quick() -> None:
    """Print the quick works: the yardstick, and a round or two of each work that takes seconds."""
    print("; ".join(machine()))
    print(yardstick().round(2).to_markdown(index=False), flush=True)
    for name in WORKS:
        if given := getattr(script(name), "QUICK", None):
            table = script(name).run(**given).dropna(subset=["seconds"])
            shown = table[["work", "contender", "seconds", "against", "ratio"]].round(4)
            print(shown.to_markdown(index=False), flush=True)


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
    elif there := [name for name in asked if can_run(name)]:
        measure(there)
        plots(there)
        write_page()
        print((HERE / "bench.md").read_text(encoding="utf-8"))

"""bench.md: every figure beside its target, what limits those that miss, how cost grows, and what a GPU would take."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import growth
import pandas as pd
from gpu.predict import predictions
from state import commit
from yardstick import machine

HERE = Path(__file__).parent
LIMITED = "memory", "study", "python"  # works with a limit and no peer
APART = "yardstick", "growth", "gpu"  # works with a section of their own
NAMES = {"contender": "of carousel", "ratio": "times as fast"}
VERSIONS = "numpy", "torch", "numba", "jax", "snakemake"
FLOPS, TANH, COPY = "multiply-adds, GFLOP/s", "tanh, 10^9 numbers/s", "copy, GB/s"
SPENT, RULES = ", CPU seconds", 5  # of a study, by rule; the largest that are named
CROWDED, EMPTY = (
    1.0,
    0.5,
)  # shares of the allowed time from which the limit rules a target out, or leaves room


def page(table: pd.DataFrame) -> str:
    """The benchmark page in Markdown."""
    loops = table.script == "yardstick"
    speeds = table[loops].set_index("contender").seconds
    works = table[~table.script.isin(APART)]
    aims = works[works.target.notna()]
    limited = aims.script.isin(LIMITED)
    return f"""# Benchmarks

Made by `make bench` on {"; ".join(machine())}, at commit {commit()}; {", ".join(versions())}.

Three fixed loops on one core, measured in the same run, by which to set the figures of two machines side by side
(`yardstick.py`):

{loops_table(speeds)}

Contenders of one work have the same weights and data, are checked against each other, and are then timed in turn on one
core with one thread each: medians of CPU seconds. Pipelines, studies and what is called from Python are timed by the
clock.

## Targets

The targets are those of the default paths: compiled loops on NumPy, autograd on torch. Plain NumPy, without compiled
loops, is the reference for what is true, not for what is fast: its targets are retired, its seconds stand below.

{targets(aims[~limited])}

{limits(aims[limited])}

## What limits those that miss

{misses(aims[~limited], speeds)}
{studies(works)}

## How cost grows

An LSTM's, one axis at a time (`growth.py`): sizes that would take more than {growth.CAP:g} s a call are left out. An
exponent is fitted to the {growth.FITTED} largest sizes. Memory is what a call takes beyond what its process held, its
data included, and JAX's compiled programs.

{grown(table[table.script == "growth"])}

## On a GPU

{on_a_gpu(table[table.script == "gpu"])}

## Seconds

{seconds(works)}

{plots()}
"""


def loops_table(speeds: pd.Series) -> str:
    """The yardstick, a row per loop."""
    return speeds.rename("speed").rename_axis("loop").reset_index().round(2).to_markdown(index=False)


def met(aims: pd.DataFrame) -> pd.Series:
    """Whether each target is met, or by how much it is missed."""
    reached = aims.ratio / aims.target
    missed = (1 - reached).map("**missed by {:.1%}**".format)
    return missed.mask(reached >= 1, "met").mask(aims.ratio.isna(), "not measured")


def targets(aims: pd.DataFrame) -> str:
    """Each figure against a peer beside its target."""
    shown = aims.assign(met=met(aims))[["work", "contender", "against", "ratio", "target", "met"]]
    return shown.rename(columns=NAMES).round(2).to_markdown(index=False)


def limits(aims: pd.DataFrame) -> str:
    """Each figure beside its limit."""
    shown = aims.assign(met=met(aims))[["work", "contender", "seconds", "against", "met"]]
    names = {"contender": "of it", "seconds": "value", "against": "limit"}
    return shown.rename(columns=names).round(3).to_markdown(index=False)


def seconds(works: pd.DataFrame) -> str:
    """The seconds of all contenders."""
    times = works[works.seconds.notna() & works.against.fillna("").eq("")]
    return times[["work", "contender", "seconds"]].round(4).to_markdown(index=False)


def misses(aims: pd.DataFrame, speeds: pd.Series) -> str:
    """A line per missed target: what is allowed, what the machine's speed takes alone, where the time goes."""
    missed = aims[aims.ratio < aims.target]
    said = [
        f"- {row.work}, {row.contender} against {row.against}: {why(row, speeds)}"
        for row in missed.itertuples()
    ]
    return "\n".join(said) or "None does."


def studies(works: pd.DataFrame) -> str:
    """A line per study: what its CPU seconds allow on two cores at best, and the rules that take most of them."""
    said = []
    for work, rules in works[works.work.str.endswith(SPENT)].groupby("work", sort=False):
        spent = rules.set_index("contender").seconds
        largest = ", ".join(
            f"{rule} {share:.0%}" for rule, share in (spent / spent.sum()).nlargest(RULES).items()
        )
        said.append(
            f"- {work.removesuffix(SPENT)}: {spent.sum():,.0f} CPU seconds, {spent.sum() / 2:,.0f} s on two cores that "
            f"are never idle; {largest}."
        )
    return "\n".join(said)


def why(row: tuple, speeds: pd.Series) -> str:
    """What limits one contender, in words made from its numbers."""
    allowed = row.seconds * row.ratio / row.target
    parts = [f"takes {milliseconds(row.seconds)}, and {milliseconds(allowed)} are allowed."]
    parts += [roofline(row, speeds, allowed), library(row, allowed)]
    if isinstance(row.longest, str):
        parts.append(f"Most time of their own: {row.longest}.")
    return " ".join(filter(None, parts))


def roofline(row: tuple, speeds: pd.Series, allowed: float) -> str:
    """What the products and activations take at the speeds of the yardstick, beside what is allowed and measured."""
    if pd.isna(row.operations) or FLOPS not in speeds:
        return ""
    products, activations = 1e-9 * row.operations / speeds[FLOPS], 1e-9 * row.values / speeds[TANH]
    least = products + activations
    peer = row.seconds * row.ratio
    return (
        f"At the speeds of the loops above its products take {milliseconds(products)} and its activations "
        f"{milliseconds(activations)}: {least / row.seconds:.0%} of what it takes, {least / allowed:.0%} of what is "
        "allowed, "
        f"so that {verdict(least / allowed)} ({row.against} reaches {least / peer:.0%} of those speeds)."
    )


def verdict(share: float) -> str:
    """What the share of the allowed time that arithmetic alone takes says of a target."""
    if share >= CROWDED:
        return "no program that multiplies so fast meets the target here"
    return (
        "what is between them has to be nearly free" if share >= EMPTY else "arithmetic is not what limits it"
    )


def library(row: tuple, allowed: float) -> str:
    """What the calls of the contender's library take by themselves."""
    if pd.isna(row.products):
        return ""
    least = row.products + row.activations
    return (
        f"Its library's products and activations, called alone at the same shapes, take {milliseconds(least)}, "
        f"{least / allowed:.0%} of what is allowed; the rest is calls between them."
    )


def grown(rows: pd.DataFrame) -> str:
    """The exponents of time and memory, a row per work, axis and contender."""
    if rows.empty:
        return "Not measured."
    return growth.exponents(rows).to_markdown(
        index=False, floatfmt=[*[""] * 3, ".0f", ".3g", ".0f", ".2f", ".2f"]
    )


def on_a_gpu(rows: pd.DataFrame) -> str:
    """What was measured on a GPU, or what is predicted where none was at hand."""
    if rows.empty:
        return (
            f"None was at hand. At least, by stated figures of an H200 (`gpu/predict.py` has the formula):\n\n"
            f"{predictions().to_markdown(index=False)}"
        )
    return rows[["work", "contender", "seconds", "ratio", "target", "note"]].to_markdown(index=False)


def plots() -> str:
    """The plots that there are."""
    paths = sorted((HERE / "plots").glob("*.svg"))
    return "\n\n".join(f"![{path.stem}](plots/{path.name})" for path in paths)


def milliseconds(value: float) -> str:
    """Seconds as milliseconds with three digits."""
    return f"{float(f'{1e3 * value:.3g}'):,g} ms"


def versions() -> list[str]:
    """The packages that are there, with their versions."""
    found = []
    for name in VERSIONS:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} not installed")
    return found

"""The commands on whole result sets: add another machine's to one, compare two."""

import argparse
from typing import Any

import pandas as pd

from carousel.pipeline.machines import adding, comparison, other_machines
from carousel.tables.files import StoreError
from carousel.tables.parquet import provenance, write
from carousel.tables.provenance import merge

SHOWN = 20  # lines of moves; the table has all


def add(args: argparse.Namespace) -> None:
    """Put tables measured on another machine beside the local ones."""
    folder = adding.add(args.results, args.given, args.other_code)
    tables = ", ".join(path.stem for path in sorted(folder.glob("*.parquet")))
    print(f"{folder}: {tables}; the next report shows them beside the local ones, as another machine's")


def machines(args: argparse.Namespace) -> None:
    """Sum up where the decay was measured, and how far other machines are from this one."""
    write(other_machines.machines(args.results), args.out, provenance(args.results / "decay.parquet"))


def compare(args: argparse.Namespace) -> None:
    """Compare two result sets of one study: which rows and verdicts moved, and by how much against their error."""
    table = comparison.compare(args.left, args.right)
    if args.out:
        paths = [
            side / f"{name}.parquet" for side in (args.left, args.right) for name in table["table"].unique()
        ]
        write(table, args.out, merge([provenance(path) for path in paths]))
    print(report(table))
    if args.fail and differs(table).any():
        raise StoreError(
            f"{args.left} and {args.right} differ in {differs(table).sum()} of {len(table)} lines"
        )


def differs(table: pd.DataFrame) -> pd.Series:
    """Which lines of a comparison have rows that moved, or that are on one side alone."""
    return (table[["moved", "only_left", "only_right"]] > 0).any(axis=1)


def report(table: pd.DataFrame) -> str:
    """A comparison in words: each table in a line, then what moved most for its error, then the verdicts."""
    claims, rows = table[table["table"] == "claims"], table[table["table"] != "claims"]
    lines = [totals(name, group) for name, group in rows.groupby("table", sort=False)]
    moved = rows[rows["moved"] > 0].sort_values("in_errors", ascending=False, kind="stable")
    lines += [line(row) for row in moved.head(SHOWN).itertuples()]
    if len(moved) > SHOWN:
        lines.append(f"  and {len(moved) - SHOWN} more slices; --out writes them all")
    return "\n".join([*lines, *verdicts(claims)])


def totals(name: str, lines: pd.DataFrame) -> str:
    """One table in a line."""
    first = lines[lines["column"] == lines["column"].iloc[0]]
    sums = first[["rows", "only_left", "only_right"]].sum()
    alone = f"{sums['only_left']} only in the first, {sums['only_right']} only in the second"
    return f"{name}: {sums['rows']} rows in both, {alone}; numbers that moved: {lines['moved'].sum()}"


def line(row: Any) -> str:
    """One slice in a line."""
    where = f", at {row.where}" if row.where else ""
    return (
        f"  {row.table}, slice {row.slice}, {row.column}: {row.moved} of {row.rows} moved, by {row.largest:.3g} "
        f"at most{where}; at most {row.in_errors:.3g} of a row's errors"
    )


def verdicts(claims: pd.DataFrame) -> list[str]:
    """The claims, those that moved one by one."""
    if claims.empty:
        return []
    both = claims[claims["rows"] > 0]
    changed, moved = both[both["old"] != both["new"]], both[both["largest"] > 0]
    head = (
        f"claims: {len(both)} in both, of which {len(changed)} have another verdict and {len(moved)} another effect; "
        f"{claims['only_left'].sum()} only in the first, {claims['only_right'].sum()} only in the second"
    )
    shown = claims[differs(claims)]
    return [head, *(
        f"  {row.column}: {row.old or 'absent'} -> {row.new or 'absent'}, effect moved by {row.largest:.3g} "
        f"({row.in_errors:.3g} standard errors)" for row in shown.itertuples()
    )]  # fmt: skip

"""Where the study was measured: this machine, others whose tables were added, and what they say alone."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pandas as pd

from carousel.analysis.text import count
from carousel.report.page.markup import escape, number, table, verdict

ADD = "python -m carousel add --results results/STUDY FOLDER"


HEAD = (
    "Machine",
    "Device",
    "Numbers",
    "Rows",
    "Settings",
    "Compared",
    "Largest difference",
    "Beyond tolerance",
    "Where",
)


def measured(data: SimpleNamespace) -> str:
    """A row per machine, device and number format; how far others are from this machine's rows."""
    rows = [line(row) for row in data.machines.itertuples()]
    return f"{graphics(data.machines)}\n\n" + table("Measured on", HEAD, rows, (14, 6, 7, 6, 7, 8, 9, 9, 16))


def line(row: Any) -> tuple[str, ...]:
    """One machine, device and number format."""
    where = f"**{'other machine' if row.folder else 'this machine'}**: {escape(name(row))}"
    if row.other_code:
        where += f" (other code in {count(row.other_code)} jobs)"
    shown = where, escape(row.device), escape(row.dtype), count(row.rows), count(row.settings)
    if not row.compared:
        return *shown, "", "", "", ""
    limit = f"{count(row.beyond)} beyond {number(row.tolerance)}"
    return *shown, count(row.compared), number(row.largest), limit, escape(row.where)


def name(row: Any) -> str:
    """What a machine is called."""
    return ", ".join(filter(None, [row.gpu, row.machine]))


def graphics(machines: pd.DataFrame) -> str:
    """Whether a graphics processor measured anything here, and on other machines."""
    own, other = (
        machines[part & (machines["device"] != "cpu")]
        for part in (machines["folder"] == "", machines["folder"] != "")
    )
    if not own.empty:
        return f"GPU: {escape(', '.join(own['gpu'].unique()))}, on this machine."
    said = (
        f" On another machine it was measured, on {escape(', '.join(other['gpu'].unique()))}."
        if not other.empty
        else ""
    )
    return f"**GPU: not measured on this machine.**{said}"


def verdicts(data: SimpleNamespace) -> str:
    """The verdicts from this machine's tables, and those from each other machine's alone."""
    if not data.other_machines:
        return f"No tables of other machines were added to these. `{ADD}` does that."
    names = {row.folder: name(row) for row in data.machines.itertuples()}
    lacking, whole = [], {}
    for folder, (claims, absent) in data.other_machines.items():
        machine = escape(names.get(folder, folder))
        if claims is None:
            tables = escape(", ".join(absent))
            lacking.append(
                f"Of {machine} these tables are lacking: {tables}. From the others no claim is judged."
            )
        else:
            whole[folder] = claims.set_index("id")["verdict"]
    called = [escape(names.get(folder, folder)) for folder in whole]
    return "\n\n".join([*lacking, *([compared(data.claims, called, [*whole.values()])] if whole else [])])


def compared(claims: pd.DataFrame, called: Sequence[str], others: Sequence[pd.Series]) -> str:
    """A row per claim: the verdict here, and that of every other machine."""
    rows = [
        (
            f"[{row.id}](#{row.id})",
            verdict(row.verdict),
            *(word(other.get(row.id)) for other in others),
        )
        for row in claims.itertuples()
    ]
    same = [
        f"{sum(other.get(row.id) == row.verdict for row in claims.itertuples())} of {len(claims)} verdicts of "
        f"{machine} are those of this machine."
        for machine, other in zip(called, others, strict=True)
    ]
    head = ("Id", "Here", *called)
    return " ".join(same) + "\n\n" + table("Verdicts by machine", head, rows, [4, *[10] * (1 + len(others))])


def word(found: object) -> str:
    """A verdict, or that there is none."""
    return verdict(found) if isinstance(found, str) else "not judged"

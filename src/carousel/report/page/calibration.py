"""Whether the instrument can be trusted: the banner over a failed calibration, and the table of known answers."""

from types import SimpleNamespace

import pandas as pd

from carousel.analysis.text import count
from carousel.claims.withheld import calibration_failures
from carousel.report import names
from carousel.report.page.markup import div, escape, number, prose, table

NAMED = 8  # failures in the banner: more are counted


def banner(data: SimpleNamespace) -> str:
    """What is wrong with the instrument, for the top of the page; nothing where nothing is."""
    wrong = calibration_failures(data.calibration)
    if not wrong:
        return ""
    more = [f"{len(wrong) - NAMED} more"] if len(wrong) > NAMED else []
    said = "; ".join(map(escape, [*wrong[:NAMED], *more]))
    text = (
        f"**The calibration failed:** {said}. No claim on this page is called supported or refuted, for an instrument "
        "that is wrong where the answer is known decides nothing. What it measured is under "
        "[Calibration](#calibration)."
    )
    return div('{.banner role="alert"}', text)


def calibration(data: SimpleNamespace) -> str:
    """The known answers beside the measured: a row per system with its worst check, failed systems first."""
    found = data.calibration.assign(failed=~data.calibration["passed"].eq(True)).reset_index(drop=True)
    if found.empty:
        return "Nothing was calibrated."
    groups = [group for _, group in found.groupby("system", observed=True, sort=False)]
    rows = [line(group) for group in sorted(groups, key=lambda group: not group["failed"].any())]
    head = ("System", "Worst check", "Backend", "Predicted", "Measured", "Error", "Result")
    said = f"{passing(found)} checks passed, over {len(groups)} systems."
    return f"{said}\n\n" + table("Calibration", head, rows, (36, 17, 8, 11, 11, 14, 14))


def passing(checks: pd.DataFrame) -> str:
    """How many of the checks passed."""
    return f"{count((~checks['failed']).sum())} of {count(len(checks))}"


def line(group: pd.DataFrame) -> tuple[str, ...]:
    """One system: the check that is the furthest off for its tolerance on any backend, a failed one first."""
    worst = group.loc[off(group).where(~group["failed"], float("inf")).idxmax()]
    check = escape(f"{names.quantity(worst['quantity'])}, {names.path(worst['path'])}, {worst['lag']}")
    name = escape(names.spelled(worst["system"]))
    return (f"**{name}**: {prose(worst['statement'])}", check, escape(names.backend(worst["backend"])),
            number(worst["predicted"]), number(worst["measured"]), error(worst), result(group))  # fmt: skip


def off(checks: pd.DataFrame) -> pd.Series:
    """The errors in units of what is tolerated: standard errors for an estimate, decades for an exact answer."""
    found = checks["in_standard_errors"].fillna(checks["error"]).abs() / checks["tolerance"]
    return found.fillna(0.0)


def error(row: pd.Series) -> str:
    """How far a measurement is off, in standard errors where it is an estimate."""
    if pd.isna(row["in_standard_errors"]):
        return number(row["error"])
    return f"{number(row['in_standard_errors'])} standard errors of {number(row['error'])}"


def result(group: pd.DataFrame) -> str:
    """How many of a system's checks passed, and on which backends the others failed."""
    where = ", ".join(map(names.backend, sorted(set(group.loc[group["failed"], "backend"]))))
    word = f"[failed]{{.failed}} on {where}: " if where else "[passed]{.passed}: "
    return word + passing(group)

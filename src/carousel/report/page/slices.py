"""The slices of the study: what each swept, and what it is for, read from the tables."""

from collections.abc import Iterable
from types import SimpleNamespace

import pandas as pd

from carousel.analysis.stats.tables import grouped, select
from carousel.analysis.text import listed
from carousel.axes import UNIT_DRIVE
from carousel.report import names
from carousel.report.page import routes, settings
from carousel.report.page.markup import definitions, escape, table
from carousel.tables.columns import FACTORS
from carousel.tables.quantities import of_kind

SWEPT = [name for name in FACTORS if name != "slice"]
VARIED = [name for name, column in FACTORS.items() if column.words]  # those that are listed in words
PUBLISHED = "published_"  # how the slices are called that published findings are read from
PHASE = "phase"  # the slice of the map of gain against forget bias
GATES, FACTORS_OF_ERROR = ("gate_i", "gate_f"), ("entry", "exit")  # quantities of their sections


def values(column: pd.Series) -> str:
    """The distinct values of a factor in words: all of them if few, otherwise their range and number."""
    found = sorted(column.dropna().unique())
    if len(found) > 8 and pd.api.types.is_numeric_dtype(column.dtype):
        return f"{found[0]:g} to {found[-1]:g} ({len(found)} values)"
    return ", ".join(
        f"{value:g}" if isinstance(value, float) else names.value(str(column.name), str(value))
        for value in found
    )


def swept(frame: pd.DataFrame) -> str:
    """What the study swept, one entry per slice, read from the columns of a table."""
    pairs = []
    for name, part in by_slice(frame).items():
        each = {factor: values(part[factor]) for factor in SWEPT if factor in part}
        words = (
            f"*{escape(FACTORS[factor].words or names.spelled(factor))}* {escape(text)}"
            for factor, text in each.items()
            if text
        )
        pairs.append((escape(names.spelled(name)), "; ".join(words)))
    return definitions(pairs)


def by_slice(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The settings of a table by the slice that asks for them, in its order."""
    found = grouped(frame, [name for name in FACTORS if name in frame])[1]
    return {str(name): part for name, part in found.groupby("slice", observed=True, sort=False)}


def purposes(data: SimpleNamespace) -> str:
    """A row per slice: the factors that it varies, the claims that rest on it, the sections that show it."""
    tables = data.accuracy, data.depth, data.dynamics, data.decay
    measured = {name: part for table in tables for name, part in by_slice(table).items()}
    claims, shown = of_claims(data.claims), of_sections(data)
    rows = [
        (
            escape(names.spelled(name)),
            escape(varied(part)),
            links(claims.get(name, [])) or "none",
            links(anchor for anchor, slices in shown.items() if name in slices) or "none",
        )
        for name, part in measured.items()
    ]
    head = ("Slice", "What it varies", "Claims", "Sections")
    return table("What each slice is for", head, rows, (9, 28, 28, 20))


def varied(settings: pd.DataFrame) -> str:
    """The factors that a slice varies, each with the number of its values."""
    seen = {name: settings[name].nunique() for name in VARIED if name in settings}
    return listed([f"{FACTORS[name].words} ({n})" for name, n in seen.items() if n > 1]) or "nothing"


def of_claims(claims: pd.DataFrame) -> dict[str, list[str]]:
    """The claims that rest on rows of each slice."""
    found: dict[str, list[str]] = {}
    for claim in claims.itertuples():
        for name in claim.slices.split():
            found.setdefault(name, []).append(claim.id)
    return found


def of_sections(data: SimpleNamespace) -> dict[str, set[str]]:
    """The slices that each section of the page shows, beside those of the claims."""
    decay, dynamics, summary = data.decay, data.dynamics, data.summary
    exponents = of_kind(dynamics["quantity"].unique(), "exponents")
    noise = select(data.routes, drive=UNIT_DRIVE, trained="no")
    return {
        "recommended": names_of(noise),
        "explorer": {setting["slice"] for setting in data.explorer["settings"]},
        "decay": set(settings.untrained(summary)["slice"].astype(str)),
        "breadth": {settings.BREADTH},
        "routes": {*routes.LIBRARIES, *routes.ALONG_BIAS, *names_of(select(data.routes, gradient="full"))},
        "learning": names_of(data.accuracy),
        "published": {
            name for name in names_of(data.accuracy) | names_of(dynamics) if name.startswith(PUBLISHED)
        },
        "theory": names_of(summary[summary["law"].astype(str) != ""]),
        "phase": {PHASE},
        "jacobian": names_of(select(decay, quantity=of_kind(decay["quantity"].unique(), "jacobian"))),
        "exponents": names_of(select(dynamics, quantity=exponents)),
        "gates": names_of(select(dynamics, quantity=GATES)),
        "depth": names_of(data.depth),
        "factors": names_of(select(dynamics, quantity=FACTORS_OF_ERROR)),
    }


def names_of(rows: pd.DataFrame) -> set[str]:
    """The slices that rows are in."""
    return {str(name) for name in rows["slice"].unique()}


def links(anchors: Iterable[str]) -> str:
    """Links to sections of the page."""
    return ", ".join(f"[{name}](#{name})" for name in anchors)

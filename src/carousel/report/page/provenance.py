"""Where the page comes from: provenance, and what every rule cost."""

from types import SimpleNamespace

from carousel.analysis.text import count
from carousel.report.page.markup import definitions, div, escape, number, table


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
        (
            escape(row.rule.replace("_", " ")),
            count(row.jobs),
            seconds(row.wall),
            seconds(row.cpu),
            seconds(row.longest),
        )
        for row in data.timings.sort_values("wall", ascending=False, kind="stable").itertuples()
    ]
    head = ("Rule", "Jobs", "Wall time", "CPU time", "Longest job")
    return table("Time per rule", head, rows, (10, 5, 8, 8, 8))


def seconds(value: float) -> str:
    """A time, in minutes from two minutes on."""
    return f"{number(value / 60)} min" if value >= 120 else f"{number(value)} s"


def colophon(data: SimpleNamespace) -> str:
    """The last line of the page: what made it."""
    made = f"This page was rendered by {escape(data.renderer)}. It loads nothing from the network."
    paper = "Printed, it is the essay and the cards, with what is unfolded; all of it at the address with *?print=all*."
    return div("colophon", f"{made} {paper}")

"""A claim in a file of YAML: its keys, and what they may be together."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from carousel.analysis.stats.tables import MODEL
from carousel.claims.form import EQUAL, MARGINS, RELATIONS, SCORES, SEARCHES, TABLES, Form
from carousel.claims.rules import DEPENDS, REFUTED, SUPPORTED
from carousel.pipeline import filters
from carousel.study.errors import allowed, short
from carousel.study.slices import Checked
from carousel.study.values import Index, Title, listed
from carousel.tables.provenance import content_hash
from carousel.tables.quantities import quantity

FIT = "fit"
"""What the window of a rate is called: the lags that a rate is fitted on (analysis.stats.slopes.FIT_WINDOW)."""


class Said(Checked):
    """Who said it, where, in which words, and the hash of these words."""

    who: Title
    url: Annotated[str, Field(pattern=r"https?://\S+")]
    quote: Title
    hash: str


class Limit(Checked):
    """A threshold or a margin, with its unit and the reason for it."""

    value: float
    unit: Title
    why: Title


class Entry(Checked):
    """A claim as a file says it."""

    id: Annotated[str, Field(pattern=r"[A-Z][A-Za-z0-9]{0,15}")]
    source: Said
    statement: Title
    kind: str
    table: str
    filter: dict[str, Any]
    quantity: str
    lag: Annotated[
        tuple[Index, ...], BeforeValidator(lambda lag: (lag,) if isinstance(lag, int) else listed(lag))
    ] = ()
    window: str = ""
    relation: str
    threshold: Limit | None = None
    margin: Limit | None = None
    pairing: dict[str, Any]
    family: list[str]
    shown: dict[str, Any] = {}
    prediction: Title
    takeaways: dict[str, Title]

    @property
    def limit(self) -> Limit:
        """The threshold, or of an equivalence and an identity the margin."""
        limit = self.margin if self.relation in MARGINS else self.threshold
        assert limit is not None
        return limit

    @property
    def form(self) -> Form:
        """What decides it."""
        more = {"quantity": "category"}
        return Form(
            self.kind, self.table, self.quantity, filters.checked(self.filter, self.table), self.lag, self.relation,
            self.limit.value, filters.checked(self.pairing, self.table, more), tuple(self.family),
            filters.checked(self.shown, self.table),
        )  # fmt: skip


class File(Checked):
    """A file of claims."""

    title: Title
    claims: Annotated[tuple[Entry, ...], BeforeValidator(listed)]


def _among(key: str, value: str, names: Iterable[str]) -> None:
    if value not in names:
        raise ValueError(f"{key}: found {short(value)}; {allowed(value, names)}")


def _kind(entry: Entry) -> None:
    _among("kind", entry.kind, RELATIONS)
    _among("relation", entry.relation, RELATIONS[entry.kind])
    _among("table", entry.table, ("decay",) if entry.kind == "identity" else TABLES)


def _quantity(entry: Entry) -> None:
    if entry.table == "accuracy":
        return _among("quantity", entry.quantity, SCORES)
    for name in (entry.quantity, entry.pairing.get("quantity", entry.quantity)):
        try:
            table = quantity(name).table
        except KeyError as error:
            raise ValueError(error.args[0]) from None
        filters.member_of(name)
        if table != entry.table:
            raise ValueError(f"quantity: found {name}, of the table {table}; allowed: one of {entry.table}")
    if entry.table == "decay":
        _path(entry)
    return None


def _path(entry: Entry) -> None:
    for change in ({}, entry.pairing):
        both = {"quantity": entry.quantity, **entry.filter, **change}
        if "path" not in both:
            raise ValueError("filter: path: missing; every claim about decay says which routes it is about")
        filters.path_of(both["quantity"], both["path"])


def _place(entry: Entry) -> None:
    """Check that the lag or the window is given where the table and the relation take one, and not both."""
    takes = entry.table == "decay" and entry.relation != EQUAL
    given = [key for key in ("lag", "window") if getattr(entry, key)]
    if not takes and given:
        raise ValueError(f"{given[0]}: the table {entry.table} with {entry.relation} takes none")
    if takes and len(given) != 1:
        raise ValueError(f"lag, window: found {' and '.join(given) or 'neither'}; allowed: one of the two")
    if entry.window not in ("", FIT):
        raise ValueError(f"window: found {short(entry.window)}; allowed: {FIT}")
    if len(entry.lag) > 2 or list(entry.lag) != sorted(set(entry.lag)):
        raise ValueError("lag: allowed: one lag, or two, the smaller first")


def _limits(entry: Entry) -> None:
    """Check that there is a threshold for a relation to one side, a margin for one to both."""
    wants, other = ("margin", "threshold") if entry.relation in MARGINS else ("threshold", "margin")
    if getattr(entry, other) is not None or getattr(entry, wants) is None:
        raise ValueError(f"{other}: the relation {entry.relation} takes a {wants}")
    if wants == "margin" and not entry.limit.value >= 0:
        raise ValueError(f"margin.value: found {entry.limit.value:g}; allowed: a number of zero or more")


def _filters(entry: Entry) -> None:
    for key, more in (("filter", {}), ("pairing", {"quantity": "category"}), ("shown", {})):
        try:
            filters.checked(getattr(entry, key), entry.table, more)
        except ValueError as error:
            raise ValueError(f"{key}: {error}") from None
    if several := [name for name, value in entry.pairing.items() if isinstance(value, list | Mapping)]:
        raise ValueError(f"pairing: {several[0]}: allowed: one value, that of the other model of a pair")
    if entry.relation == EQUAL and not entry.pairing:
        raise ValueError("pairing: missing; an identity says there which quantity and path are its formula")


def _family(entry: Entry) -> None:
    for name in entry.family:
        _among("family", name, filters.columns(entry.table))
    for name in entry.shown:
        _among("shown", name, MODEL if entry.kind in SEARCHES else entry.family)
    if entry.family and entry.kind in SEARCHES:
        raise ValueError(f"family: allowed: [] for a claim of the kind {entry.kind}, which one model decides")
    if entry.table == "accuracy" and entry.kind in SEARCHES:
        raise ValueError(f"table: a claim of the kind {entry.kind} is decided from decay or dynamics")


def _takeaways(entry: Entry) -> None:
    wanted = {SUPPORTED, REFUTED} | ({DEPENDS} if entry.kind not in SEARCHES else set())
    if set(entry.takeaways) != wanted:
        found, words = ", ".join(entry.takeaways) or "none", ", ".join(sorted(wanted))
        raise ValueError(f"takeaways: found {short(found)}; allowed: one for each of {words}")


def _quote(entry: Entry) -> None:
    if entry.source.hash != (own := content_hash(entry.source.quote)):
        raise ValueError(
            f"source.hash: found {short(entry.source.hash)}; allowed: {own}, the hash of the quote"
        )


CHECKS = _quote, _kind, _filters, _quantity, _place, _limits, _family, _takeaways

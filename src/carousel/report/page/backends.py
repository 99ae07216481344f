"""The effect of a claim on each backend, and why it may lie outside the interval."""

from collections.abc import Mapping
from types import SimpleNamespace

import numpy as np

from carousel.axes import BACKENDS, REFERENCE
from carousel.report.page.brief import Claim
from carousel.report.page.markup import number


def by_backend(claim: Claim, data: SimpleNamespace) -> str:
    """The effect on each backend, and why it lies outside the interval where it does."""
    sides = {name: getattr(claim, name) for name in BACKENDS}
    found = ", ".join(f"{BACKENDS[name].label} {number(value)}" for name, value in sides.items())
    if not (sides[REFERENCE] < claim.low or sides[REFERENCE] > claim.high):
        return found
    many = _shared(claim, data)
    return found + _outside(claim, sides, *many) if many else found


def _outside(claim: Claim, sides: Mapping[str, float], few: int, all_: int) -> str:
    """Why the mean of a ``few`` repetitions can lie outside the interval of them ``all_``, and whether they agree."""
    apart = max(abs(value - sides[REFERENCE]) for value in sides.values())
    same = (
        "the backends agree on these to every digit shown"
        if number(apart + abs(sides[REFERENCE])) == number(abs(sides[REFERENCE]))
        else f"on these the backends are {number(apart)} apart at most"
    )
    return (
        f"; both over the {few} repetitions that every backend measured, the interval over all {all_} of "
        f"{BACKENDS[REFERENCE].label}'s. Fewer repetitions scatter more; {same}."
    )


def _shared(claim: Claim, data: SimpleNamespace) -> tuple[int, int] | None:
    """How many repetitions every backend measured of the part that the effect is of, and how many the reference did."""
    rows = data.evidence[data.evidence["id"].astype(str) == claim.id]
    own = rows[np.isclose(rows["effect"], claim.effect) & (rows["backend"].astype(str) == REFERENCE)]
    others = rows[rows["part"].isin(own["part"]) & (rows["backend"].astype(str) != REFERENCE)]
    few, all_ = others["repetitions"].min(), own["repetitions"].max()
    return (int(few), int(all_)) if few < all_ else None

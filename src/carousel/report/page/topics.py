"""What the claims are about: a literal table, and what follows from it."""

from collections.abc import Iterable, Mapping

TOPICS: Mapping[str, tuple[str, str]] = {  # name: what the page calls it, the claims about it
    "forget-gate": ("forget gate", "Q1 Q2 K1 K2 A1d A1e A1f A2a A2b A2c A4a A4f M2"),
    "weights-slopes": ("weights and slopes", "Q2 A1a A1b A1c A1h A1i A1j A2b A2d A2e A2f A4g M1"),
    "relu": ("ReLU", "K2 A1b A1h A1i A2a A2f A4g"),
    "routes": ("routes", "Q2 A1d A1f A1g A1j A4e M1 M2 M3"),
    "truncation": ("truncation", "A3a A3b A4f"),
    "entry-exit": ("entry and exit", "A4c A4d A4e A4f"),
    "cell-1997": ("cell of 1997", "Q1 A1f A3a A3b A4a A4b A4f M3"),
    "learning": ("learning", "K3 A2c A2d A3b"),
    "sequence": ("lag and place", "A1a A2g A4f A4g"),
}
MOST = 4  # claims that a card names beside its own


def of(claim: str) -> list[str]:
    """The names of a claim's topics."""
    return [name for name, (_, claims) in TOPICS.items() if claim in claims.split()]


def see_also(claim: str, judged: Iterable[str]) -> list[str]:
    """The claims of the same page that share most topics with one, in order; at most MOST."""
    own = {*of(claim)}
    shared = {other: len(own & {*of(other)}) for other in judged if other != claim}
    near = sorted(filter(shared.get, shared), key=lambda other: -shared[other])
    return sorted(near[:MOST], key=[*shared].index)

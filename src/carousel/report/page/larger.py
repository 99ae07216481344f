"""Whether the verdicts of the standard study are those of the full one, which is larger: the record of a run of it."""

from types import SimpleNamespace

import pandas as pd

from carousel.report.page.markup import link
from carousel.report.page.source import PROJECT

RECORD = PROJECT / "docs" / "full" / "claims.csv"
"""Verdicts and effects of a run of config/full.yaml; docs/full/tables.py writes it."""
STANDARD = "standard"


def larger(data: SimpleNamespace) -> str:
    """How many verdicts are the same, and which effects are not within this study's intervals; for it alone."""
    if data.origins["claims.parquet"].get("study") != STANDARD or not RECORD.is_file():
        return ""
    full = pd.read_csv(RECORD).set_index("id")
    both = data.claims.set_index("id").join(full.add_suffix("_full"), how="inner")
    other = both.index[both["verdict"] != both["verdict_full"]]
    within = both["effect"].between(
        both["low"], both["high"], inclusive="neither"
    )  # a witness has no interval
    measured = both[within & both["effect_full"].notna()]
    outside = measured.index[~measured["effect_full"].between(measured["low"], measured["high"])]
    return (
        f"The full study has three times as many models a setting before training, wider networks, longer sequences. "
        f"Of {len(both)} claims, {len(both) - len(other)} have the same verdict in it"
        f"{_named(other, ', all but ')}. "
        f"Of {len(measured)} effects that have an interval, {len(measured) - len(outside)} lie within "
        f"this study’s{_named(outside, ', all but ')}. The folder docs/full of the repository has its numbers."
    )


def _named(ids: pd.Index, before: str) -> str:
    return f"{before}{', '.join(map(link, ids))}" if len(ids) else ""

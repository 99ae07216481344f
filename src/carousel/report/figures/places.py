"""The figure of the decay at several places of a sequence."""

import pandas as pd
from matplotlib.figure import Figure

from carousel.claims import a2g_lag_alone as a2g
from carousel.claims.claim import Tables
from carousel.report.figures.data import sample
from carousel.report.figures.samples import ROW, draw_samples, ordered
from carousel.report.figures.style import RATE, legend, nothing, panels


def a2g_figure(tables: Tables) -> Figure:
    """Draw how far the rate at each place of the sequence is from that at its end, by cell and forget bias."""
    found = sample(a2g.rows(tables))
    table = a2g.pairs(a2g.common(found)) if len(found) else found
    if table.empty:
        return nothing("the decay at several places of a sequence")
    labels = ordered(table)
    title = f"rate over lags {a2g.LAGS[0]} to {a2g.LAGS[1]}, less that at the end"
    figure, (ax,) = panels([title], RATE, height=1.6 + ROW * len(labels))
    draw_samples(ax, _places(table), table)
    same = f"less than a factor of 2 over {a2g.LAGS[1]} steps"
    ax.axvspan(-a2g.ALIKE.value, a2g.ALIKE.value, color="#cfcfcf", zorder=0, linewidth=0, label=same)
    ax.axvline(0, color="black", linewidth=0.8)
    legend(figure, 1)
    return figure


def _places(table: pd.DataFrame) -> dict[str, pd.Series]:
    """Return per place its differences from the end, one per label and repetition."""
    places = {}
    for at, rows in table.groupby("at"):
        name = f"loss {rows['place'].iloc[0]}, step {at} of {rows['end'].iloc[0]}"
        places[name] = rows.groupby(["label", "repetition"])["apart"].mean().droplevel("repetition")
    return places

"""Figures of an LSTM against a vanilla RNN, paired by seed, at the standard drive and as libraries start them."""

from matplotlib.figure import Figure

from carousel.analysis.stats.left import VANISHED
from carousel.analysis.text import bias_order
from carousel.axes import STANDARD_DRIVE
from carousel.claims import a2a_half_life_ratio as a2a, lstm_against_rnn
from carousel.claims.claim import Tables
from carousel.claims.rules import LAG, VANILLA
from carousel.report.figures.data import comparable, jitter, settings
from carousel.report.figures.rates import BIAS
from carousel.report.figures.style import GREY, bias_axis, draw_settings, legend, nothing, panels

LOWEST, HIGHEST = -40.0, 5.0  # decades left: what K2 shows
NOTE = f"at drive {STANDARD_DRIVE}; black edge: as libraries start them"


def k2_figure(tables: Tables) -> Figure:
    """Draw what is left of each LSTM's gradient against that of the vanilla RNN it is paired with."""
    both = lstm_against_rnn.pairs(tables.decay)
    if both.empty:
        return nothing("an LSTM beside a vanilla RNN")
    table = comparable(settings(both, ["left", "left_right"])).dropna(subset=["left", "left_right"])
    table = table.assign(**{name: table[name].clip(LOWEST, HIGHEST) for name in ("left", "left_right")})
    title = f"left of the LSTM's gradient at lag {LAG}, decades"
    figure, (ax,) = panels(
        [title], f"left of the vanilla RNN's, decades; marks at the edge lie beyond it\n({NOTE})", height=3.4
    )
    for rival in VANILLA:
        draw_settings(ax, table[table["rival"] == rival], "left_right", "left", rival)
    ends = table[["left", "left_right"]].to_numpy()
    ends = [ends.min(initial=-1.0), ends.max(initial=0.0)]
    ax.plot(ends, ends, color="black", linewidth=1)
    ax.axhline(VANISHED, color=GREY, linestyle=(0, (4, 2)), linewidth=1, label="a tenth left")
    ax.annotate("above the line more is left of the LSTM's", (0.02, 0.98), xycoords="axes fraction", va="top")
    ax.set_ylim(ends[0] - 1, ends[1] + 0.15 * (ends[1] - ends[0]))
    legend(figure, 3)
    return figure


def a2a_figure(tables: Tables) -> Figure:
    """Draw the ratio of half-lives, LSTM over vanilla RNN, by forget bias and rival."""
    both = lstm_against_rnn.pairs(tables.decay)
    table = comparable(settings(both, ["ratio"]).dropna(subset=["ratio"])) if len(both) else both
    if table.empty:
        return nothing("an LSTM beside a vanilla RNN")
    title = "half-life of the LSTM's gradient over the RNN's"
    figure, (ax,) = panels([title], f"LSTM's {BIAS}\n({NOTE})", height=3.4)
    order = bias_order(table["forget_bias"])
    place = table["forget_bias"].astype(str).map({bias: k for k, bias in enumerate(order)}).to_numpy(float)
    table = table.assign(ratio=table["ratio"].clip(-2, 4), x=place)
    for i, rival in enumerate(VANILLA):
        own = table[table["rival"] == rival]
        own = own.assign(x=own["x"] + (i - 1) * 0.25 + 0.3 * jitter(len(own)))
        draw_settings(ax, own, "x", "ratio", rival)
    ax.axhline(0, color="black", linewidth=1)
    ax.axhline(a2a.MUCH.value, color=GREY, linestyle=(0, (4, 2)))
    ax.annotate("three times", (1, a2a.MUCH.value), (4, 0), xycoords=("axes fraction", "data"),
                textcoords="offset points", va="center", annotation_clip=False)  # fmt: skip
    bias_axis(ax, order)
    ax.set_yticks(range(-2, 5), ["1/100 or less", "1/10", "1", "10", "100", "1,000", "10,000 or more"])
    legend(figure, 3)
    return figure

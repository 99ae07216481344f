"""A diagnosis as one fragment of HTML: what it says, what a higher bias does, and the figure. It has no script.

Everything is inside of it, and its style names nothing but itself, so that several stand on one page.
"""

from base64 import b64encode
from html import escape
from typing import TYPE_CHECKING

import pandas as pd

from carousel.analysis.stats.tables import select
from carousel.diagnosis.answer import share_text, span
from carousel.diagnosis.figure import draw
from carousel.diagnosis.shares import LAGS
from carousel.report.figures import svg
from carousel.report.figures.style import NARROW, WIDE, style

if TYPE_CHECKING:
    from carousel.diagnosis.result import Diagnosis

STYLE = """
.carousel-diagnosis { color-scheme: light dark; --ink: #1f2328; --paper: #fff; --line: #d4d7db; --quiet: #57606a;
  max-width: 46rem; padding: .2rem 1rem 1rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; text-align: left; overflow-wrap: break-word; }
@media (prefers-color-scheme: dark) {
  .carousel-diagnosis { --ink: #e6e8ea; --paper: #16181b; --line: #3a3f45; --quiet: #9aa4ae; }
}
.carousel-diagnosis p { margin: .9rem 0 .3rem; font-weight: 600; }
.carousel-diagnosis ul { margin: 0; padding-left: 1.2rem; }
.carousel-diagnosis li { margin: .2rem 0; }
.carousel-diagnosis .wide { overflow-x: auto; }
.carousel-diagnosis table { margin: .8rem 0; border-collapse: collapse; background: none; font-size: inherit; }
.carousel-diagnosis caption { text-align: left; color: var(--quiet); padding-bottom: .3rem; }
.carousel-diagnosis :is(th, td) { padding: .2rem .9rem .2rem 0; border: 0; border-bottom: 1px solid var(--line);
  text-align: left; vertical-align: top; font-weight: 400; white-space: nowrap; background: none; color: inherit; }
.carousel-diagnosis small { display: block; line-height: 1.2; white-space: normal; color: var(--quiet);
  font-size: .85em; }
.carousel-diagnosis img { display: block; width: 100%; max-width: 44rem; height: auto; margin: 1rem 0 0; }
"""
DRAWN = (
    "By lag, the Jacobian of the last state by an earlier one; Lyapunov exponents; gates, where there are any"
)


def to_html(report: "Diagnosis") -> str:
    """The fragment, one div element."""
    lines = zip(report.sentence.splitlines(), report.descriptions, strict=True)
    parts = [
        layer(first, report.more(*key), select(report.shares, layer=key[0], direction=key[1]))
        for first, key in lines
    ]
    return "\n".join(
        ['<div class="carousel-diagnosis">', f"<style>{STYLE}</style>", *parts, picture(report), "</div>"]
    )


def layer(first: str, more: list[str], shares: pd.DataFrame) -> str:
    """What is said of one layer and direction."""
    items = "".join(f"<li>{escape(line)}</li>" for line in more)
    listed = f"<ul>{items}</ul>" if items else ""
    return f"<p>{escape(first)}</p>\n{listed}{table(shares) if shares['added'].any() or shares['chrono'].any() else ''}"


def table(shares: pd.DataFrame) -> str:
    """The shares by bias and lag."""
    lags = [lag for lag in LAGS if lag in set(shares["lag"])]
    entries = shares["entry"].notna().any()
    head = "".join(f'<th scope="col">lag {lag:,}</th>' for lag in lags)
    head += '<th scope="col">d h / d c</th>' if entries else ""
    body = "".join(
        f'<tr><th scope="row">{bias(added, longest)}</th>'
        f"{''.join(cell(select(part, lag=lag)) for lag in lags)}{entry(part) if entries else ''}</tr>"
        for (added, longest), part in shares.groupby(["added", "chrono"], dropna=False)
    )
    caption = "<caption>The share of the gradient that arrives, by what is added to the bias</caption>"
    return (
        f'\n<div class="wide"><table>{caption}<thead><tr><th scope="col">bias</th>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def bias(added: float, longest: int) -> str:
    """What was done to the bias."""
    if longest:
        return f"chrono, {longest:,} steps"
    return f"+{added:g}" if added else "as it is"


def entry(rows: pd.DataFrame) -> str:
    """The median of d h / d c, which is the same at all lags."""
    return f'<td class="entry">{rows["entry"].iloc[0]:.2g}</td>'


def cell(rows: pd.DataFrame) -> str:
    """A share with its interval; a dash where it is not told."""
    for row in rows.itertuples():
        text = share_text(row.log10_share)
        between = "" if row.low != row.low else span(row.low, row.high, text)
        notes = ", ".join(filter(None, [between, "extrapolated" if row.extrapolated else ""]))
        return f"<td>{text}{f' <small>{notes}</small>' if notes else ''}</td>"
    return "<td>\N{EN DASH}</td>"


def picture(report: "Diagnosis") -> str:
    """The figure as an image inside the text, where its names and styles stay its own; a narrow one for phones."""
    wide, narrow = drawn(report, WIDE), drawn(report, NARROW)
    return (
        f'<picture><source media="(max-width: 34rem)" srcset="{narrow}">'
        f'<img alt="{DRAWN}" src="{wide}"></picture>'
    )


def drawn(report: "Diagnosis", width: float) -> str:
    """The figure, so many inches wide, as the address of an image."""
    with style(width):
        text = svg.text(draw(report.decay, report.exponents, report.gates, report.two_ways, width))
    return f"data:image/svg+xml;base64,{b64encode(text.encode()).decode()}"

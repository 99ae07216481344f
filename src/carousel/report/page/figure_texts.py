"""The texts of a figure: its title, how it is read and what it rests on, and the alternative text."""

from functools import partial
from types import SimpleNamespace
from typing import NamedTuple

import pandas as pd

from carousel.analysis.text import count, counted
from carousel.claims.form import SEARCHES
from carousel.report.page.facts import evidence, said, verdict_of
from carousel.report.page.figure_captions import BROUGHT, CAPTIONS
from carousel.report.page.figure_titles import TITLES
from carousel.report.page.markup import attribute
from carousel.report.page.picture_titles import PICTURE_TEXTS
from carousel.report.page.pictures import picture


class Texts(NamedTuple):
    """The texts of one figure, plain."""

    title: str  # the finding, or what is drawn
    caption: str  # how it is read, and over how many settings and repetitions
    source: str
    alt: str  # what is drawn and the finding, at most LONGEST characters


LONGEST = 200  # characters of an alternative text


def figure(data: SimpleNamespace, name: str) -> str:
    """A figure with its texts."""
    own = texts(data, name)
    path = data.results / "figures" / f"{name}.svg"
    title, caption, source = (attribute(text) for text in own[:3])
    return picture(path, own.alt, title, caption, source)


def texts(data: SimpleNamespace, name: str) -> Texts:
    """The texts of a figure: a claim's with the finding of its verdict, a picture's with that of its table."""
    drawn, read, source = CAPTIONS.get(name, BROUGHT)
    found, over = finding(data, name), sample(data, name)
    caption = f"{read} {over}." if over else read
    return Texts(
        found or drawn, caption, f"Source: {source}.", f"{drawn}. {found}." if found else f"{drawn}."
    )


def finding(data: SimpleNamespace, name: str) -> str:
    """What a figure shows, for a claim's verdict today; nothing where no title is written for it, or numbers lack."""
    picture = PICTURE_TEXTS.get(name)
    wording = picture.title if picture else TITLES.get(name, {}).get(verdict_of(data, name))
    return said(wording, data) if wording else ""


def sample(data: SimpleNamespace, name: str) -> str:
    """Over how many settings and repetitions a figure's verdict, or a picture, is; nothing where it is over none."""
    picture = PICTURE_TEXTS.get(name)
    return said(picture.n if picture else partial(judged, claim=name), data)


def judged(data: SimpleNamespace, claim: str) -> str:
    """What a claim's verdict rests on: settings and repetitions of its parts, or what was searched or compared."""
    rows = evidence(data, claim).reindex(columns=["settings", "repetitions"]).dropna()
    if rows.empty:
        own = data.claims[data.claims["id"] == claim]
        return f"The verdict: n = {_alone(own.iloc[0])}" if len(own) and own["n"].iloc[0] else ""
    each = " × ".join(_range(rows[name], name) for name in ("settings", "repetitions"))
    return f"The verdict: n = {each}" + (f" in each of {len(rows)} parts" if len(rows) > 1 else "")


def _alone(claim: pd.Series) -> str:
    """The n of a claim without parts: what its search looked at, else the models whose errors were compared."""
    searched = any(kind in SEARCHES for kind in claim["kind"].split(", "))
    return f"{count(claim['n'])} searched" if searched else counted(int(claim["n"]), "model")


def _range(column: pd.Series, what: str) -> str:
    low, high = int(column.min()), int(column.max())
    return counted(low, what.removesuffix("s")) if low == high else f"{count(low)} to {count(high)} {what}"

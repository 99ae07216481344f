"""The figures: one picture per claim, the story that carries the whole answer, and those of single measurements."""

from collections.abc import Callable, Mapping, Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from carousel.claims import claim
from carousel.claims.claim import Tables
from carousel.report.figures import (
    chains,
    curves,
    depth,
    distance,
    entry_exit,
    exponents,
    formulas,
    gain,
    gates,
    jacobian,
    learned,
    learning,
    lstm_and_rnn,
    parts,
    paths,
    phase,
    places,
    points,
    rates,
    routes,
    sensitivity,
    story,
    theory,
    truncation,
)
from carousel.report.figures.style import NARROW, WIDE, style
from carousel.report.figures.svg import save
from carousel.report.hero.fragment import fragment
from carousel.report.hero.lines import lines
from carousel.report.hero.still import NOTHING, still
from carousel.tables.runs import Runs

FIGURES: dict[str, Callable[[Tables], Figure]] = {
    "story": story.story,
    "Q1": curves.q1,
    "Q2": curves.q2,
    "K1": rates.k1_figure,
    "K2": lstm_and_rnn.k2_figure,
    "K3": learning.k3_figure,
    "A1a": curves.a1a,
    "A1b": sensitivity.a1b_figure,
    "A1c": chains.a1c_figure,
    "A1d": curves.a1d,
    "A1e": rates.a1e_figure,
    "A1f": paths.a1f_figure,
    "A1g": paths.a1g_figure,
    "A1h": gain.a1h_figure,
    "A1i": gain.a1i_figure,
    "A1j": gain.a1j_figure,
    "A2a": lstm_and_rnn.a2a_figure,
    "A2b": formulas.a2b_figure,
    "A2c": rates.a2c_figure,
    "A2d": chains.a2d_figure,
    "A2e": chains.a2e_figure,
    "A2f": gain.a2f_figure,
    "A2g": places.a2g_figure,
    "A3a": truncation.a3a_figure,
    "A3b": truncation.a3b_figure,
    "A4a": formulas.a4a_figure,
    "A4b": curves.a4b,
    "A4c": entry_exit.a4c_figure,
    "A4d": entry_exit.a4d_figure,
    "A4e": paths.a4e_figure,
    "A4f": distance.a4f_figure,
    "A4g": rates.a4g_figure,
    "M1": routes.m1_figure,
    "M2": routes.m2_figure,
    "M3": routes.m3_figure,
}

READ = claim.READ | {"dynamics": [*claim.READ["dynamics"], "error"]}
"""The columns that figures read, of the tables with millions of rows."""


class Picture(NamedTuple):
    """A figure of one table, and the same in words: its alternative text."""

    table: str
    figure: Callable[[pd.DataFrame | Runs], Figure]
    alt: Callable[[pd.DataFrame | Runs], str]


PICTURES: dict[str, Picture] = {
    "theory": Picture("summary", theory.figure, theory.alt),
    "phase": Picture("summary", phase.figure, phase.alt),
    "jacobian": Picture("decay", jacobian.figure, jacobian.alt),
    "exponents": Picture("dynamics", exponents.figure, exponents.alt),
    "gates": Picture("dynamics", gates.gates, gates.gates_alt),
    "factors": Picture("dynamics", gates.factors, gates.factors_alt),
    "learned": Picture("learned", learned.figure, learned.alt),
    "depth": Picture("depth", depth.figure, depth.alt),
}


def draw(tables: Mapping[str, Any], folder: Path, cores: int = 1) -> None:
    """Write {name}.svg and narrow/{name}.svg, for phones: the story, the figure of each claim, and each of PICTURES.

    data/{name}.csv are the numbers drawn; story.txt and {name}.txt are the pictures in words. tables: decay, accuracy,
    claims, evidence, summary, dynamics, learned, depth. cores: processes that share the figures. Raises RuntimeError
    where one of them failed.
    """
    for kind in ("narrow", "data"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    measured = Tables(*(tables[name] for name in Tables._fields))
    names = ["story", *tables["claims"]["id"], *PICTURES]
    in_processes(cores, lambda place: save_all(names[place::cores], tables, folder))
    said = {"story": story.story_alt(measured.decay)}
    said |= {name: picture.alt(tables[picture.table]) for name, picture in PICTURES.items()}
    for name, text in said.items():
        (folder / f"{name}.txt").write_text(text + "\n", encoding="utf-8")
    found = lines(measured.decay)
    (folder / "hero.html").write_text(fragment(found) if found else "", encoding="utf-8")
    (folder / "hero.svg").write_text(still(found) if found else NOTHING, encoding="utf-8")


def in_processes(n: int, work: Callable[[int], None]) -> None:
    """Call work(0) ... work(n - 1), each in a process of its own that shares this one's memory; one is this process.

    Raises RuntimeError where another failed, which has then said why.
    """
    others = [get_context("fork").Process(target=work, args=(place,)) for place in range(1, n)]
    for process in others:
        process.start()
    work(0)
    for process in others:
        process.join()
    if any(process.exitcode for process in others):
        raise RuntimeError("a process that draws figures failed; its error stands above")


def save_all(names: Sequence[str], tables: Mapping[str, Any], folder: Path) -> None:
    """Write figures at both widths, and the numbers that they draw."""
    measured = Tables(*(tables[name] for name in Tables._fields))
    for name in names:
        for width, place in ((WIDE, folder), (NARROW, folder / "narrow")):
            with style(width):
                figure = made(name, tables, measured)
                if width == WIDE:
                    (folder / "data" / f"{name}.csv").write_text(points.table(figure), encoding="utf-8")
                save(figure, place / f"{name}.svg")


def made(name: str, tables: Mapping[str, Any], measured: Tables) -> Figure:
    """Return a figure of the tables that it is drawn from."""
    if picture := PICTURES.get(name):
        return picture.figure(tables[picture.table])
    return FIGURES[name](measured) if name in FIGURES else brought(name, tables["claims"], tables["evidence"])


def brought(name: str, claims: pd.DataFrame, evidence: pd.DataFrame) -> Figure:
    """Return the figure of a claim that has none of its own, as those from files."""
    (claim,) = (row for _, row in claims[claims["id"] == name].iterrows())
    return parts.figure(claim, evidence[evidence["id"] == name])

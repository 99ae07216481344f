"""The figures: from the measured tables to one picture per claim, and the story that carries the whole answer."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from carousel.figures import curves, learning, rates
from carousel.figures.style import save, style

FIGURES: dict[str, Callable[[pd.DataFrame, pd.DataFrame], Figure]] = {
    "story": curves.story,
    "Q1": curves.q1,
    "Q2": curves.q2,
    "K1": rates.k1_figure,
    "K2": rates.k2_figure,
    "K3": learning.k3_figure,
    "A1a": curves.a1a,
    "A1c": rates.a1c_figure,
    "A1d": curves.a1d,
    "A1e": rates.a1e_figure,
    "A2a": rates.a2a_figure,
    "A2c": rates.a2c_figure,
    "A2d": rates.a2d_figure,
    "A2e": rates.a2e_figure,
    "A4b": curves.a4b,
    "A4g": rates.a4g_figure,
}


def draw(decay: pd.DataFrame, accuracy: pd.DataFrame, claims: pd.DataFrame, folder: Path) -> None:
    """Write story.svg, and {id}.svg for every row of the claims table; story.txt is the story's alt text."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ["story", *claims["id"]]:
        with style():
            save(FIGURES[name](decay, accuracy), folder / f"{name}.svg")
    (folder / "story.txt").write_text(curves.story_alt(decay) + "\n", encoding="utf-8")

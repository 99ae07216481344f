"""Colours on dark paper: of the same hue as on light paper, and of about the same contrast."""

import colorsys
from functools import cache

import matplotlib as mpl
import numpy as np

from carousel.report.figures.labels import contrast

PAPER, INK = "#fdfdfb", "#1f2328"  # as in style.css
DARK_PAPER, DARK_INK = "#15181c", "#dfe3e8"
MORE = 1.15  # power of the contrast: a thin line looks weaker on dark paper than on light


def luminance(colour: str) -> float:
    """Return a colour's relative luminance (WCAG 2.1), from 0 of black to 1 of white."""
    return 1.05 / contrast(np.array(mpl.colors.to_rgb(colour))) - 0.05


def ratio(colour: str, paper: str) -> float:
    """Return the contrast of a colour on paper, from 1 to 21."""
    high, low = sorted((luminance(colour), luminance(paper)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@cache
def in_dark(colour: str) -> str:
    """Return the colour for dark paper: its hue, and the contrast that it has on light paper, to the power of MORE.

    White becomes paper, and none is lighter than ink.
    """
    if ratio(colour, PAPER) < 1.03:
        return DARK_PAPER
    wanted = min(ratio(colour, PAPER) ** MORE, ratio(DARK_INK, DARK_PAPER))
    hue, _, saturation = colorsys.rgb_to_hls(*mpl.colors.to_rgb(colour))
    low, high = 0.0, 1.0
    for _ in range(20):
        middle = (low + high) / 2
        here = mpl.colors.to_hex(colorsys.hls_to_rgb(hue, middle, saturation))
        reached = luminance(here) > luminance(DARK_PAPER) and ratio(here, DARK_PAPER) >= wanted
        low, high = (low, middle) if reached else (middle, high)
    return mpl.colors.to_hex(colorsys.hls_to_rgb(hue, high, saturation))

"""What a figure's file holds: its words and lines where they stand, one class for a style, colours for dark paper."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st
from matplotlib.colors import to_hex

from carousel.report.figures.dark import DARK_INK, DARK_PAPER, PAPER, in_dark, ratio
from carousel.report.figures.labels import TEXT
from carousel.report.figures.style import NARROW, WIDE, in_tens, panels, powers, style
from carousel.report.figures.svg import in_full, save, wrapped

SVG = "{http://www.w3.org/2000/svg}"
LINES = {"#0b5394": [0.0, -7.0, -30.0], "#a3262b": [0.0, -3.0, -12.5]}  # colour -> planted decades at LAGS
LAGS = [0.0, 25.0, 100.0]


def draw(folder: Path, width: float = WIDE) -> ElementTree.Element:
    """Return the file of a figure with the planted lines and a hollow mark."""
    with style(width):
        figure, axes = panels(["left of the gradient", "the same a second time"], "lag")
        for colour, decades in LINES.items():
            axes[0].plot(LAGS, decades, color=colour)
        axes[1].semilogx([1e-5, 1.0], [1, 2], "o", markerfacecolor="white", markeredgecolor="black")
        axes[0].set_ylim(-30, 0)
        powers(axes[0])
        save(figure, folder / "x.svg")
    return ElementTree.parse(folder / "x.svg").getroot()


def sheet(root: ElementTree.Element) -> tuple[dict[str, str], dict[str, str]]:
    """Return the style of each class, on light paper and what changes on dark."""
    text = next(root.iter(f"{SVG}style")).text or ""
    light, dark = text.split("@media(prefers-color-scheme:dark)")
    return dict(re.findall(r"\.(\w+)\{([^}]*)\}", light)), dict(re.findall(r"\.(\w+)\{([^}]*)\}", dark))


def test_the_end_points_of_lines_stand_where_the_axis_says(tmp_path: Path) -> None:
    root = draw(tmp_path)
    light, _ = sheet(root)
    ticks = {node.text: float(node.get("y", 0)) for node in root.iter(f"{SVG}text")}
    paths = {light.get(node.get("class", ""), ""): node.get("d", "") for node in root.iter(f"{SVG}path")}
    scale = (ticks["10⁻³⁰"] - ticks["10⁻¹⁰"]) / 20  # points per decade
    for colour, decades in LINES.items():
        (d,) = (d for look, d in paths.items() if f"stroke:{colour}" in look and d.count("L") == 2)
        x, y = np.array(re.findall(r"(-?[\d.]+) (-?[\d.]+)", d), float).T
        assert (y - y[0]) / scale == pytest.approx(-np.array(decades), abs=0.05)
        assert (x - x[0]) / (x[-1] - x[0]) == pytest.approx(np.array(LAGS) / 100, abs=1e-3)


def test_words_powers_and_sizes_are_those_of_the_page(tmp_path: Path) -> None:
    root = draw(tmp_path)
    words = ["".join(node.itertext()) for node in root.iter(f"{SVG}text")]
    assert {"left of the gradient", "lag", "1", "10⁻³⁰", "10⁻⁵"} <= set(words)
    assert not [word for word in words if re.search(r"1e-?\d|-\d", word)]
    text = (tmp_path / "x.svg").read_text("utf-8")
    assert {*re.findall(r"font-size:([\d.]+)px", text)} == {f"{TEXT:g}"}
    assert [float(side) for side in root.get("viewBox", "").split()][2] == pytest.approx(72 * WIDE)


def test_panels_stand_side_by_side_and_above_each_other_on_a_phone(tmp_path: Path) -> None:
    with style(NARROW):
        figure, (first, second) = panels(["a", "b"], "lag")
    assert first.get_position().y0 > second.get_position().y1
    assert figure.get_figwidth() == NARROW
    with style(WIDE):
        figure, (first, second) = panels(["a", "b"], "lag")
    assert first.get_position().x1 < second.get_position().x0


def test_every_colour_has_one_for_dark_paper_and_nothing_is_said_twice(tmp_path: Path) -> None:
    root = draw(tmp_path)
    light, dark = sheet(root)
    assert len({*light.values()}) == len(light)
    for name, look in light.items():
        for paint, colour in re.findall(r"(fill|stroke):(#\w+)", look):
            assert f"{paint}:{in_dark(colour)}" in dark[name]
    ids = {node.get("id") for node in root.iter() if node.get("id")}
    used = {
        name
        for node in root.iter()
        for value in node.attrib.values()
        for name in re.findall(r"#(\w+)", value)
    }
    assert ids == used
    assert f"background:{PAPER}" in (tmp_path / "x.svg").read_text("utf-8")


@given(st.tuples(*[st.floats(0, 1)] * 3))
def test_a_colour_keeps_its_contrast_in_the_dark(rgb: tuple[float, float, float]) -> None:
    colour = to_hex(rgb)
    before, after = ratio(colour, PAPER), ratio(in_dark(colour), DARK_PAPER)
    most = ratio(DARK_INK, DARK_PAPER)
    assert after >= min(before, most) * 0.97
    assert after <= max(most * 1.05, 1.1)


def test_black_and_white_become_ink_and_paper() -> None:
    assert in_dark("#ffffff") == DARK_PAPER
    assert ratio(in_dark("#000000"), DARK_INK) < 1.05


@pytest.mark.parametrize(
    ("value", "said"),
    [(1.0, "1"), (0.001, "0.001"), (1e-4, "10⁻⁴"), (1e4, "10,000"), (1e5, "10⁵"), (100.0, "100")],
)
def test_numbers_of_a_logarithmic_axis(value: float, said: str) -> None:
    assert in_full(value) == said


@pytest.mark.parametrize(
    ("decades", "said"), [(0, "1"), (1, "10"), (-10, "10⁻¹⁰"), (-0.5, "0.32"), (3, "10³")]
)
def test_powers_of_ten(decades: float, said: str) -> None:
    assert in_tens(decades) == said


def test_long_titles_break_between_words_and_keep_their_own_lines() -> None:
    assert wrapped("one two three\nfour", 8) == "one two\nthree\nfour"

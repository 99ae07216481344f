"""Every figure draws, is the same bytes twice, keeps its words inside the frame and off each other."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.text import Text

from carousel.claims import CLAIMS, judge
from carousel.figures import FIGURES, curves, draw
from carousel.figures.style import (
    CELLS,
    TEXT,
    apart,
    bias_looks,
    contrast,
    darker,
    save,
    spread_labels,
    style,
)

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def folder(study, calibration, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with every figure of the planted study."""
    path = tmp_path_factory.mktemp("figures")
    draw(*study, judge(*study, calibration), path / "new")
    return path / "new"


@pytest.fixture(scope="module")
def gallery(study) -> dict[str, Figure]:
    """Return every figure of the planted study with its labels in place."""
    return {name: drawn(name, study) for name in FIGURES}


def drawn(name: str, tables: tuple[pd.DataFrame, pd.DataFrame]) -> Figure:
    """Return a figure with its labels in place."""
    with style():
        figure = FIGURES[name](*tables)
        spread_labels(figure)
        figure.draw_without_rendering()
    return figure


@pytest.fixture(scope="module")
def alone(plant) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a small study that PyTorch alone measured."""
    return plant(backends=("torch",), repetitions=2)


def texts(path: Path) -> list[str]:
    """Return the words of an SVG file."""
    return ["".join(node.itertext()) for node in ElementTree.parse(path).iter(f"{SVG}text")]


def test_there_is_a_figure_for_every_claim_and_the_story(folder: Path) -> None:
    assert set(FIGURES) == {"story", *CLAIMS}
    assert {path.stem for path in folder.glob("*.svg")} == set(FIGURES)


@pytest.mark.parametrize("name", FIGURES)
def test_words_are_text_and_nothing_is_dated(folder: Path, name: str) -> None:
    source = (folder / f"{name}.svg").read_text(encoding="utf-8")
    assert len(texts(folder / f"{name}.svg")) > 5
    assert "<dc:date>" not in source
    assert not re.search(r"\b(nan|inf)\b", " ".join(texts(folder / f"{name}.svg")))


@pytest.mark.parametrize("name", ["story", "Q1", "A1a", "A4b"])
def test_lag_and_its_direction_are_on_the_axis(folder: Path, name: str) -> None:
    assert any("lag: steps back from the loss" in text for text in texts(folder / f"{name}.svg"))


@pytest.mark.parametrize("name", ["story", "K1", "A2e"])
def test_same_tables_same_bytes(study, folder: Path, tmp_path: Path, name: str) -> None:
    with style():
        save(FIGURES[name](*study), tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_bytes() == (folder / f"{name}.svg").read_bytes()


@pytest.mark.parametrize("name", FIGURES)
def test_words_stay_in_the_frame_and_labels_off_each_other(gallery, name: str) -> None:
    figure = gallery[name]
    frame = figure.bbox
    for ax in figure.axes:
        words = [*ax.texts, ax._left_title, ax.xaxis.label, *visible(ax.xaxis), *visible(ax.yaxis)]
        for box, text in ((text.get_window_extent(), text) for text in words if text.get_text()):
            assert box.x0 >= -1, text
            assert box.y0 >= -1, text
            assert box.x1 <= frame.x1 + 1, text
            assert box.y1 <= frame.y1 + 1, text
        ends = sorted(Text.get_window_extent(t).y0 for t in ax.texts if t.get_gid() == "end")
        assert np.all(np.diff(ends) >= 0.8 * TEXT * figure.dpi / 72)


def visible(axis: Axis) -> list[Text]:
    """Return the tick labels that the axis shows."""
    low, high = sorted(axis.get_view_interval())
    return [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]


@pytest.mark.parametrize("name", FIGURES)
def test_an_empty_study_is_said_to_be_empty(study, name: str) -> None:
    decay, accuracy = study
    figure = FIGURES[name](decay.head(0), accuracy.head(0))
    said = " ".join(text.get_text() for ax in figure.axes for text in ax.texts)
    assert "did not measure" in said or (name == "A2e" and "measured" not in said)


@pytest.mark.parametrize("name", FIGURES)
def test_one_backend_still_draws(alone, name: str) -> None:
    assert any(ax.lines for ax in FIGURES[name](*alone).axes)


def test_lines_show_the_tables(gallery, study) -> None:
    figure = gallery["story"]
    lines = [
        line for line in figure.axes[0].lines if line.get_linestyle() != "None" and len(line.get_xdata()) > 5
    ]
    decay = study[0]
    rows = decay[
        (decay["cell"] == "rnn_sigmoid") & (decay["quantity"] == "loss_state") & (decay["gain"] == 1)
    ]
    lowest = rows[(rows["init"] == "torch") & (rows["lag"] == 200)]["log10_norm"].median()
    assert min(line.get_ydata()[-1] for line in lines) == pytest.approx(lowest)


def test_the_story_marks_the_floats_and_names_its_lines(plant) -> None:
    deep, accuracy = plant(vanilla={"rnn_sigmoid": -1.7, "rnn_tanh": -0.25})
    figure = drawn("story", (deep, accuracy))
    said = " ".join(text.get_text() for text in figure.axes[0].texts)
    for words in ("float32", "float64", "sigmoid RNN", "LSTM of 1997", "LSTM, bias 0", "LSTM, bias chrono"):
        assert words in said


def test_the_story_in_words_has_the_numbers(folder: Path, plant) -> None:
    said = (folder / "story.txt").read_text(encoding="utf-8")
    assert "sigmoid RNN \N{MINUS SIGN}14" in said
    deep, _ = plant(need="K2", vanilla={"rnn_sigmoid": -1.7})
    assert "float64 loses it by lag" in curves.story_alt(deep)
    assert curves.story_alt(deep.head(0)) == "Nothing was measured."


def test_styles_can_be_told_apart_in_grey() -> None:
    assert len({cell[2] for cell in CELLS.values()}) >= len(CELLS) - 1
    assert len({cell[3] for cell in CELLS.values()}) == len(CELLS)
    looks = bias_looks(["0", "1", "3", "5", "10", "chrono"])
    assert len({look["linestyle"] for look in looks.values()}) == 6


@given(st.tuples(*[st.floats(0, 1)] * 3))
def test_text_colours_have_contrast(rgb: tuple[float, float, float]) -> None:
    from matplotlib.colors import to_hex, to_rgb

    assert contrast(np.array(to_rgb(darker(to_hex(rgb))))) >= 4.4


@given(st.lists(st.floats(0, 200), min_size=1, max_size=8))
def test_labels_are_spread_in_order_and_below_the_top(wanted: list[float]) -> None:
    placed = apart(np.sort(wanted), 14.0, 200.0)
    assert np.all(np.diff(placed) >= 13.9)
    assert placed.max() <= 200.0

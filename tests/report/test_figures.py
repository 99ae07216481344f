"""Every figure draws, is the same bytes twice, keeps its words inside the frame and off each other."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.text import Text
from support import planted
from support.report_results import depth_table

from carousel.analysis.stats.tables import MODEL as MODEL_OF, select
from carousel.analysis.summary import summarise
from carousel.analysis.theory import spectral
from carousel.claims import CLAIMS
from carousel.claims.claim import Tables
from carousel.report import recommendations
from carousel.report.figures import (
    depth,
    exponents,
    gates,
    jacobian,
    learned,
    phase,
    routes,
    story,
    theory as laws,
)
from carousel.report.figures.draw import FIGURES, PICTURES, draw
from carousel.report.figures.errors import ERROR
from carousel.report.figures.labels import TEXT, apart, contrast, darker
from carousel.report.figures.points import Point
from carousel.report.figures.style import LOOKS, bias_looks, style
from carousel.report.figures.svg import lay_out, save

SVG = "{http://www.w3.org/2000/svg}"
ALL = [*FIGURES, *PICTURES]
MODEL = {
    "device": "cpu", "dtype": "float64", "init": "orthogonal", "gain": 1.0, "bias": 0.0, "drive": "unit", "hidden": 4,
    "length": 100, "trained": "no", "step": 0, "gradient": "none",
}  # fmt: skip
VALUES = ("log10_norm", "cosine", "value", "rate", "theory", "loss", "accuracy")  # what a backend measures
PLACES = (("rnn_tanh", "none"), ("lstm97", "none"), ("lstm", "0"), ("lstm", "chrono"), ("gru", "0"))
SPECTRUM = {"rnn_tanh": (-0.1, -0.2, -0.4, -np.inf), "lstm97": (0.0, -0.1, -0.5, -0.7),
            "lstm": (-0.05, -0.1, -1.5, -2.0), "gru": (-0.1, -0.2, -0.3, -0.4)}  # fmt: skip
JACOBIAN = {"": -0.1, "_hh": -0.12, "_cc": -0.11, "_x": -3.0}  # suffix -> rate, decades per step
MEDIANS = {"gate_f": 0.7, "gate_i": 0.4, "gate_o": 0.5, "gate_z": 0.0, "entry": 0.45, "exit": 0.3, "exit_gate": 0.4,
           "exit_squash": 0.75, "exit_affine": 1.0}  # fmt: skip


def jacobian_table() -> pd.DataFrame:
    """Return norms that fall at known rates, the Frobenius norm twice the spectral; h to input reaches 1e-300."""
    lags = np.arange(0, 101, 5)
    rows = [
        MODEL | {"slice": "jacobian", "cell": cell, "forget_bias": bias, "backend": backend, "repetition": r,
                 "quantity": f"jacobian_{norm}{suffix}", "path": "full", "lag": lag,
                 "log10_norm": rate * lag + np.log10(2) * (norm == "fro") + 0.01 * (r - 1)}
        for cell, bias in PLACES for backend in ("numpy", "torch") for r in range(3) for norm in ("spec", "fro")
        for suffix, rate in JACOBIAN.items() if suffix in ("", "_x") or cell.startswith("lstm")
        for lag in lags if lag or suffix != "_x"
    ]  # fmt: skip
    return pd.DataFrame(rows)


def dynamics_rows(cell: str, bias: str, r: int, backend: str) -> list[dict]:
    """Return the exponents of a model, their sum, its gates and factors, and those after training."""
    model = MODEL | {
        "slice": "spectrum",
        "cell": cell,
        "forget_bias": bias,
        "repetition": r,
        "backend": backend,
    }
    one = {"quantile": np.nan, "error": np.nan, "axis": "all", "index": 0, "n": 8}
    spectrum = SPECTRUM[cell]
    rows = [model | one | {"quantity": "lyapunov", "axis": "exponent", "index": k + 1, "value": value, "error": 0.01}
            for k, value in enumerate(spectrum)]  # fmt: skip
    rows += [model | one | {"quantity": name, "value": sum(spectrum) + off}
             for name, off in (("lyapunov_sum", 0.0), ("log_det", 3e-12 * r))]  # fmt: skip
    trained = model | {"slice": "adding", "trained": "adding", "gradient": "full"}
    for start, shift in ((model, 0.0), (trained, 0.0), (trained | {"step": 60}, 0.1)):
        rows += [start | one | {"quantity": name, "quantile": q, "value": middle + shift + 0.1 * (q - 0.5)}
                 for name, middle in MEDIANS.items() if cell.startswith("lstm") for q in gates.QUANTILES]  # fmt: skip
    return rows


def dynamics_table() -> pd.DataFrame:
    """Return the dynamics of five settings on both backends."""
    each = [
        dynamics_rows(*place, r, backend)
        for place in PLACES
        for r in range(3)
        for backend in ("numpy", "torch")
    ]
    return pd.DataFrame([row for rows in each for row in rows])


def phase_table() -> pd.DataFrame:
    """Return the summary of two cells over gain and forget bias: rates that rise with both."""
    one = {
        "slice": "phase",
        "quantity": "loss_state",
        "path": "full",
        "trained": "no",
        "law": "",
        "theory": np.nan,
    }
    each = [
        one | {"backend": backend, "cell": cell, "gain": gain, "forget_bias": f"{bias:g}",
               "rate": -0.5 + 0.1 * gain + 0.05 * bias}
        for backend in ("numpy", "torch") for cell in ("lstm", "gru")
        for gain in (0.5, 1.0, 2.0, 3.0) for bias in (0.0, 1.0, 4.0)
    ]  # fmt: skip
    return pd.DataFrame(each)


@pytest.fixture(scope="module")
def tables(study, verdicts) -> dict[str, pd.DataFrame]:
    """Return all tables that figures are drawn from."""
    decay, accuracy, dynamics = study
    alone = decay["slice"] == "scalar"
    fed = decay.assign(input_size=np.where(alone, 1, 4), drive=np.where(alone, "0", "unit"))
    fed.loc[fed["trained"] != "no", "drive"] = "task"
    whole = pd.concat([decay, jacobian_table()], ignore_index=True)
    return {"decay": whole, "accuracy": accuracy, "claims": verdicts,
            "evidence": pd.DataFrame({"id": []}),
            "summary": pd.concat([summarise(fed), phase_table()], ignore_index=True),
            "dynamics": pd.concat([dynamics, dynamics_table()], ignore_index=True), "depth": depth_table(),
            "learned": recommendations.learned(planted.accuracy(), summarise(planted.decay()))}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tables, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with every figure of the planted study."""
    path = tmp_path_factory.mktemp("figures")
    draw(tables, path / "new")
    return path / "new"


class Gallery(dict[str, Figure]):
    """The figures of the planted study with their labels in place, each drawn when it is first looked at."""

    def __init__(self, study: Tables, tables: dict[str, pd.DataFrame]) -> None:
        super().__init__()
        self.study, self.tables = study, tables

    def __missing__(self, name: str) -> Figure:
        given = self.study if name in FIGURES else self.tables[PICTURES[name].table]
        self[name] = drawn(name, given)
        return self[name]


@pytest.fixture(scope="module")
def gallery(study, tables) -> Gallery:
    """Return the figures of the planted study."""
    return Gallery(study, tables)


def made(name: str, given: Tables | pd.DataFrame) -> Figure:
    """Return a figure of the tables, or of the table, that it is drawn from."""
    return FIGURES[name](given) if name in FIGURES else PICTURES[name].figure(given)


def drawn(name: str, given: Tables | pd.DataFrame) -> Figure:
    """Return a figure with its labels in place."""
    with style():
        figure = made(name, given)
        lay_out(figure)
        figure.draw_without_rendering()
    return figure


@pytest.fixture(scope="module")
def alone(plant) -> Tables:
    """Return a study that PyTorch alone measured."""
    return plant(backends=("torch",))


def texts(path: Path) -> list[str]:
    """Return the words of an SVG file."""
    return ["".join(node.itertext()) for node in ElementTree.parse(path).iter(f"{SVG}text")]


def test_there_is_a_figure_for_every_claim_and_the_story_and_words_for_the_pictures(folder: Path) -> None:
    assert set(FIGURES) == {"story", *CLAIMS}
    assert {path.stem for path in folder.glob("*.svg")} == {"hero", *ALL}
    assert {path.stem for path in folder.glob("*.txt")} == {"story", *PICTURES}
    assert 'figure class="hero"' in (folder / "hero.html").read_text("utf-8")


@pytest.mark.parametrize("name", ALL)
def test_words_are_text_and_nothing_is_dated(folder: Path, name: str) -> None:
    source = (folder / f"{name}.svg").read_text(encoding="utf-8")
    assert len(texts(folder / f"{name}.svg")) > 5
    assert "<dc:date>" not in source
    assert not re.search(r"\b(nan|inf)\b", " ".join(texts(folder / f"{name}.svg")))


@pytest.mark.parametrize("name", ["story", "Q1", "A1a", "A4b", "jacobian"])
def test_lag_and_its_direction_are_on_the_axis(folder: Path, name: str) -> None:
    assert any("lag: steps back from the loss" in text for text in texts(folder / f"{name}.svg"))


@pytest.mark.parametrize("name", ["story", "K1", "A2e"])
def test_same_tables_same_bytes(study, folder: Path, tmp_path: Path, name: str) -> None:
    with style():
        save(FIGURES[name](study), tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_bytes() == (folder / f"{name}.svg").read_bytes()


@pytest.mark.parametrize("name", PICTURES)
def test_same_tables_same_picture(tables, folder: Path, tmp_path: Path, name: str) -> None:
    with style():
        save(PICTURES[name].figure(tables[PICTURES[name].table]), tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_bytes() == (folder / f"{name}.svg").read_bytes()


@pytest.mark.parametrize("name", ALL)
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


@pytest.mark.parametrize("name", ALL)
def test_the_numbers_drawn_lie_beside_the_figure(folder: Path, name: str) -> None:
    found = pd.read_csv(folder / "data" / f"{name}.csv", comment="#")
    assert tuple(found.columns) == Point._fields
    assert len(found) and np.isfinite(found[["x", "y"]].to_numpy()).all()


@pytest.mark.parametrize("name", FIGURES)
def test_an_empty_study_is_said_to_be_empty(study, name: str) -> None:
    figure = FIGURES[name](Tables(*(table.head(0) for table in study)))
    said = " ".join(text.get_text() for ax in figure.axes for text in ax.texts)
    assert "did not measure" in said or (name == "A2e" and "measured" not in said)


@pytest.mark.parametrize("name", PICTURES)
def test_a_study_without_a_slice_says_so(tables, name: str) -> None:
    table = tables[PICTURES[name].table].head(0)
    said = " ".join(text.get_text() for ax in made(name, table).axes for text in ax.texts)
    assert "did not measure" in said
    assert re.search("did not measure|No closed form", PICTURES[name].alt(table))


@pytest.mark.parametrize("name", PICTURES)
def test_torch_alone_draws_pictures(tables, name: str) -> None:
    table = tables[PICTURES[name].table]
    alone = table[table["backend"] == "torch"] if "backend" in table else table
    assert any(ax.lines for ax in made(name, alone).axes)
    assert PICTURES[name].alt(alone)


@pytest.mark.parametrize("name", FIGURES)
def test_one_backend_still_draws(alone, name: str) -> None:
    assert any(ax.lines for ax in FIGURES[name](alone).axes)


def changed(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with other values of PyTorch's in the first three repetitions, and none in the rest."""
    if "backend" not in table:
        return table
    torch = table["backend"] == "torch"
    values = {name: table[name].where(~torch, 0.5 * table[name] + 0.1) for name in VALUES if name in table}
    if "solved" in table:
        values["solved"] = table["solved"] ^ torch
    kept = ~torch | (table["repetition"] < 3) if "repetition" in table else slice(None)
    return table.assign(**values)[kept]


@pytest.mark.parametrize("name", ALL)
def test_a_second_backend_with_other_repetitions_moves_no_line(gallery, study, tables, name: str) -> None:
    others = Tables(*map(changed, study)) if name in FIGURES else changed(tables[PICTURES[name].table])
    figure = drawn(name, others)
    assert len(figure.axes) == len(gallery[name].axes)
    of_both = [titled(ax) for ax in figure.axes].count(ERROR)  # a figure of errors alone has no sample
    assert of_both == len(figure.axes) or sum(len(line) for ax in figure.axes for line in sampled(ax)) > 0
    for ax, before in zip(figure.axes, gallery[name].axes, strict=True):
        for line, same in zip(sampled(ax), sampled(before), strict=True):
            np.testing.assert_array_equal(line, same)


def titled(ax: Axes) -> str:
    """Return the title of an axes on one line."""
    return " ".join(ax.get_title(loc="left").split())


def sampled(ax: Axes) -> list[np.ndarray]:
    """Return the data of the lines that show the sample: not the dots of the other backend, nor errors of either."""
    both = titled(ax) == ERROR
    dots = (line for line in ax.lines if not (line.get_marker() == "." and line.get_linestyle() == "None"))
    return [] if both else [line.get_xydata() for line in dots]


def test_marks_stand_at_what_a_gradient_loses_over_the_length(gallery) -> None:
    (ax,) = gallery["learned"].axes
    marks = np.concatenate([line.get_xydata() for line in ax.lines if line.get_marker() != "None"])
    for bias in "013":
        for length in planted.LENGTHS:
            lost = -planted.rate("lstm", bias, "orthogonal") * length
            near = marks[np.abs(marks[:, 0] - np.clip(-lost, -learned.MOST, 2)) < 0.05 * lost + 0.01]
            assert any((near[:, 1] > 0.5) == (lost < 2)), (bias, length)


def test_the_words_of_learning_count_the_settings() -> None:
    rows = pd.DataFrame({"task": "adding", "cell": "lstm", "length": [10, 10, 20, 20], "low": 0.0, "high": 1.0,
                         "rate": [-0.1, -0.2, -0.2, np.inf], "share": [1.0, 0.5, 0.4, 1.0]})  # fmt: skip
    assert learned.alt(rows) == (
        "3 settings and lengths by the decades that a gradient loses over the sequence before training. "
        "Half of the seeds or more solve 2; these lose 1 to 2, 1.5 in the median. "
        "Fewer than half solve 1; these lose 4 to 4, 4 in the median. 1 lose more than any that is solved."
    )


def test_every_stack_has_its_lines_and_they_are_the_table_s(gallery) -> None:
    plain, residual = gallery["depth"].axes
    table = depth_table().query("backend == 'numpy' and repetition == 0 and lag < 60")
    for ax, kind in ((plain, False), (residual, True)):
        assert [line.get_label() for line in ax.lines] == [
            "one layer",
            "lowest of 2 layers",
            "its layers 2 to 2",
        ]
        for line, (layers, layer) in zip(ax.lines, ((1, 1), (2, 1), (2, 2)), strict=True):
            own = table.query(
                f"layers == {layers} and layer == {layer} and residual == {kind and layers > 1}"
            )
            np.testing.assert_allclose(line.get_xydata(), own[["lag", "log10_norm"]])


def test_the_words_of_depth_have_every_stack_at_the_longest_lag() -> None:
    assert depth.alt(depth_table()) == (
        "What arrives of the gradient at the lowest layer 30 steps back, in decades. "
        "LSTM, bias 1: \N{MINUS SIGN}3 with 1 layer, \N{MINUS SIGN}3 with 2 layers and "
        "\N{MINUS SIGN}1.4 with 2 layers, residual."
    )
    assert depth.alt(depth_table().iloc[:0]) == "This study did not measure the gradient in stacks of layers."


def test_lines_show_the_tables(gallery, study) -> None:
    figure = gallery["story"]
    lines = [
        line for line in figure.axes[0].lines if line.get_linestyle() != "None" and len(line.get_xdata()) > 5
    ]
    decay = study[0]
    rows = decay[
        (decay["cell"] == "rnn_sigmoid") & (decay["quantity"] == "loss_state") & (decay["gain"] == 1)
    ]
    rows = rows[(rows["init"] == "torch") & (rows["lag"] < rows["length"])]
    lowest = rows[rows["lag"] == rows["lag"].max()]["log10_norm"].median()
    assert min(line.get_ydata()[-1] for line in lines) == pytest.approx(lowest)


def test_the_story_marks_the_floats_and_names_its_lines(plant) -> None:
    figure = drawn("story", plant(vanilla={"rnn_sigmoid": -2.2, "rnn_tanh": -0.25}))
    said = " ".join(text.get_text() for text in figure.axes[0].texts)
    for words in ("float32", "float64", "sigmoid RNN", "LSTM of 1997", "LSTM, bias 0", "LSTM, bias chrono"):
        assert words in said


def test_the_story_in_words_has_the_numbers(folder: Path, plant) -> None:
    said = (folder / "story.txt").read_text(encoding="utf-8")
    assert "Powers of ten left after 100 and 165 steps: " in said
    assert "sigmoid RNN \N{MINUS SIGN}70.1 and \N{MINUS SIGN}116" in said
    deep, *_ = plant(need="K2", vanilla={"rnn_sigmoid": -2.2})
    assert "float64 loses it by lag" in story.story_alt(deep)
    said = story.story_alt(planted.decay())
    assert (
        "Powers of ten left after 96 and 108 steps: LSTM, bias 0 \N{MINUS SIGN}28.8 and \N{MINUS SIGN}32.4; "
        in said
    )
    assert story.story_alt(deep.head(0)) == "Nothing was measured."


def test_styles_can_be_told_apart_in_grey() -> None:
    _, dashes, markers = zip(*LOOKS.values(), strict=True)
    assert len(set(dashes)) >= len(LOOKS) - 1
    assert len(set(markers)) == len(LOOKS)
    looks = bias_looks(["0", "1", "3", "5", "10", "chrono"])
    assert len({look["linestyle"] for look in looks.values()}) == 6


@given(st.tuples(*[st.floats(0, 1)] * 3))
def test_text_colours_have_contrast(rgb: tuple[float, float, float]) -> None:
    from matplotlib.colors import to_hex, to_rgb

    assert contrast(np.array(to_rgb(darker(to_hex(rgb))))) >= 4.4


@given(st.lists(st.floats(0, 200), min_size=1, max_size=20), st.floats(0, 60))
def test_labels_are_spread_in_order_between_bottom_and_top(wanted: list[float], bottom: float) -> None:
    placed = apart(np.sort(wanted), 14.0, bottom, 200.0)
    assert np.all(np.diff(placed) >= 13.9)
    assert placed.max() <= 200.0
    assert placed.min() >= min(bottom, 200.0 - 14.0 * (len(wanted) - 1)) - 1e-6


def test_theory_has_a_row_a_law_and_its_gaps_where_the_table_says(gallery, tables) -> None:
    rows = laws.covered(tables["summary"]).query("finite")
    (ax,) = gallery["theory"].axes
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert {*labels} == {f"{law} ({len(own)})" for law, own in rows.groupby("law")}
    assert {*laws.gaps(tables["summary"])["law"]} == {*rows["law"]} == {"mean field", "forget gates"}
    for place, label in zip(ax.get_yticks(), labels, strict=True):
        gaps = np.maximum(rows.loc[rows["law"] == label.rpartition(" (")[0], "gap"], laws.LEAST)
        assert len(gaps) <= laws.MOST  # so that none is left out
        own = [line for line in ax.lines if np.all(np.abs(np.asarray(line.get_ydata()) - place) < 0.5)]
        shown = np.concatenate([line.get_xdata() for line in own if line.get_marker() != "|"])
        np.testing.assert_array_equal(np.sort(shown), np.sort(gaps))
        (middle,) = [line.get_xdata()[0] for line in own if line.get_marker() == "|"]
        assert middle == max(np.median(rows.loc[gaps.index, "gap"]), laws.LEAST)


def test_gaps_are_those_of_finite_rates_and_the_others_are_counted() -> None:
    rows = [(-0.5, -0.4), (-0.5, -0.5), (-0.2, -0.5), (-np.inf, -np.inf), (-np.inf, -1.0), (np.nan, -1.0)]
    table = pd.DataFrame(rows, columns=["rate", "theory"]).assign(
        law="mean field",
        trained="no",
        quantity="loss_state",
        backend="numpy",
        cell="rnn_tanh",
        low=-1.0,
        high=0.0,
    )
    more = [table.assign(trained="adding"), table.assign(quantity="cec"), table.assign(law=""),
            table.assign(backend="torch")]  # fmt: skip
    (row,) = laws.gaps(pd.concat([table, *more], ignore_index=True)).itertuples(index=False)
    assert row == ("mean field", 6, pytest.approx(0.1), pytest.approx(0.3), 3, 1)
    said = laws.alt(table)
    assert "3 settings, gap 0.1 in the median, 0.3 at most" in said
    assert "Not drawn: 3 settings" in said


def test_the_jacobian_goes_down_to_where_it_goes(gallery, folder: Path) -> None:
    panels = {titled(ax): ax for ax in gallery["jacobian"].axes}
    assert list(panels) == ["tanh RNN", "LSTM, forget bias 0", "LSTM, forget bias chrono"]
    ends = [line.get_ydata()[-1] for line in panels["LSTM, forget bias 0"].lines]
    wanted = [100 * rate + shift for rate in JACOBIAN.values() for shift in (0, np.log10(2))]
    assert ends == pytest.approx(wanted)
    dashes = [line._unscaled_dash_pattern[1] for line in panels["LSTM, forget bias 0"].lines]
    assert [bool(pattern) for pattern in dashes] == 4 * [False, True]  # the spectral norm solid
    assert [text.get_text() for text in panels["tanh RNN"].texts] == ["whole state", "h by input"]
    said = (folder / "jacobian.txt").read_text(encoding="utf-8")
    assert (
        "LSTM, forget bias 0: whole state \N{MINUS SIGN}10 at lag 100, h by h \N{MINUS SIGN}12 at lag 100"
        in said
    )
    assert jacobian.alt(jacobian_table().assign(log10_norm=-np.inf)).count("at lag") == 0


def test_exponents_are_drawn_in_order_with_bands_and_lost_directions_are_said(gallery, folder: Path) -> None:
    (ax,) = gallery["exponents"].axes
    low, chrono, old, tanh, _, memory = ax.lines
    for line, cell in ((low, "lstm"), (chrono, "lstm"), (old, "lstm97")):
        assert tuple(line.get_ydata()) == SPECTRUM[cell]
    assert tuple(tanh.get_ydata()) == SPECTRUM["rnn_tanh"][:3]
    box = ax.collections[0].get_paths()[0].get_extents()
    assert (box.y0, box.y1) == pytest.approx((-2.02, -0.03))
    assert set(memory.get_xdata()) == {2.5}
    (told,) = gallery["exponents"].legends
    assert [text.get_text() for text in told.get_texts()] == [memory.get_label()] == ["2 memory cells"]
    said = (folder / "exponents.txt").read_text(encoding="utf-8")
    assert "tanh RNN \N{MINUS SIGN}0.1 and \N{MINUS SIGN}0.4, lost directions: 1" in said


def test_the_sum_of_the_exponents_is_held_against_the_determinant() -> None:
    table = dynamics_table()
    found = exponents.determinants(table)
    assert (found.models, found.lost, found.apart) == (30, 6, 0)
    assert found.largest == pytest.approx(6e-12, rel=1e-3)
    finite = (table["quantity"] == "log_det") & (table["cell"] == "gru") & (table["repetition"] == 0)
    assert exponents.determinants(table.assign(value=table["value"].where(~finite, -np.inf))).apart == 2
    off = exponents.determinants(table.assign(value=table["value"].where(~finite, 5.0)))
    assert off.largest == pytest.approx(6.0)
    assert exponents.determinants(table.head(0)).models == 0


def test_gates_stand_before_and_after_training(gallery, folder: Path) -> None:
    axes = gallery["gates"].axes
    assert [titled(ax) for ax in axes] == [
        "forget gate",
        "input gate",
    ]
    names = [label.get_text() for label in axes[0].get_yticklabels()]
    assert names == ["LSTM, bias 0", "after 60 steps", "LSTM, bias chrono", "after 60 steps",
                     "LSTM of 1997", "after 60 steps"]  # fmt: skip
    dots = [
        (line.get_xdata()[0], line.get_markerfacecolor())
        for line in axes[0].lines
        if line.get_marker() == "o"
    ]
    assert [x for x, _ in dots] == pytest.approx([0.7, 0.8] * 3)
    assert [face == "white" for _, face in dots] == [False, True] * 3
    assert "LSTM, bias 0 after 60 steps: gate f 0.8, gate i 0.5" in (folder / "gates.txt").read_text(
        encoding="utf-8"
    )


def test_factors_below_the_axis_stand_at_its_end_and_the_parts_below_the_exit(gallery) -> None:
    titles = [titled(ax) for ax in gallery["factors"].axes]
    assert titles == ["into the cell", "out of the cell", "input gate", "tanh", "weights"]
    table = dynamics_table()
    tiny = table.assign(value=table["value"].where(table["quantity"] != "entry", 1e-14))
    entry = gates.factors(tiny).axes[0]
    assert {x for line in entry.lines for x in line.get_xdata()} == {gates.FLOOR}
    assert "entry 1e\N{MINUS SIGN}14" in gates.factors_alt(tiny)


def test_a_study_without_training_shows_the_gates_before_it() -> None:
    table = select(dynamics_table(), trained="no")
    assert set(gates.bands(gates.first_and_last(table), gates.GATES)["step"]) == {0}


def test_the_phase_diagram_shows_half_lives_and_theory_s_border(gallery) -> None:
    ax = gallery["phase"].axes[0]
    said = [text.get_text() for text in ax.texts][:3]
    assert said == ["0.67", "0.75", "1.2"]  # log10(2) over 0.45, 0.40 and 0.25
    rates = (np.log10(2), -0.01, 0.001, -np.log10(2) / 9.96, 0.0)
    assert [phase.in_steps(rate) for rate in rates] == ["+1", "30", "+301", "10", "\N{INFINITY}"]
    x, y = ax.lines[0].get_data()
    inside = np.isfinite(x) & np.isfinite(y)
    gain = np.interp(y[inside], range(4), [0.5, 1.0, 2.0, 3.0])
    bias = np.interp(x[inside], range(3), [0.0, 1.0, 4.0])
    radius = [spectral.lstm_radius(g, b) for g, b in zip(gain, bias, strict=True)]
    np.testing.assert_allclose(radius, 1, atol=1e-9)


def marks(ax: Axes, face: str = "white") -> np.ndarray:
    """Return the places of the round marks of a colour."""
    dots = [
        line.get_xydata()
        for line in ax.lines
        if line.get_marker() == "o" and line.get_markerfacecolor() == face
    ]
    return np.concatenate(dots) if dots else np.empty((0, 2))


def test_crossings_stand_where_the_verdict_has_them(gallery, study) -> None:
    evidence = CLAIMS["A1h"].evidence(study)
    wanted = evidence.loc[evidence["part"].str.contains("lead") & np.isfinite(evidence["effect"])]
    wanted = wanted.loc[wanted["backend"] == "numpy", "effect"]
    x, y = marks(gallery["A1h"].axes[0]).T
    assert len(wanted) > 0
    assert np.sort(x) == pytest.approx(np.sort(wanted))
    np.testing.assert_allclose(y, np.abs(np.log10(x)))


def test_the_whole_stands_above_its_part_along_the_carousel(gallery, study) -> None:
    rows = select(study.decay, quantity="loss_state", backend="numpy", cell="lstm97", step=0)
    rows = rows[(rows["hidden"] > 1) & (rows["slice"] == "grid") & rows["path"].isin(["full", "cell"])]
    rows = rows[rows["lag"] <= 0.9 * rows["length"]]
    rows = rows[rows["lag"] == rows.groupby("length")["lag"].transform("max")]
    keys = ["init", "gain", "length", "hidden", "drive"]
    wanted = rows.groupby([*keys, "path"], observed=True)["log10_norm"].median().unstack("path").dropna()
    (old,) = (line for line in gallery["A1f"].axes[0].lines if line.get_label() == "LSTM of 1997")
    drawn = {tuple(pair) for pair in np.round(old.get_xydata(), 9)}
    assert len(wanted) > 0
    assert {tuple(pair) for pair in np.round(wanted[["cell", "full"]].to_numpy(float), 9)} <= drawn


def test_bars_are_the_share_of_lstms_that_had_half_by_other_routes(gallery, study) -> None:
    rows = select(
        study.decay, quantity="loss_state", backend="numpy", cell=("lstm", "lstm97", "lstm_peephole"), step=0
    )
    words = [text.get_text() for text in gallery["A1g"].axes[0].texts]
    bars = [bar.get_width() for bar in gallery["A1g"].axes[0].patches]
    assert len(words) == len(bars) > 1
    for word, width in zip(words, bars, strict=True):
        share, count = (float(part) for part in re.findall(r"[\d.]+", word))
        assert share == round(100 * width)
        assert width * count == pytest.approx(round(width * count))
    models = rows[(rows["hidden"] > 1) & (rows["path"] == "cell")]
    assert sum(float(word.split()[-1]) for word in words) <= len(models.drop_duplicates(MODEL_OF))


def test_what_truncation_costs_is_said_as_the_verdict_has_it(gallery, study) -> None:
    claim = CLAIMS["A3b"]
    states = claim.decide(claim.evidence(study)).states
    said = [text.get_text() for text in gallery["A3b"].axes[1].texts]
    words = {"holds": "little", "fails": "more", "mixed": "depends", "unclear": "open"}
    wanted = [words[state] for part, state in states.items() if not part.startswith("decay of the flow")
              and "default" not in part]  # fmt: skip
    assert sorted(said) == sorted(wanted)


@pytest.mark.parametrize(("slope", "said"), [(1.0, ["a tenth from 2.0 on"]), (0.1, [])])
def test_the_forget_bias_from_which_the_carousel_has_a_tenth_is_marked(slope: float, said: list[str]) -> None:
    rows = [
        MODEL | {"cell": "lstm", "slice": "bias", "backend": "numpy", "forget_bias": str(bias), "repetition": r,
                 "along": slope * bias - 3 + 1e-3 * r - 4.5e-3}
        for bias in range(5) for r in range(10)
    ]  # fmt: skip
    ax = Figure().subplots()
    routes._mark_tenth(ax, pd.DataFrame(rows))
    assert [text.get_text() for text in ax.texts] == said
